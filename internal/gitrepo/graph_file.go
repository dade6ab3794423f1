package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// graphLayer is one commit-graph file: commits in the order of their ids, with the
// generation of each, which is above that of all its parents.
// See https://git-scm.com/docs/gitformat-commit-graph.
type graphLayer struct {
	idTable
	file     *mappedFile
	sum      []byte // the last bytes of the file, over all others
	below    []byte // the sums of the layers that this one stands on, lowest first
	commits  []byte // for each commit: its tree, two parents, level and date
	dates    []byte // for each commit: how much later it is dated than its date; nil: not recorded
	overflow []byte // what does not fit there
}

var errGraph = errors.New("invalid commit-graph")

// infinite is the generation of a commit that no commit-graph lists.
const infinite = ^uint64(0)

// openLayer reads a file whole, to check its sum.
func openLayer(path string, hash int) (*graphLayer, error) {
	file, err := openMapped(path)
	if err != nil {
		return nil, err
	}
	data := file.data
	if data == nil {
		if data, err = os.ReadFile(path); err != nil {
			return nil, errors.Join(err, file.close())
		}
	}
	layer, err := parseLayer(data, hash)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.close())
	}
	layer.file = file
	return layer, nil
}

func parseLayer(data []byte, hash int) (*graphLayer, error) {
	if len(data) < 8+hash || string(data[:4]) != "CGPH" || data[4] != 1 || data[5] != hashVersion(hash) {
		return nil, fmt.Errorf("%w: unknown version", errGraph)
	}
	body, sum := data[:len(data)-hash], data[len(data)-hash:]
	h := newHash(hash)
	h.Write(body)
	if !bytes.Equal(h.Sum(nil), sum) {
		return nil, fmt.Errorf("%w: the checksum does not match", errGraph)
	}
	chunks, err := tableOfContents(body, 8, int(data[6]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGraph, err)
	}
	l := &graphLayer{idTable: idTable{hash: hash, stride: hash}, sum: sum, below: chunks["BASE"]}
	return l, l.take(chunks, int(data[7]))
}

// take checks that the chunks have the sizes that belong together.
func (l *graphLayer) take(chunks map[string][]byte, layers int) error {
	if len(chunks["OIDF"]) != fanoutBytes || !l.readFanout(chunks["OIDF"]) {
		return fmt.Errorf("%w: its fanout is not monotonic", errGraph)
	}
	l.names, l.commits = chunks["OIDL"], chunks["CDAT"]
	l.dates, l.overflow = chunks["GDA2"], chunks["GDO2"]
	if len(l.names) != l.count*l.hash || len(l.commits) != l.count*(l.hash+16) || len(l.below) != layers*l.hash ||
		l.dates != nil && len(l.dates) != l.count*4 {
		return fmt.Errorf("%w: its parts do not fit together", errGraph)
	}
	return nil
}

// highestLevel is where levels stop to grow.
const highestLevel = 1<<30 - 1

// generation is the date of a commit, or later where a parent is dated so, or its
// level: one more than the highest of its parents.
func (l *graphLayer) generation(pos int, dated bool) uint64 {
	tail := binary.BigEndian.Uint64(l.commits[pos*(l.hash+16)+l.hash+8:])
	level, date := tail>>34, tail&(1<<34-1)
	if !dated {
		if level == 0 { // written before git counted them
			return infinite
		}
		return level
	}
	later := binary.BigEndian.Uint32(l.dates[4*pos:])
	if later < 1<<31 {
		return date + uint64(later)
	}
	at := int64(later&(1<<31-1)) * 8
	if at+8 > int64(len(l.overflow)) {
		return infinite
	}
	return date + binary.BigEndian.Uint64(l.overflow[at:])
}

// findLayers opens the commit-graph of one folder of objects: a single file, or
// the layers of a chain, lowest first. No file is no error.
func (s *store) findLayers(dir string) ([]*graphLayer, error) {
	layer, err := openLayer(filepath.Join(dir, "info", "commit-graph"), s.hash)
	if err == nil && len(layer.below) > 0 {
		err = errors.Join(fmt.Errorf("%w: it stands on others and is alone", errGraph), layer.file.close())
	}
	if err == nil {
		return []*graphLayer{layer}, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "info", "commit-graphs", "commit-graph-chain"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.chain(strings.Fields(string(text)))
}

// maxLayers is how many layers one byte of a commit-graph's head can count below it.
const maxLayers = 256

// chain opens the layers that a chain names, which may lie in any folder of objects.
func (s *store) chain(names []string) (layers []*graphLayer, err error) {
	if len(names) > maxLayers {
		return nil, fmt.Errorf("%w: a chain of %d layers", errGraph, len(names))
	}
	var sums []byte
	for _, name := range names {
		var layer *graphLayer
		id, parseErr := ParseID(name)
		if parseErr != nil || int(id.size) != s.hash {
			return layers, fmt.Errorf("%w: %q is not the name of a layer", errGraph, name)
		}
		if layer, err = s.openNamed(id); err != nil {
			return layers, err
		}
		layers = append(layers, layer)
		if !bytes.Equal(layer.sum, id.Bytes()) || !bytes.Equal(layer.below, sums) {
			return layers, fmt.Errorf("%w: layer %s does not stand on those below it", errGraph, id)
		}
		sums = append(sums, layer.sum...)
	}
	return layers, nil
}

func (s *store) openNamed(id ID) (layer *graphLayer, err error) {
	for _, dir := range s.dirs {
		layer, err = openLayer(filepath.Join(dir, "info", "commit-graphs", "graph-"+id.String()+".graph"), s.hash)
		if !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return layer, err
}
