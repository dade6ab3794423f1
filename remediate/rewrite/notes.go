package rewrite

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// rewriteNotes rewrites the commits of notes, whose trees name objects by their
// old ids, after all others.
func (w *writer) rewriteNotes(ctx context.Context) error {
	known := map[gitrepo.ID]gitrepo.ID{}
	w.newTree = func(tree gitrepo.ID) (gitrepo.ID, error) {
		if id, ok := known[tree]; ok {
			return id, nil
		}
		id, err := w.noteTree(tree)
		known[tree] = id
		return id, err
	}
	changed := w.result.Changed
	err := w.rewriteAll(ctx, w.order(byNotes))
	w.result.Notes = w.result.Changed - changed
	return err
}

// note is one entry of a tree of notes, with its whole path.
type note struct {
	path string
	raw  gitrepo.RawEntry
	id   gitrepo.ID
}

// noteTree writes a tree of notes with new keys.
func (w *writer) noteTree(tree gitrepo.ID) (gitrepo.ID, error) {
	notes, err := w.listNotes(nil, tree, "", 0)
	if err != nil {
		return tree, err
	}
	moved := false
	for i := range notes {
		n := &notes[i]
		key := strings.ReplaceAll(n.path, "/", "")
		old, err := gitrepo.ParseID(key)
		if err != nil {
			continue
		}
		id, err := w.moved(old)
		if err != nil {
			return tree, err
		}
		if id != old {
			n.path, moved = likeFanout(id.String(), n.path), true
		}
	}
	if !moved {
		id, _ := w.changed(tree)
		return id, nil
	}
	slices.SortStableFunc(notes, func(a, b note) int { return strings.Compare(a.path, b.path) })
	return w.writeNotes(notes, 0)
}

// listNotes lists what lies below a tree of notes. Folders that are no part of a key are listed as they are.
func (w *writer) listNotes(to []note, tree gitrepo.ID, prefix string, depth int) ([]note, error) {
	o, err := w.reader.Object(tree)
	if err != nil {
		return nil, err
	}
	hash := w.repo.HashSize()
	for at := 0; at < len(o.Data); {
		e, next, err := gitrepo.NextRaw(o.Data, at, hash)
		if err != nil {
			return nil, &gitrepo.CorruptError{ID: tree, Err: err}
		}
		at = next
		id, err := gitrepo.IDFromBytes(e.ID)
		if err != nil {
			return nil, err
		}
		path := prefix + string(e.Name)
		if e.IsTree() && len(e.Name) == 2 && depth < hash {
			if to, err = w.listNotes(to, id, path+"/", depth+1); err != nil {
				return nil, err
			}
			continue
		}
		if !e.IsSubmodule() {
			id, _ = w.changed(id)
		}
		to = append(to, note{path, e, id})
	}
	return to, nil
}

// likeFanout puts slashes into a key where another path has them.
func likeFanout(key, path string) string {
	var b strings.Builder
	for i := range len(path) {
		if path[i] == '/' {
			b.WriteByte('/')
			continue
		}
		b.WriteByte(key[0])
		key = key[1:]
	}
	return b.String()
}

// writeNotes writes the tree of notes whose paths have the same first bytes, up to skip.
func (w *writer) writeNotes(notes []note, skip int) (gitrepo.ID, error) {
	type line struct {
		key string
		raw []byte
	}
	var lines []line
	for i := 0; i < len(notes); {
		name, _, folder := strings.Cut(notes[i].path[skip:], "/")
		if !folder {
			mode := notes[i].raw.Mode
			key := name
			if notes[i].raw.IsTree() {
				key += "/"
			}
			if len(lines) > 0 && lines[len(lines)-1].key == key {
				return gitrepo.ID{}, fmt.Errorf("two notes would be on one object")
			}
			lines = append(lines, line{key, bytes.Join([][]byte{mode, []byte(" "), []byte(name), {0}, notes[i].id.Bytes()}, nil)})
			i++
			continue
		}
		end := i
		for end < len(notes) && strings.HasPrefix(notes[end].path[skip:], name+"/") {
			end++
		}
		id, err := w.writeNotes(notes[i:end], skip+len(name)+1)
		if err != nil {
			return id, err
		}
		lines = append(lines, line{name + "/", bytes.Join([][]byte{[]byte("40000 "), []byte(name), {0}, id.Bytes()}, nil)})
		i = end
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.key, b.key) })
	var data []byte
	for _, l := range lines {
		data = append(data, l.raw...)
	}
	added, err := w.encoder.Add(gitrepo.TypeTree, data, nil)
	if err != nil {
		return gitrepo.ID{}, err
	}
	return added.ID, nil
}
