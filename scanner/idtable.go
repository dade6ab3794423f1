package scanner

import (
	"hash/maphash"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// idTable gives equal ids one small number, in the order in which they come. It is
// what a map would be, in a third of the time. The zero value is empty.
type idTable struct {
	values []gitrepo.ID
	slots  []int32 // a number plus one, where the hash leads to or behind; 0: free
	seed   maphash.Seed
}

// grow makes room for so many ids.
func (t *idTable) grow(n int) {
	if len(t.slots) == 0 {
		t.seed = maphash.MakeSeed() // ids of submodules can be chosen freely
	}
	size := max(1024, len(t.slots))
	for size < 2*n {
		size *= 2
	}
	if size == len(t.slots) {
		return
	}
	if t.values == nil {
		t.values = make([]gitrepo.ID, 0, n+n/16)
	}
	t.slots = make([]int32, size)
	for i := range t.values {
		t.slots[t.slot(&t.values[i])] = int32(i) + 1
	}
}

// slot is where an id stands or belongs.
func (t *idTable) slot(id *gitrepo.ID) uint64 {
	mask := uint64(len(t.slots) - 1)
	for at := maphash.Bytes(t.seed, id.Bytes()) & mask; ; at = (at + 1) & mask {
		if n := t.slots[at]; n == 0 || t.values[n-1] == *id {
			return at
		}
	}
}

func (t *idTable) add(id gitrepo.ID) int32 {
	if 2*len(t.values) >= len(t.slots) {
		t.grow(len(t.values) + 1)
	}
	at := t.slot(&id)
	if n := t.slots[at]; n > 0 {
		return n - 1
	}
	t.values = append(t.values, id)
	t.slots[at] = int32(len(t.values))
	return int32(len(t.values) - 1)
}

// find gives the number of an id that was added.
func (t *idTable) find(id gitrepo.ID) (int32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	n := t.slots[t.slot(&id)]
	return n - 1, n > 0
}

// seal ends the adding.
func (t *idTable) seal() { t.values = slices.Clone(t.values) }
