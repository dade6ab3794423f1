package gitrepo

import (
	"bytes"
	"slices"
)

// MergeBases are the best common ancestors of two commits, sorted by id: those
// that are no ancestor of another. Unrelated histories have none. An ancestor
// that cannot be read is an error, since bases could lie behind it; the boundary
// of a shallow clone is not.
func (r *Repo) MergeBases(a, b ID) ([]ID, error) {
	rd := r.NewReader(walkCache)
	ofA, err := r.ancestors(rd, []ID{a})
	if err != nil {
		return nil, err
	}
	common, err := r.firstIn(rd, b, ofA)
	if err != nil || len(common) < 2 {
		return common, err
	}
	var parents []ID
	for _, id := range common {
		of, err := r.parents(rd, id)
		if err != nil {
			return nil, err
		}
		parents = append(parents, of...)
	}
	below, err := r.ancestors(rd, parents)
	if err != nil {
		return nil, err
	}
	best := slices.DeleteFunc(common, below.has)
	slices.SortFunc(best, func(a, b ID) int { return bytes.Compare(a.bytes[:], b.bytes[:]) })
	return best, nil
}

// ancestors is the set of commits and all their ancestors; every one must be readable.
func (r *Repo) ancestors(rd *Reader, stack []ID) (*idSet, error) {
	seen := r.newIDSet()
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !seen.add(id) {
			continue
		}
		parents, err := r.parents(rd, id)
		if err != nil {
			return nil, err
		}
		stack = append(stack, parents...)
	}
	return seen, nil
}

// firstIn walks down from a commit and stops on every path at the first member of a set.
func (r *Repo) firstIn(rd *Reader, from ID, set *idSet) ([]ID, error) {
	var found []ID
	seen := r.newIDSet()
	for stack := []ID{from}; len(stack) > 0; {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !seen.add(id) {
			continue
		}
		if set.has(id) {
			found = append(found, id)
			continue
		}
		parents, err := r.parents(rd, id)
		if err != nil {
			return nil, err
		}
		stack = append(stack, parents...)
	}
	return found, nil
}
