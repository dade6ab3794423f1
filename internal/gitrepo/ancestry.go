package gitrepo

import (
	"container/heap"
	"fmt"
)

// ancestry is the set of what some commits reach, themselves included. It is
// followed only as far as the questions that are asked of it need: of a commit
// that a commit-graph lists, down to its generation; of others, to the end of
// what no graph lists.
type ancestry struct {
	repo   *Repo
	rd     *Reader
	stop   func() error // asked now and then; an error ends the work
	graph  *commitGraph
	strict bool // a commit that cannot be read is an error, not an end
	seen   *idSet
	next   []spot          // reached, and to be followed at once
	later  generationQueue // reached, and to be followed when a question needs it
}

// ancestry begins at commits. Where strict, what it reaches and cannot be read is
// an error; else what lies behind that is not in the set.
func (r *Repo) ancestry(rd *Reader, from []ID, strict bool) *ancestry {
	a := &ancestry{repo: r, rd: rd, graph: r.commitGraph(), strict: strict, seen: r.newIDSet()}
	for _, id := range from {
		a.reach(id)
	}
	return a
}

// reach takes a commit in.
func (a *ancestry) reach(id ID) {
	at := a.repo.spotOf(id)
	if !a.seen.addAt(&at) {
		return
	}
	if g := a.graph.generation(&id); g != infinite {
		heap.Push(&a.later, waiting{g, at})
		return
	}
	a.next = append(a.next, at)
}

// has reports whether the commits reach another.
func (a *ancestry) has(id ID) (bool, error) {
	at := a.repo.spotOf(id)
	for n := 1; !a.seen.hasAt(&at); n++ {
		if n%1024 == 0 && a.stop != nil {
			if err := a.stop(); err != nil {
				return false, err
			}
		}
		c, ok := a.take(a.graph.generation(&id))
		if !ok {
			return false, nil
		}
		if err := a.follow(c); err != nil {
			return false, err
		}
	}
	return true, nil
}

// take gives a commit to follow, of at least that generation; false: there is none.
func (a *ancestry) take(generation uint64) (waiting, bool) {
	if n := len(a.next); n > 0 {
		c := waiting{infinite, a.next[n-1]}
		a.next = a.next[:n-1]
		return c, true
	}
	if len(a.later) == 0 || a.later[0].generation < generation {
		return waiting{}, false
	}
	return heap.Pop(&a.later).(waiting), true
}

func (a *ancestry) follow(c waiting) error {
	if a.repo.shallow[c.id] {
		return nil
	}
	parents, err := a.rd.parentsAt(&c.spot)
	if err != nil {
		if a.strict {
			return err
		}
		return nil
	}
	for _, id := range parents {
		if a.graph.contradicts(c.generation, a.graph.generation(&id)) {
			a.withoutGraph(c.id)
		}
		a.reach(id)
	}
	return nil
}

// withoutGraph goes on as if there were no graph.
func (a *ancestry) withoutGraph(at ID) {
	a.repo.distrustGraph(fmt.Errorf("%w: it says of %s that it is not younger than its parents", errGraph, at))
	a.graph = nil
	for _, c := range a.later {
		a.next = append(a.next, c.spot)
	}
	a.later = nil
}

// waiting is a commit with its generation.
type waiting struct {
	generation uint64
	spot
}

// generationQueue is a heap with the youngest generation on top.
type generationQueue []waiting

func (q generationQueue) Len() int           { return len(q) }
func (q generationQueue) Less(i, j int) bool { return q[i].generation > q[j].generation }
func (q generationQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *generationQueue) Push(x any)        { *q = append(*q, x.(waiting)) }
func (q *generationQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
