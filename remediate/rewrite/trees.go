package rewrite

import (
	"context"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// forest is which trees hold tainted objects, by number.
type forest struct {
	tainted bits      // trees that change, and tainted blobs
	named   bits      // trees with a value in the name of an entry
	levels  [][]int32 // trees that change, those below others first
	holds   *holders

	submodules int // commits of submodules that trees name
	lacks      []lack
}

// edge says that a tree holds another.
type edge struct{ child, parent int32 }

// searchTrees reads every tree: which hold tainted blobs, which hold which trees.
func (s *survey) searchTrees(ctx context.Context) (*forest, error) {
	f := &forest{tainted: newBits(s.numbers.Len()), named: newBits(s.numbers.Len())}
	var ids sieve
	for _, id := range s.found {
		f.tainted.add(s.numbers.Of(id))
		ids.add(id.Bytes())
	}
	readers := make([]treeReader, s.workers)
	for i := range readers {
		readers[i] = treeReader{survey: s, forest: f, blobs: &ids, stretches: stretches{editor: s.editor}}
	}
	err := s.each(ctx, gitrepo.ScanOptions{Only: gitrepo.TypeTree}, func(worker int, o *gitrepo.Packed) (any, error) { return readers[worker].read(o) })
	if err != nil {
		return nil, err
	}
	var direct []int32
	var edges [][]edge
	submodules := map[gitrepo.ID]bool{}
	for i := range readers {
		direct, edges = append(direct, readers[i].direct...), append(edges, readers[i].edges)
		f.lacks = append(f.lacks, readers[i].lacks...)
		for id := range readers[i].submodules {
			submodules[id] = true
		}
	}
	f.submodules = len(submodules)
	f.holds = newHolders(s.numbers.Len(), edges)
	f.spread(direct)
	return f, nil
}

// treeReader is one worker of searchTrees.
type treeReader struct {
	survey    *survey
	forest    *forest
	blobs     *sieve
	stretches stretches
	direct    []int32 // trees that hold a tainted blob, or a value in a name
	edges     []edge

	submodules map[gitrepo.ID]bool
	lacks      []lack
	known      known

	now    treeNote // of the tree that is being read
	number int32    // of that tree
	copies []gitrepo.Copied
}

func (r *treeReader) submodule(raw []byte) {
	if id, err := gitrepo.IDFromBytes(raw); err == nil {
		if r.submodules == nil {
			r.submodules = map[gitrepo.ID]bool{}
		}
		r.submodules[id] = true
	}
}

// rewriteTree edits a tree: ids in place, names where a value is in one.
func (w *writer) rewriteTree(id gitrepo.ID, data []byte) ([]byte, error) {
	out := slices.Clone(data)
	hash := w.repo.HashSize()
	for at := 0; at < len(data); {
		e, next, err := gitrepo.NextRaw(data, at, hash)
		if err != nil {
			return nil, &gitrepo.CorruptError{ID: id, Err: err}
		}
		if !e.IsSubmodule() {
			old, err := gitrepo.IDFromBytes(e.ID)
			if err != nil {
				return nil, err
			}
			if changed, ok := w.changed(old); ok {
				copy(out[next-hash:next], changed.Bytes())
			}
		}
		at = next
	}
	if n := w.numbers.Of(id); n < 0 || !w.forest.named.has(n) {
		return out, nil
	}
	out, err := w.renameEntries(out)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	return out, nil
}

// renameEntries takes values out of names and puts the entries in git's order again.
func (w *writer) renameEntries(data []byte) ([]byte, error) {
	type line struct{ key, text string }
	var lines []line
	var renamed bool
	hash := w.repo.HashSize()
	for at := 0; at < len(data); {
		e, next, err := gitrepo.NextRaw(data, at, hash)
		if err != nil {
			return nil, err
		}
		at = next
		name, err := w.editor.name(e.Name)
		if err != nil {
			return nil, err
		}
		renamed = renamed || string(name) != string(e.Name)
		key := string(name)
		if e.IsTree() {
			key += "/"
		}
		lines = append(lines, line{key, string(e.Mode) + " " + string(name) + "\x00" + string(e.ID)})
	}
	if !renamed {
		return data, nil
	}
	slices.SortStableFunc(lines, func(a, b line) int { return compareKeys(a.key, b.key) })
	var out []byte
	for i, l := range lines {
		if i > 0 && l.key == lines[i-1].key {
			return nil, fmt.Errorf("two entries would have one name once values in names are replaced; drop one of the paths")
		}
		out = append(out, l.text...)
	}
	return out, nil
}

func compareKeys(a, b string) int { return slices.Compare([]byte(a), []byte(b)) }
