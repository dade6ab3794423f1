package rewrite

import (
	"bytes"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// branch is a point in the paths to drop.
type branch struct {
	drop  bool
	below map[string]*branch
}

func branches(paths []string) *branch {
	top := &branch{below: map[string]*branch{}}
	for _, path := range paths {
		at := top
		for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			next := at.below[name]
			if next == nil {
				next = &branch{below: map[string]*branch{}}
				at.below[name] = next
			}
			at = next
		}
		at.drop = true
	}
	return top
}

// dropper takes paths out of trees. Each tree is read once for each place at
// which it stands on the way to such a path.
type dropper struct {
	w    *writer
	top  *branch
	done map[dropped]gitrepo.ID
	last map[*branch]*gitrepo.Added
}

type dropped struct {
	at   *branch
	tree gitrepo.ID
}

func newDropper(w *writer, paths []string) *dropper {
	if len(paths) == 0 {
		return nil
	}
	return &dropper{w: w, top: branches(paths), done: map[dropped]gitrepo.ID{}, last: map[*branch]*gitrepo.Added{}}
}

func (d *dropper) root(tree gitrepo.ID) (gitrepo.ID, error) {
	id, empty, err := d.tree(d.top, tree)
	if err == nil && empty && id != tree {
		var added *gitrepo.Added
		if added, err = d.w.encoder.Add(gitrepo.TypeTree, nil, nil); err == nil {
			id = added.ID
		}
	}
	return id, err
}

// tree is what becomes of a tree at a point; empty tells that nothing is left of it.
func (d *dropper) tree(at *branch, old gitrepo.ID) (id gitrepo.ID, empty bool, err error) {
	key := dropped{at, old}
	if id, ok := d.done[key]; ok {
		return id, id.IsZero(), nil
	}
	o, err := d.w.reader.Object(old)
	if err != nil {
		return old, false, err
	}
	data, cut, err := d.edit(at, old, o.Data)
	if err != nil {
		return old, false, err
	}
	switch {
	case !cut:
		id, _ = d.w.changed(old)
	case len(data) == 0:
		empty = true
	default:
		added, err := d.w.encoder.Add(gitrepo.TypeTree, data, d.last[at])
		if err != nil {
			return old, false, err
		}
		id, d.last[at] = added.ID, added
		d.w.result.Trees++
	}
	d.done[key] = id
	return id, empty, nil
}

// edit gives a tree without what is dropped, and tells whether anything was.
func (d *dropper) edit(at *branch, id gitrepo.ID, data []byte) (out []byte, cut bool, err error) {
	hash := d.w.repo.HashSize()
	for pos := 0; pos < len(data); {
		e, next, err := gitrepo.NextRaw(data, pos, hash)
		if err != nil {
			return nil, false, &gitrepo.CorruptError{ID: id, Err: err}
		}
		line := data[pos:next]
		pos = next
		below := at.below[string(e.Name)]
		if below == nil {
			out = append(out, line...)
			continue
		}
		old, err := gitrepo.IDFromBytes(e.ID)
		if err != nil {
			return nil, false, err
		}
		if below.drop {
			cut = true
			continue
		}
		if !e.IsTree() {
			out = append(out, line...)
			continue
		}
		changed, empty, err := d.tree(below, old)
		if err != nil {
			return nil, false, err
		}
		if plain, _ := d.w.changed(old); empty || changed != plain {
			cut = true
		}
		if !empty {
			out = append(out, line...)
			copy(out[len(out)-hash:], changed.Bytes())
		}
	}
	if !cut {
		return bytes.Clone(data), false, nil
	}
	out, err = d.w.rewriteTree(id, out)
	return out, true, err
}
