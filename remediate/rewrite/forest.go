package rewrite

import (
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// holders tells which trees hold an object.
type holders struct {
	first []int32 // by the number of the object: where its list begins
	list  []int32
}

func newHolders(objects int, edges [][]edge) *holders {
	h := &holders{first: make([]int32, objects+1)}
	total := 0
	for _, part := range edges {
		total += len(part)
		for _, e := range part {
			h.first[e.child+1]++
		}
	}
	for i := range objects {
		h.first[i+1] += h.first[i]
	}
	h.list = make([]int32, total)
	at := slices.Clone(h.first)
	for _, part := range edges {
		for _, e := range part {
			h.list[at[e.child]] = e.parent
			at[e.child]++
		}
	}
	return h
}

func (h *holders) of(child int32) []int32 { return h.list[h.first[child]:h.first[child+1]] }

// spread takes taint from trees to those that hold them, and puts all of them on
// levels, so that a tree is on a higher one than what it holds.
func (f *forest) spread(direct []int32) {
	waits := map[int32]int{} // for tainted trees that a tainted tree holds
	queue := slices.Clone(direct)
	for _, n := range direct {
		waits[n] = 0
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		f.tainted.add(n)
		for _, parent := range f.holds.of(n) {
			if _, seen := waits[parent]; !seen {
				queue = append(queue, parent)
			}
			waits[parent]++
		}
	}
	var level []int32
	for n, wait := range waits {
		if wait == 0 {
			level = append(level, n)
		}
	}
	for len(level) > 0 {
		slices.Sort(level)
		f.levels = append(f.levels, level)
		level = f.raise(level, waits)
	}
}

// raise gives the trees that wait for none but those of a level and below.
func (f *forest) raise(level []int32, waits map[int32]int) []int32 {
	var next []int32
	for _, n := range level {
		for _, parent := range f.holds.of(n) {
			if waits[parent]--; waits[parent] == 0 {
				next = append(next, parent)
			}
		}
	}
	return next
}

// prune forgets what no commit and no ref reaches any more: it need not be rewritten.
func (s *survey) prune(f *forest, needed bits) {
	held := func(n int32) bool {
		return needed.has(n) || slices.ContainsFunc(f.holds.of(n), needed.has)
	}
	for i := len(f.levels) - 1; i >= 0; i-- { // what holds a tree is on a higher level
		f.levels[i] = slices.DeleteFunc(f.levels[i], func(n int32) bool {
			keep := held(n)
			if keep {
				needed.add(n)
			}
			return !keep
		})
	}
	s.found = slices.DeleteFunc(s.found, func(id gitrepo.ID) bool { return !held(s.numbers.Of(id)) })
}
