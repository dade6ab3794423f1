package gitrepo

import (
	"fmt"
	"slices"
)

// Numbers gives every object of a repository a number from 0 on, so that sets of
// objects are bits and maps are slices. Objects that are written later have none.
// It is safe for concurrent use.
type Numbers struct {
	store *store
	first []int // of each pack
	loose []ID  // in order, behind the packs
	base  int   // of the loose ones
}

// Numbers lists the loose objects, so that it takes a moment where there are many.
func (r *Repo) Numbers() (*Numbers, error) {
	n := &Numbers{store: r.store}
	for _, p := range r.store.packs {
		n.first = append(n.first, n.base)
		n.base += p.idx.count
	}
	err := r.store.looseIDs("", func(id ID) {
		if p, _ := r.store.findPacked(&id); p == nil {
			n.loose = append(n.loose, id)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(n.loose, compareIDs)
	n.loose = slices.Compact(n.loose)
	if n.Len() > 1<<31-1 {
		return nil, fmt.Errorf("the repository has %d objects, which are too many", n.Len())
	}
	return n, nil
}

func compareIDs(a, b ID) int { return slices.Compare(a.bytes[:], b.bytes[:]) }

// Compare orders ids by their bytes.
func (id ID) Compare(other ID) int { return compareIDs(id, other) }

// Len is one more than the highest number.
func (n *Numbers) Len() int { return n.base + len(n.loose) }

// Of is the number of an object, -1 for one that the repository does not hold.
func (n *Numbers) Of(id ID) int32 {
	if p, pos := n.store.findPacked(&id); p != nil {
		return int32(n.first[p.order] + pos)
	}
	if i, found := slices.BinarySearchFunc(n.loose, id, compareIDs); found {
		return int32(n.base + i)
	}
	return -1
}

// At is the number of an object as a scan of the same repository found it.
func (n *Numbers) At(o *Packed) int32 {
	if o.pack == nil || o.pack.order >= len(n.first) || n.store.packs[o.pack.order] != o.pack {
		return n.Of(o.ID)
	}
	return int32(n.first[o.pack.order] + o.pos) // a scan takes what lies in several packs from the first, as Of does
}

// ID is the object with a number.
func (n *Numbers) ID(number int32) ID {
	if int(number) >= n.base {
		return n.loose[int(number)-n.base]
	}
	pack := len(n.first) - 1
	for n.first[pack] > int(number) {
		pack--
	}
	return n.store.packs[pack].idx.id(int(number) - n.first[pack])
}
