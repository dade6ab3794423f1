package gitrepo

import (
	"errors"
	"fmt"
	"math/bits"
)

// dataAt is the content of the object at a level of the path, built again from
// the nearest one below that is still there.
func (w *familyWalker) dataAt(level int) ([]byte, error) {
	if w.path[level].data != nil {
		return w.path[level].data, nil
	}
	from := level
	for from > 0 && w.path[from].data == nil {
		from--
	}
	for at := from; at <= level; at++ {
		f := &w.path[at]
		if f.data != nil {
			continue
		}
		var base []byte
		if at > 0 {
			base = w.path[at-1].data
		}
		data, _, err := w.build(f.node, base, true)
		if err != nil {
			return nil, err
		}
		f.data = data
		w.held += cap(data)
		if at > 0 && (w.path[at-1].child < 0 || w.held > w.run.scan.opts.CacheBytes) {
			w.drop(&w.path[at-1])
		}
	}
	return w.path[level].data, nil
}

// dropFinishedBase frees the top of the path when its last child was built.
func (w *familyWalker) dropFinishedBase() {
	if top := len(w.path) - 1; top >= 0 && w.path[top].child < 0 {
		w.drop(&w.path[top])
	}
}

// trim drops what lies farthest from the top until the path fits its budget.
func (w *familyWalker) trim() {
	for i := 0; i < len(w.path)-1 && w.held > w.run.scan.opts.CacheBytes; i++ {
		w.drop(&w.path[i])
		w.path[i].note = nil
	}
}

func (w *familyWalker) drop(f *frame) {
	if !f.pinned {
		w.release(f)
	}
}

func (w *familyWalker) release(f *frame) {
	if f.data != nil && !f.pinned {
		w.held -= cap(f.data)
		w.pool.put(f.data)
	}
	f.data = nil
}

// failBelow reports that an entry and every delta on top of it cannot be built.
func (w *familyWalker) failBelow(node int32, err error) {
	if errors.Is(err, errStopped) {
		return
	}
	if w.plan.needed.has(node) && !w.done.has(node) {
		w.done.set(node)
		if w.plan.wanted.has(node) {
			w.giveUp(w.plan.pos(node), err)
		}
	}
	w.failChildren(w.plan.firstNeeded(w.plan.first[node]), err)
}

// failChildren reports a list of siblings and all above them, without recursion.
func (w *familyWalker) failChildren(child int32, err error) {
	if child < 0 {
		return
	}
	reason := fmt.Errorf("it is a delta of an object that cannot be read: %w", detach(err))
	todo := []int32{child}
	for len(todo) > 0 && !w.run.scan.stop.Load() {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if next := w.plan.firstNeeded(w.plan.next[at]); next >= 0 {
			todo = append(todo, next)
		}
		if below := w.plan.firstNeeded(w.plan.first[at]); below >= 0 {
			todo = append(todo, below)
		}
		w.done.set(at)
		if w.plan.wanted.has(at) {
			w.giveUp(w.plan.pos(at), reason)
		}
	}
}

// giveUp reports an object by its index position, unless another copy can be
// read. It has no type then: what the damaged entry says of it is not trusted.
func (w *familyWalker) giveUp(pos int, err error) {
	id := w.plan.pack.idx.id(pos)
	o := Packed{ID: id, Index: w.plan.wantedIndex(pos)}
	if other, found := w.rd.elsewhere(id, w.plan.pack, w.run.scan.opts.Limit); found {
		o.Type, o.Data = other.Type, other.Data
	} else {
		o.Err = onObject(id, err)
	}
	w.run.scan.give(w.worker, o)
}

// skip marks a family of an unwanted type.
func (w *familyWalker) skip(root int32) {
	todo := []int32{root}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		w.done.set(at)
		if at != root && w.plan.next[at] >= 0 {
			todo = append(todo, w.plan.next[at])
		}
		if w.plan.first[at] >= 0 {
			todo = append(todo, w.plan.first[at])
		}
	}
}

// bufferPool keeps freed buffers by the power of two of their size, up to limit bytes.
type bufferPool struct {
	free        [48][][]byte
	held, limit int
}

// get gives a buffer for size bytes, nil when none is free and the size, which
// a repository merely claims, is too large to allocate on its word.
func (p *bufferPool) get(size int64) []byte {
	if size <= 0 {
		return []byte{}
	}
	class := bits.Len64(uint64(size - 1))
	if class >= len(p.free) {
		return nil
	}
	if list := p.free[class]; len(list) > 0 {
		b := list[len(list)-1]
		p.free[class] = list[:len(list)-1]
		p.held -= cap(b)
		return b
	}
	if size > firstGrow {
		return nil
	}
	return make([]byte, 1<<class)
}

func (p *bufferPool) put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1 // every buffer of a class is at least 1<<class long
	if cap(b) == 0 || class >= len(p.free) || p.held+cap(b) > p.limit {
		return
	}
	p.held += cap(b)
	p.free[class] = append(p.free[class], b)
}
