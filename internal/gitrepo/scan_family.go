package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
)

// packRun is the shared state of the workers on one pack.
type packRun struct {
	scan   *scan
	plan   *packPlan
	cursor atomic.Int64 // next entry to look at for a family's base
	active atomic.Int64 // workers that have, or are being handed, something to do
	hungry atomic.Int64 // workers that wait for an offer
	offers chan offer
	done   chan struct{}
}

// offer is a branch of a family given to a worker that has nothing to do.
type offer struct {
	node   int32
	kind   Type
	base   []byte
	baseID ID
	note   any
}

// grain is how many neighbouring entries a worker claims at a time.
const grain = 64

// work takes families until the pack is exhausted, then branches that other
// workers offer, until nobody is busy any more.
func (r *packRun) work(w *familyWalker) {
	total := int64(len(r.plan.keys))
	for !r.scan.stop.Load() {
		start := r.cursor.Add(grain) - grain
		if start >= total {
			break
		}
		for i := start; i < min(start+grain, total) && !r.scan.stop.Load(); i++ {
			if node := int32(i); r.plan.parent[node] < 0 && r.plan.needed.has(node) {
				w.family(node)
			}
		}
	}
	r.takeOffers(w)
}

func (r *packRun) takeOffers(w *familyWalker) {
	r.hungry.Add(1)
	for {
		if r.active.Add(-1) == 0 {
			close(r.done)
			return
		}
		select {
		case <-r.done:
			return
		case o := <-r.offers:
			r.hungry.Add(-1)
			w.branch(o)
			r.hungry.Add(1)
		}
	}
}

// frame is one object on the path from a family's base to the object being read.
type frame struct {
	node   int32  // entry, or -1 for a base outside this pack
	child  int32  // the next child to read, -1: none left
	data   []byte // nil when dropped; then it is built again from below
	pinned bool   // cannot be built again from below
	note   any    // what the visit of the object returned
}

// familyWalker reads families of deltas depth first. It has no recursion: the
// depth of a family is up to whoever wrote the pack.
type familyWalker struct {
	run     *packRun
	plan    *packPlan
	worker  int
	rd      *Reader
	kind    Type
	path    []frame
	held    int // bytes of data on the path
	pool    bufferPool
	delta   []byte
	scratch []byte
	done    bitset
}

func newFamilyWalker(run *packRun, worker int) *familyWalker {
	return &familyWalker{run: run, plan: run.plan, worker: worker, rd: run.scan.newReader(),
		pool: bufferPool{limit: run.scan.opts.CacheBytes / 2}, done: newBitset(len(run.plan.keys))}
}

// isDone asks every worker: each keeps its own marks, so that none waits for another.
func (r *packRun) isDone(i int32, walkers []*familyWalker) bool {
	for _, w := range walkers {
		if w.done.has(i) {
			return true
		}
	}
	return false
}

// family reads the family whose base is a root entry.
func (w *familyWalker) family(root int32) {
	w.path, w.kind = w.path[:0], 0
	switch w.plan.parent[root] {
	case outsideParent:
		w.outsideFamily(root)
	case noParent:
		e, err := w.entry(root)
		if err == nil && w.unwantedType(e.kind) {
			w.skip(root)
			return
		}
		w.kind = e.kind
		w.enter(root, nil, ID{}, nil)
	default:
		w.enter(root, nil, ID{}, nil)
	}
	w.walk()
}

func (w *familyWalker) unwantedType(kind Type) bool {
	return w.run.scan.unwanted(kind)
}

// outsideFamily reads a family whose base lies in another pack or is loose.
func (w *familyWalker) outsideFamily(root int32) {
	base, id, err := w.outsideBase(root)
	if err != nil {
		w.failBelow(root, fmt.Errorf("delta base: %w", detach(err)))
		return
	}
	if w.unwantedType(base.Type) {
		w.skip(root)
		return
	}
	w.kind = base.Type
	w.path = append(w.path, frame{node: -1, child: -1, data: base.Data, pinned: true})
	w.enter(root, base.Data, id, nil)
}

func (w *familyWalker) outsideBase(root int32) (Object, ID, error) {
	e, err := w.entry(root)
	if err != nil {
		return Object{}, ID{}, err
	}
	if e.kind == typeRefDelta {
		o, err := w.rd.Object(e.baseID)
		return o, e.baseID, err
	}
	o, err := w.rd.packed(ID{}, w.plan.pack, e.base, 0)
	return o, ID{}, err
}

// branch reads a part of a family that another worker gave away.
func (w *familyWalker) branch(o offer) {
	w.kind = o.kind
	w.path = append(w.path[:0], frame{node: -1, child: -1, data: o.base, pinned: true})
	w.enter(o.node, o.base, o.baseID, o.note)
	w.walk()
}

// walk goes on from the path until it is empty.
func (w *familyWalker) walk() {
	for len(w.path) > 0 && !w.run.scan.stop.Load() {
		top := len(w.path) - 1
		f := &w.path[top]
		if f.child < 0 {
			w.release(f)
			w.path = w.path[:top]
			continue
		}
		child := f.child
		f.child = w.plan.firstNeeded(w.plan.next[child])
		base, err := w.dataAt(top)
		if err != nil {
			w.failBelow(child, err)
			continue
		}
		if w.giveAway(child, f, base) {
			continue
		}
		w.enter(child, base, w.plan.id(f.node), f.note)
	}
	for i := range w.path {
		w.release(&w.path[i])
	}
	w.path = w.path[:0]
}

// giveAway offers a branch when another worker waits for one.
func (w *familyWalker) giveAway(child int32, f *frame, base []byte) bool {
	r := w.run
	if r.hungry.Load() == 0 || (f.child < 0 && w.plan.first[child] < 0) {
		return false
	}
	r.active.Add(1)
	select {
	case r.offers <- offer{node: child, kind: w.kind, base: append([]byte(nil), base...), baseID: w.plan.id(f.node), note: f.note}:
		return true
	default:
		r.active.Add(-1)
		return false
	}
}

// enter builds one object, gives it to the caller if wanted, and puts it on the
// path when others are deltas of it.
func (w *familyWalker) enter(node int32, base []byte, baseID ID, note any) {
	child := w.plan.firstNeeded(w.plan.first[node])
	data, delta, err := w.build(node, base, child >= 0)
	if errors.Is(err, errStopped) {
		return
	}
	if err != nil && !errors.Is(err, ErrTooLarge) {
		o, found := w.rd.elsewhere(w.plan.exactID(node), w.plan.pack, w.run.scan.opts.Limit)
		if !found {
			w.failBelow(node, err)
			return
		}
		data, delta, note, err = bytes.Clone(o.Data), nil, nil, nil // the reader may keep its own
		w.kind = o.Type
	}
	note = w.give(node, Packed{Data: data, Delta: delta, Base: baseID, Note: note, Bases: child >= 0, Err: err})
	if data == nil {
		w.failChildren(child, err)
		return
	}
	f := frame{node: node, child: child, data: data, note: note}
	w.held += cap(data)
	if child < 0 {
		w.release(&f)
		return
	}
	w.dropFinishedBase()
	w.path = append(w.path, f)
	w.trim()
}

// give passes an object on; one that was built only as a base is not.
func (w *familyWalker) give(node int32, o Packed) (note any) {
	w.done.set(node)
	if !w.plan.wanted.has(node) {
		return nil
	}
	o.pack, o.pos = w.plan.pack, w.plan.pos(node)
	o.ID, o.Index, o.Type = w.plan.id(node), w.plan.wantedIndex(o.pos), w.kind
	if limit := w.run.scan.opts.Limit; o.Err == nil && limit > 0 && int64(len(o.Data)) > limit {
		o.Err = &TooLargeError{ID: o.ID, Size: int64(len(o.Data)), Limit: limit}
	}
	if o.Err != nil {
		o.Data, o.Delta = nil, nil
	}
	if o.Delta == nil {
		o.Base, o.Note = ID{}, nil
	}
	return w.run.scan.give(w.worker, o)
}

func (w *familyWalker) entry(node int32) (entry, error) {
	return w.plan.pack.entry(w.plan.off(node), &w.scratch)
}

// build inflates an entry and applies it to base if it is a delta. When the
// result is too large for the caller and no base of others, nothing is built.
func (w *familyWalker) build(node int32, base []byte, isBase bool) (data, delta []byte, err error) {
	e, err := w.entry(node)
	if err != nil {
		return nil, nil, err
	}
	if err := w.tooLarge(node, e.size, isBase); err != nil {
		return nil, nil, err
	}
	isDelta := e.kind == typeOfsDelta || e.kind == typeRefDelta
	dst := w.delta
	if !isDelta {
		dst = w.pool.get(e.size + outSlack)
	}
	want, summed := w.crc(node)
	w.rd.in.unsummed = summed // both sums tell the same, and this one is quick to take
	out, end, err := w.plan.pack.inflate(&w.rd.in, dst, e, &w.scratch)
	w.rd.in.unsummed = false
	if err == nil && summed {
		err = w.checkCRC(node, end, want)
	}
	if err != nil {
		return nil, nil, err
	}
	if !isDelta {
		return out, nil, nil
	}
	w.delta = out
	_, size, _, err := deltaSizes(out)
	if err == nil {
		err = w.tooLarge(node, size, isBase)
	}
	if err != nil {
		return nil, nil, err
	}
	data, err = applyDelta(w.pool.get(size), base, out)
	return data, out, err
}

func (w *familyWalker) tooLarge(node int32, size int64, isBase bool) error {
	limit := w.run.scan.opts.Limit
	if limit <= 0 || size <= limit || (isBase && size <= maxBase) {
		return nil
	}
	return &TooLargeError{ID: w.plan.exactID(node), Size: size, Limit: limit}
}

var errCRC = errors.New("packed bytes do not match the index's checksum")

// crc is what the index says; false where it has none, or nobody asked for the entry.
func (w *familyWalker) crc(node int32) (uint32, bool) {
	pos := w.plan.pos(node)
	if pos == w.plan.nowhere() {
		return 0, false
	}
	return w.plan.pack.idx.crc(pos)
}

func (w *familyWalker) checkCRC(node int32, end int64, want uint32) error {
	off := w.plan.off(node)
	raw, err := w.plan.pack.file.at(off, end-off, &w.scratch)
	if err == nil && crc32.ChecksumIEEE(raw[:end-off]) != want {
		err = errCRC
	}
	return err
}
