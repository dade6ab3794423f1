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

var errMidx = errors.New("invalid multi-pack-index")

// midxIndexes gives an index for every pack named by a multi-pack-index, keyed
// by the pack's name without its ending. An object that lies in several packs
// is listed in one of them only. No file is no error.
// See https://git-scm.com/docs/gitformat-pack "multi-pack-index (MIDX) files".
func midxIndexes(packDir string, hash int) (map[string]*packIndex, error) {
	path := filepath.Join(packDir, "multi-pack-index")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	indexes, err := parseMidx(data, hash)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return indexes, nil
}

func parseMidx(data []byte, hash int) (map[string]*packIndex, error) {
	if len(data) < 12+hash || string(data[:4]) != "MIDX" || data[4] != 1 || data[5] != hashVersion(hash) {
		return nil, errMidx
	}
	packs := int(binary.BigEndian.Uint32(data[8:]))
	chunks, err := tableOfContents(data, 12, int(data[6]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMidx, err)
	}
	names := strings.Split(strings.TrimRight(string(chunks["PNAM"]), "\x00"), "\x00")
	ids, places := chunks["OIDL"], chunks["OOFF"]
	count := len(ids) / hash
	if len(names) != packs || len(places) != count*8 || len(ids) != count*hash {
		return nil, errMidx
	}
	builders := make([]idxBuilder, packs)
	for i := range count {
		pack := int(binary.BigEndian.Uint32(places[8*i:]))
		if pack >= packs {
			return nil, errMidx
		}
		offset, ok := midxOffset(binary.BigEndian.Uint32(places[8*i+4:]), chunks["LOFF"])
		if !ok {
			return nil, errMidx
		}
		builders[pack].add(ids[hash*i:hash*(i+1)], offset)
	}
	indexes := map[string]*packIndex{}
	for i, name := range names {
		indexes[strings.TrimSuffix(strings.TrimSuffix(name, ".idx"), ".pack")] = builders[i].index(hash)
	}
	return indexes, nil
}

func hashVersion(hash int) byte {
	if hash == 32 {
		return 2
	}
	return 1
}

func midxOffset(low uint32, large []byte) (int64, bool) {
	if low < 1<<31 || len(large) == 0 {
		return int64(low), true
	}
	at := int64(low&(1<<31-1)) * 8
	if at+8 > int64(len(large)) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(large[at:])), true
}

// idxBuilder gathers ids in order into the tables of a version 2 index.
type idxBuilder struct {
	counts              [256]uint32
	names, off32, off64 bytes.Buffer
}

func (b *idxBuilder) add(name []byte, offset int64) {
	b.counts[name[0]]++
	b.names.Write(name)
	low := uint32(offset)
	if offset >= 1<<31 {
		low = 1<<31 | uint32(b.off64.Len()/8)
		b.off64.Write(binary.BigEndian.AppendUint64(nil, uint64(offset)))
	}
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], low)
	b.off32.Write(raw[:])
}

func (b *idxBuilder) index(hash int) *packIndex {
	var total uint32
	fanout := make([]byte, 0, fanoutBytes)
	for _, n := range b.counts {
		total += n
		fanout = binary.BigEndian.AppendUint32(fanout, total)
	}
	ids := idTable{hash: hash, count: int(total), stride: hash, fanout: fanout, names: b.names.Bytes()}
	return &packIndex{idTable: ids, off32: b.off32.Bytes(), off64: b.off64.Bytes()}
}
