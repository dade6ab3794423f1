package gitrepo

import (
	"errors"
	"fmt"
)

// Reader reads single objects. It keeps delta bases and trees it has read, up
// to a number of bytes. It is not safe for concurrent use: give every goroutine
// its own; they share the mapped packs.
type Reader struct {
	repo    *Repo
	store   *store
	cache   *cache
	in      inflater
	scratch []byte // compressed bytes where packs are not mapped
	delta   []byte // the instructions being applied
	chain   []link
	lines   [][]treeLine // freed by DiffTrees
	head    []byte       // the beginning of a commit
	parents []ID         // that it names
}

// link is one delta between a wanted object and its base.
type link struct {
	pack *pack
	off  int64
	e    entry
}

// NewReader makes a reader whose cache holds at most cacheBytes bytes of objects.
func (r *Repo) NewReader(cacheBytes int) *Reader {
	return &Reader{repo: r, store: r.store, cache: newCache(cacheBytes)}
}

// Object reads a whole object. The error is ErrMissing or a *CorruptError.
func (rd *Reader) Object(id ID) (Object, error) { return rd.ObjectWithin(id, 0) }

// ObjectWithin is Object, but an object of more than limit bytes is not
// inflated: the error is a *TooLargeError and Type is set. A limit of 0 is none.
func (rd *Reader) ObjectWithin(id ID, limit int64) (Object, error) {
	p, pos := rd.store.findPacked(&id)
	if p == nil {
		return rd.loose(id, limit)
	}
	o, err := rd.packed(id, p, p.idx.offset(pos), limit)
	if err != nil && !errors.Is(err, ErrTooLarge) {
		if other, found := rd.elsewhere(id, p, limit); found {
			return other, nil
		}
	}
	return o, onObject(id, err)
}

// elsewhere tries other copies of an object whose first copy is damaged, as git does.
func (rd *Reader) elsewhere(id ID, damaged *pack, limit int64) (Object, bool) {
	for _, p := range rd.store.packs[damaged.order+1:] {
		if pos := p.idx.find(id.Bytes()); pos >= 0 {
			if o, err := rd.packed(id, p, p.idx.offset(pos), limit); err == nil {
				return o, true
			}
		}
	}
	o, err := rd.loose(id, limit)
	return o, err == nil
}

func (rd *Reader) loose(id ID, limit int64) (Object, error) {
	path := rd.store.loosePath(&id)
	if path == "" {
		if isEmptyTree(&id) {
			return Object{Type: TypeTree, Data: []byte{}}, nil
		}
		return Object{}, rd.store.notFound(id)
	}
	return readLoose(&rd.in, id, path, limit)
}

// isEmptyTree recognises the tree without entries, which git knows without storing it.
func isEmptyTree(id *ID) bool {
	switch id.String() {
	case "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321":
		return true
	}
	return false
}

// Header tells an object's type and size in bytes without inflating it whole.
func (rd *Reader) Header(id ID) (Type, int64, error) {
	o, err := rd.ObjectWithin(id, -1)
	var large *TooLargeError
	if errors.As(err, &large) {
		return o.Type, large.Size, nil
	}
	return o.Type, int64(len(o.Data)), err
}

// packed reads the object at an offset of a pack. A negative limit stops
// before inflating anything but headers.
func (rd *Reader) packed(id ID, p *pack, off, limit int64) (Object, error) {
	base, err := rd.follow(p, off, limit)
	if err != nil {
		return Object{}, err
	}
	if limit != 0 {
		if size, err := rd.size(base); err != nil || size > max(limit, 0) || limit < 0 {
			return Object{Type: base.Type}, firstError(err, &TooLargeError{ID: id, Size: size, Limit: limit})
		}
	}
	return rd.build(base)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// bottom is the object a delta chain is built on.
type bottom struct {
	Object
	whole entry // the packed entry to inflate when Data is not known yet
	at    link
}

// follow collects the deltas from an entry down to the first object that is
// whole or in the cache; they are left in rd.chain, outermost first.
func (rd *Reader) follow(p *pack, off, limit int64) (bottom, error) {
	rd.chain = rd.chain[:0]
	for range maxChain {
		if o, ok := rd.cache.get(cacheKey{p.order, off}); ok {
			return bottom{Object: o, at: link{pack: p, off: off}}, nil
		}
		e, err := p.entry(off, &rd.scratch)
		if err != nil {
			return bottom{}, err
		}
		at := link{p, off, e}
		switch e.kind {
		case typeOfsDelta:
			off = e.base
		case typeRefDelta:
			next, pos := rd.refBase(p, e.baseID)
			if next == nil {
				rd.chain = append(rd.chain, at)
				return rd.looseBase(e.baseID, limit)
			}
			p, off = next, next.idx.offset(pos)
		default:
			return bottom{Object: Object{Type: e.kind}, whole: e, at: at}, nil
		}
		rd.chain = append(rd.chain, at)
	}
	return bottom{}, errChain
}

// refBase finds the base of a reference delta, in the same pack if it is there.
func (rd *Reader) refBase(p *pack, id ID) (*pack, int) {
	if pos := p.idx.find(id.Bytes()); pos >= 0 {
		return p, pos
	}
	return rd.store.findPacked(&id)
}

func (rd *Reader) looseBase(id ID, limit int64) (bottom, error) {
	o, err := rd.loose(id, 0)
	if err != nil {
		return bottom{}, fmt.Errorf("delta base: %w", detach(err))
	}
	return bottom{Object: o}, nil
}

// detach keeps the words of an error and drops its identity: a missing base
// makes the object above it corrupt, not missing.
func detach(err error) error { return errors.New(err.Error()) }

// size is the size of what rd.chain builds on b, from headers alone.
func (rd *Reader) size(b bottom) (int64, error) {
	if len(rd.chain) == 0 {
		if b.Data != nil {
			return int64(len(b.Data)), nil
		}
		return b.whole.size, nil
	}
	top := rd.chain[0]
	head, err := top.pack.deltaHead(&rd.in, top.e, &rd.scratch)
	if err != nil {
		return 0, err
	}
	_, size, _, err := deltaSizes(head)
	return size, err
}

// deltaHead inflates just enough of a delta to read its sizes.
func (p *pack) deltaHead(f *inflater, e entry, scratch *[]byte) ([]byte, error) {
	src, err := p.file.at(e.data, 4096, scratch)
	if err != nil {
		return nil, err
	}
	src = src[:min(int64(len(src)), p.end()-e.data)]
	want := int(min(e.size, 20))
	head, err := f.prefix(make([]byte, want+outSlack), src, want)
	if len(head) == want {
		err = nil
	}
	return head, err
}

// build inflates the bottom and applies rd.chain from the inside out.
func (rd *Reader) build(b bottom) (Object, error) {
	o := b.Object
	if b.at.pack != nil && b.whole.kind != 0 {
		data, _, err := b.at.pack.inflate(&rd.in, nil, b.whole, &rd.scratch)
		if err != nil {
			return Object{}, err
		}
		o.Data = data
		rd.keep(b.at, o, len(rd.chain) > 0)
	}
	for i := len(rd.chain) - 1; i >= 0; i-- {
		at := rd.chain[i]
		delta, _, err := at.pack.inflate(&rd.in, rd.delta, at.e, &rd.scratch)
		if err != nil {
			return Object{}, err
		}
		rd.delta = delta
		if o.Data, err = applyDelta(nil, o.Data, delta); err != nil {
			return Object{}, err
		}
		rd.keep(at, o, i > 0)
	}
	return o, nil
}

// keep caches what is likely to be asked for again: bases, and trees.
func (rd *Reader) keep(at link, o Object, isBase bool) {
	if isBase || o.Type == TypeTree {
		rd.cache.put(cacheKey{at.pack.order, at.off}, o)
	}
}
