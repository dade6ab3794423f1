package scanner

import (
	"sort"
	"sync"
	"sync/atomic"
)

// coverage collects what was looked at, from many goroutines.
type coverage struct {
	commits atomic.Int64
	blobs   atomic.Int64
	bytes   atomic.Int64

	knownCommits, knownBlobs atomic.Int64

	mu       sync.Mutex
	excluded map[Skip]int
	missed   map[Skip]int
}

// count adds one blob of that many bytes.
func (c *coverage) count(bytes int) {
	c.blobs.Add(1)
	c.bytes.Add(int64(bytes))
}

func (c *coverage) exclude(s Skip) { c.add(&c.excluded, s) }

func (c *coverage) miss(s Skip) { c.add(&c.missed, s) }

// skip files an item under excluded or missed.
func (c *coverage) skip(s Skip, excluded bool) {
	if excluded {
		c.exclude(s)
		return
	}
	c.miss(s)
}

// add counts equal skips as one. An excluded path is one item in however many
// commits it appears.
func (c *coverage) add(to *map[Skip]int, s Skip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *to == nil {
		*to = map[Skip]int{}
	}
	n := max(1, s.Count)
	s.Count = 0
	(*to)[s] += n
}

func (c *coverage) report() Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Coverage{
		Commits: int(c.commits.Load()), Blobs: int(c.blobs.Load()), Bytes: c.bytes.Load(),
		KnownCommits: int(c.knownCommits.Load()), KnownBlobs: int(c.knownBlobs.Load()),
		Excluded: sortedSkips(c.excluded), Missed: sortedSkips(c.missed),
	}
}

func sortedSkips(from map[Skip]int) []Skip {
	out := make([]Skip, 0, len(from))
	for s, n := range from {
		s.Count = n
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Path != b.Path {
			return a.Path < b.Path
		}
		if a.Commit != b.Commit {
			return a.Commit < b.Commit
		}
		return a.Reason < b.Reason
	})
	return out
}
