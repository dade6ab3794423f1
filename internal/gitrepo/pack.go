package gitrepo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// pack is one pack file with its index.
type pack struct {
	name  string // path without its ending
	order int    // position in the store
	idx   *packIndex
	file  *mappedFile
	idxIn *mappedFile // holds the bytes of idx; nil when they came from elsewhere
	hash  int
}

var errPack = errors.New("invalid pack")

// openPack opens name+".pack" with the index given, or with name+".idx" when nil.
func openPack(name string, idx *packIndex, hash int) (*pack, error) {
	p := &pack{name: name, idx: idx, hash: hash}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pack) open() (err error) {
	fromFile := p.idx == nil
	if fromFile {
		if err = p.openIndex(); err != nil {
			return err
		}
	}
	if p.file, err = openMapped(p.name + ".pack"); err != nil {
		return err
	}
	var scratch []byte
	head, err := p.file.at(0, 12, &scratch)
	if err != nil {
		return err
	}
	if len(head) < 12 || p.file.size < int64(12+p.hash) || string(head[:4]) != "PACK" {
		return fmt.Errorf("%s.pack: %w", p.name, errPack)
	}
	if v := binary.BigEndian.Uint32(head[4:]); v != 2 && v != 3 {
		return fmt.Errorf("%s.pack: %w: version %d", p.name, errPack, v)
	}
	if n := binary.BigEndian.Uint32(head[8:]); fromFile && int64(n) != int64(p.idx.count) {
		return fmt.Errorf("%s.pack: %w: it holds %d objects, its index %d", p.name, errPack, n, p.idx.count)
	}
	return nil
}

func (p *pack) openIndex() (err error) {
	if p.idxIn, err = openMapped(p.name + ".idx"); err != nil {
		return err
	}
	data := p.idxIn.data
	if data == nil {
		if data, err = os.ReadFile(p.name + ".idx"); err != nil {
			return err
		}
	}
	if p.idx, err = parsePackIndex(data, p.hash); err != nil {
		return fmt.Errorf("%s.idx: %w", p.name, err)
	}
	return nil
}

func (p *pack) close() error {
	var errs []error
	if p.file != nil {
		errs = append(errs, p.file.close())
	}
	if p.idxIn != nil {
		errs = append(errs, p.idxIn.close())
	}
	return errors.Join(errs...)
}

// end is where the entries end and the pack's own hash begins.
func (p *pack) end() int64 { return p.file.size - int64(p.hash) }

// entry is the header of one packed object.
type entry struct {
	kind   Type  // a type, or one of the two delta kinds
	size   int64 // declared, of what inflates: the object or its delta
	data   int64 // where in the pack the zlib stream begins
	base   int64 // typeOfsDelta: where the base begins
	baseID ID    // typeRefDelta
}

const maxEntryHead = 16 + 32

var errEntry = errors.New("invalid pack entry")

// entry reads the header at an offset, which need not be trustworthy.
func (p *pack) entry(off int64, scratch *[]byte) (entry, error) {
	if off < 12 || off >= p.end() {
		return entry{}, fmt.Errorf("%w: offset %d is outside the pack", errEntry, off)
	}
	head, err := p.file.at(off, maxEntryHead, scratch)
	if err != nil {
		return entry{}, err
	}
	e, used, err := parseEntry(head[:min(int64(len(head)), maxEntryHead, p.end()-off)], off, p.hash)
	e.data = off + int64(used)
	return e, err
}

// parseEntry reads an entry's header that lies at offset off of its pack.
func parseEntry(b []byte, off int64, hash int) (e entry, used int, err error) {
	if len(b) == 0 {
		return e, 0, errEntry
	}
	c := b[0]
	e.kind, e.size = Type(c>>4&7), int64(c&15)
	used = 1
	for shift := 4; c >= 0x80; shift += 7 {
		if used == len(b) || shift > 53 {
			return e, 0, errEntry
		}
		c = b[used]
		used++
		e.size |= int64(c&0x7f) << shift
	}
	switch e.kind {
	case TypeCommit, TypeTree, TypeBlob, TypeTag:
		return e, used, nil
	case typeOfsDelta:
		back, n, ok := parseBack(b[used:])
		if !ok || back <= 0 || back > off-12 {
			return e, 0, fmt.Errorf("%w: delta base lies outside the pack", errEntry)
		}
		e.base = off - back
		return e, used + n, nil
	case typeRefDelta:
		if len(b)-used < hash {
			return e, 0, errEntry
		}
		e.baseID, err = IDFromBytes(b[used : used+hash])
		return e, used + hash, err
	}
	return e, 0, fmt.Errorf("%w: unknown type %d", errEntry, e.kind)
}

// parseBack reads the distance to the base of an offset delta.
func parseBack(b []byte) (int64, int, bool) {
	var v int64
	for i, c := range b {
		if i > 7 {
			break
		}
		v = v<<7 | int64(c&0x7f)
		if c < 0x80 {
			return v, i + 1, true
		}
		v++
	}
	return 0, 0, false
}

// inflate decodes the stream of an entry into dst, grown when too small, and
// tells where the stream ends.
func (p *pack) inflate(f *inflater, dst []byte, e entry, scratch *[]byte) ([]byte, int64, error) {
	for want := e.size + e.size/8 + 256; ; want *= 2 {
		src, err := p.file.at(e.data, min(want, p.end()-e.data), scratch)
		if err != nil {
			return nil, 0, err
		}
		whole := int64(len(src)) >= p.end()-e.data
		out, used, err := f.inflate(dst, src, e.size)
		if err != nil && !whole && (errors.Is(err, errTruncated) || errors.Is(err, errShorter)) {
			continue
		}
		if end := e.data + int64(used); err != nil || end <= p.end() {
			return out, end, err
		}
		return nil, 0, errTruncated
	}
}
