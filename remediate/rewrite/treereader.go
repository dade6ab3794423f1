package rewrite

import (
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// treeNote is what the reading of a tree leaves for the trees that are deltas of it:
// where whole lines are copied, they need not be read again.
type treeNote struct {
	starts []int32 // where its lines begin, and where the last ends
	kids   []kid   // in the order of their lines
	clean  bool    // no needle stands in it
	whole  bool    // nothing that it names is missing
}

// kid is a line of a tree that names a tree or a tainted blob.
type kid struct {
	at, number int32
	blob       bool
}

// read reads one tree.
func (r *treeReader) read(o *gitrepo.Packed) (any, error) {
	r.number = r.survey.numbers.At(o)
	r.now.starts, r.now.kids = r.now.starts[:0], r.now.kids[:0]
	lacks := len(r.lacks)
	base, _ := o.Note.(*treeNote)
	if base != nil && !base.whole {
		base = nil // what is missing is noted for each tree
	}
	if err := r.lines(o, base); err != nil {
		return nil, err
	}
	tainted := r.hold()
	named := len(r.survey.editor.forms) > 0 && r.stretches.literals(o, base != nil && base.clean)
	if named {
		r.forest.named.add(r.number)
	}
	if tainted || named {
		r.direct = append(r.direct, r.number)
	}
	if !o.Bases {
		return nil, nil
	}
	return r.note(base, !named, lacks == len(r.lacks)), nil
}

// note keeps what was read, as the base has it where it is the same.
func (r *treeReader) note(base *treeNote, clean, whole bool) *treeNote {
	n := &treeNote{clean: clean, whole: whole}
	if base != nil && slices.Equal(base.starts, r.now.starts) {
		n.starts = base.starts
	} else {
		n.starts = slices.Clone(r.now.starts)
	}
	if base != nil && slices.Equal(base.kids, r.now.kids) {
		n.kids = base.kids
	} else {
		n.kids = slices.Clone(r.now.kids)
	}
	return n
}

// lines reads the lines of a tree; those that are copied from its base as the base has them.
func (r *treeReader) lines(o *gitrepo.Packed, base *treeNote) (err error) {
	at := 0
	if base != nil && o.Delta != nil {
		r.copies = gitrepo.Copies(o.Delta, r.copies[:0])
		for _, c := range r.copies {
			for at < min(c.To+c.Size, len(o.Data)) {
				if at >= c.To {
					if size := r.inherit(base, c, at); size > 0 {
						at += size
						break
					}
				}
				if at, err = r.line(o, at); err != nil {
					return err
				}
			}
		}
	}
	for at < len(o.Data) {
		if at, err = r.line(o, at); err != nil {
			return err
		}
	}
	r.now.starts = append(r.now.starts, int32(at))
	return nil
}

// inherit takes over the lines that a copied stretch holds from a place on, if a line
// begins there in the base too, and gives their size in bytes.
func (r *treeReader) inherit(base *treeNote, c gitrepo.Copied, at int) int {
	from := int32(at - c.To + c.From)
	i, found := slices.BinarySearch(base.starts, from)
	if !found {
		return 0
	}
	last, found := slices.BinarySearch(base.starts, int32(c.From+c.Size))
	if !found {
		last-- // the line that goes on behind the stretch
	}
	if last <= i {
		return 0
	}
	moved, end := int32(at)-from, base.starts[last]
	if moved == 0 {
		r.now.starts = append(r.now.starts, base.starts[i:last]...)
	} else {
		for _, start := range base.starts[i:last] {
			r.now.starts = append(r.now.starts, start+moved)
		}
	}
	first, _ := slices.BinarySearchFunc(base.kids, from, func(k kid, at int32) int { return int(k.at) - int(at) })
	for _, k := range base.kids[first:] {
		if k.at >= end {
			break
		}
		r.now.kids = append(r.now.kids, kid{k.at + moved, k.number, k.blob})
	}
	return int(end - from)
}

// line reads the line that begins at a place and gives where it ends.
func (r *treeReader) line(o *gitrepo.Packed, at int) (int, error) {
	e, next, err := gitrepo.NextRaw(o.Data, at, r.survey.repo.HashSize())
	if err != nil {
		return 0, &gitrepo.CorruptError{ID: o.ID, Err: err}
	}
	r.now.starts = append(r.now.starts, int32(at))
	switch {
	case e.IsTree():
		r.tree(at, e.ID)
	case e.IsSubmodule():
		r.submodule(e.ID)
	default:
		if !r.known.has(e.ID) {
			r.meet(e.ID)
		}
		if r.blobs.maybe(e.ID) {
			r.blob(at, e.ID)
		}
	}
	return next, nil
}

func (r *treeReader) tree(at int, raw []byte) {
	id, err := gitrepo.IDFromBytes(raw)
	if err != nil {
		return
	}
	child := r.survey.numbers.Of(id)
	if child < 0 {
		r.lacks = append(r.lacks, lack{r.number, id})
		return
	}
	r.now.kids = append(r.now.kids, kid{int32(at), child, false})
}

func (r *treeReader) blob(at int, raw []byte) {
	id, err := gitrepo.IDFromBytes(raw)
	if err != nil {
		return
	}
	if child := r.survey.numbers.Of(id); child >= 0 && r.survey.blobs.has(child) {
		r.now.kids = append(r.now.kids, kid{int32(at), child, true})
	}
}

// hold notes what the tree holds, and reports whether a tainted blob is among it.
func (r *treeReader) hold() (tainted bool) {
	for _, k := range r.now.kids {
		r.edges = append(r.edges, edge{k.number, r.number})
		tainted = tainted || k.blob
	}
	return tainted
}
