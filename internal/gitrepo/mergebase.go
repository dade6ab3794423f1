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
	common, err := r.firstIn(rd, b, r.ancestry(rd, []ID{a}, true))
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
	below := r.ancestry(rd, parents, true)
	var best []ID
	for _, id := range common {
		under, err := below.has(id)
		if err != nil {
			return nil, err
		}
		if !under {
			best = append(best, id)
		}
	}
	slices.SortFunc(best, func(a, b ID) int { return bytes.Compare(a.bytes[:], b.bytes[:]) })
	return best, nil
}

// parents are those that git follows: none at a shallow boundary.
func (r *Repo) parents(rd *Reader, id ID) ([]ID, error) {
	if r.shallow[id] {
		return nil, nil
	}
	at := r.spotOf(id)
	return rd.parentsAt(&at)
}

// firstIn walks down from a commit and stops on every path at the first member of a set.
func (r *Repo) firstIn(rd *Reader, from ID, set *ancestry) ([]ID, error) {
	var found []ID
	seen := r.newIDSet()
	for stack := []ID{from}; len(stack) > 0; {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !seen.add(id) {
			continue
		}
		in, err := set.has(id)
		if err != nil {
			return nil, err
		}
		if in {
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
