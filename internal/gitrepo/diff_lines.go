package gitrepo

import (
	"bytes"
	"hash/maphash"
)

// side is one of the two files of a diff, cut into lines.
type side struct {
	data    []byte
	starts  []int // where each line starts, and the length of data
	changed []bool
	indents []int16 // the indent of each line and 2, 0 where not yet measured
}

func countLines(data []byte) int {
	n := bytes.Count(data, []byte{'\n'})
	if len(data) > 0 && data[len(data)-1] != '\n' {
		n++
	}
	return n
}

func newSide(data []byte) *side {
	n := countLines(data)
	s := &side{data: data, starts: make([]int, 1, n+1), changed: make([]bool, n)}
	for at := 0; at < len(data); {
		if length := bytes.IndexByte(data[at:], '\n'); length >= 0 {
			at += length + 1
		} else {
			at = len(data)
		}
		s.starts = append(s.starts, at)
	}
	return s
}

func (s *side) len() int          { return len(s.changed) }
func (s *side) line(i int) []byte { return s.data[s.starts[i]:s.starts[i+1]] }

func (s *side) sameLines(i, j int) bool { return bytes.Equal(s.line(i), s.line(j)) }

func (s *side) markAll(start, end int) {
	for i := start; i < end; i++ {
		s.changed[i] = true
	}
}

func (s *side) changedRanges() []LineRange {
	var ranges []LineRange
	for i := 0; i < s.len(); i++ {
		if !s.changed[i] {
			continue
		}
		start := i
		for i < s.len() && s.changed[i] {
			i++
		}
		ranges = append(ranges, LineRange{start, i})
	}
	return ranges
}

// middle is the lines [start, end) of a side that its common head and tail leave.
type middle struct {
	*side
	start, end int
}

// lineClasses gives equal lines of the two middles the same small number, and
// counts each class in the whole of each side.
type lineClasses struct {
	from, to     []int32 // the class of each line of a middle
	inFrom, inTo []int32 // how many lines of a side are of a class
}

func classify(from, to middle) lineClasses {
	t := newLineTable(from.end - from.start + to.end - to.start)
	var c lineClasses
	c.from = t.classesOf(from)
	c.to = t.classesOf(to)
	c.inFrom = tally(c.from, len(t.lines))
	c.inTo = tally(c.to, len(t.lines))
	countCommon := func(start, end int) {
		for i := start; i < end; i++ {
			if class, known := t.find(from.line(i)); known {
				c.inFrom[class]++
				c.inTo[class]++
			}
		}
	}
	countCommon(0, from.start)
	countCommon(from.end, from.len())
	return c
}

func tally(classes []int32, n int) []int32 {
	counts := make([]int32, n)
	for _, class := range classes {
		counts[class]++
	}
	return counts
}

// lineTable is an open hash of lines, at most half full. Its seed is drawn at
// random, so that no file can be written to collide. Most lines that are looked up
// in vain are known from their length and end, without a hash of them.
type lineTable struct {
	seed   maphash.Seed
	slots  []int32 // class + 1, 0 is free
	hashes []uint64
	lines  [][]byte
	looks  [1 << 12]bool
}

func newLineTable(lines int) *lineTable {
	size := 16
	for size < 2*lines {
		size *= 2
	}
	return &lineTable{seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// lookOf tells most different lines apart: by the length and the last two
// characters, of which the very last is mostly the line end.
func lookOf(line []byte) int {
	look := len(line) << 7
	if len(line) > 2 {
		look ^= int(line[len(line)-2]) ^ int(line[len(line)-3])<<4
	}
	return look & (1<<12 - 1)
}

func (t *lineTable) classesOf(m middle) []int32 {
	classes := make([]int32, 0, m.end-m.start)
	for i := m.start; i < m.end; i++ {
		classes = append(classes, t.add(m.line(i)))
	}
	return classes
}

// add gives the class of line, a new one when no such line was added before.
func (t *lineTable) add(line []byte) int32 {
	hash := maphash.Bytes(t.seed, line)
	at, class := t.probe(hash, line)
	if class >= 0 {
		return class
	}
	t.hashes = append(t.hashes, hash)
	t.lines = append(t.lines, line)
	t.slots[at] = int32(len(t.lines))
	t.looks[lookOf(line)] = true
	return int32(len(t.lines) - 1)
}

func (t *lineTable) find(line []byte) (class int32, known bool) {
	if !t.looks[lookOf(line)] {
		return 0, false
	}
	_, class = t.probe(maphash.Bytes(t.seed, line), line)
	return class, class >= 0
}

// probe finds the slot of line, and its class or, in a free slot, -1.
func (t *lineTable) probe(hash uint64, line []byte) (at uint64, class int32) {
	mask := uint64(len(t.slots) - 1)
	for at = hash & mask; ; at = (at + 1) & mask {
		class = t.slots[at] - 1
		if class < 0 || t.hashes[class] == hash && bytes.Equal(t.lines[class], line) {
			return at, class
		}
	}
}

// sequence is what of a side takes part in the search: the classes of the kept
// lines, and where each was.
type sequence struct {
	side    *side
	classes []int32
	at      []int32
}

func (q *sequence) mark(start, end int) {
	for _, line := range q.at[start:end] {
		q.side.changed[line] = true
	}
}

// A line may be without a match on the other side, or have so many that
// matching it says little.
type matches uint8

const (
	noMatch matches = iota
	someMatches
	manyMatches
)

// maxUsefulMatches caps how many matches a line may have before it counts as
// frequent, whatever the length of the file.
const maxUsefulMatches = 1024

// keepMatchable takes the lines of a middle into a sequence, except those that
// cannot help the search: lines the other side lacks, and frequent lines that
// stand among such lines. Those are changed from the outset.
func keepMatchable(m middle, classes, counts []int32) *sequence {
	frequent := int32(min(roughRoot(m.len()), maxUsefulMatches))
	kinds := make([]matches, len(classes))
	for i, class := range classes {
		kinds[i] = matchesOf(counts[class], frequent)
	}
	q := &sequence{side: m.side, classes: make([]int32, 0, len(kinds)), at: make([]int32, 0, len(kinds))}
	for i, kind := range kinds {
		if kind == noMatch || kind == manyMatches && amongUnmatched(kinds, i) {
			m.changed[m.start+i] = true
			continue
		}
		q.classes = append(q.classes, classes[i])
		q.at = append(q.at, int32(m.start+i))
	}
	return q
}

func matchesOf(count, frequent int32) matches {
	switch {
	case count == 0:
		return noMatch
	case count >= frequent:
		return manyMatches
	}
	return someMatches
}

// unmatchedWindow is how far around a frequent line its surroundings are judged.
const unmatchedWindow = 100

// amongUnmatched reports whether the frequent line i has unmatched lines both
// before and after it, with only frequent ones between, and these runs together
// have more than three unmatched lines for each frequent one. The line i itself
// counts once for each direction.
func amongUnmatched(kinds []matches, i int) bool {
	unmatchedBefore, frequentBefore := 0, 1
	for j := i - 1; j >= max(0, i-unmatchedWindow) && kinds[j] != someMatches; j-- {
		if kinds[j] == noMatch {
			unmatchedBefore++
		} else {
			frequentBefore++
		}
	}
	unmatchedAfter, frequentAfter := 0, 1
	for j := i + 1; j <= min(len(kinds)-1, i+unmatchedWindow) && kinds[j] != someMatches; j++ {
		if kinds[j] == noMatch {
			unmatchedAfter++
		} else {
			frequentAfter++
		}
	}
	if unmatchedBefore == 0 || unmatchedAfter == 0 {
		return false
	}
	return unmatchedBefore+unmatchedAfter > 3*(frequentBefore+frequentAfter)
}

// roughRoot is the power of two that git uses in place of a square root: one bit
// for every two of n, and one more.
func roughRoot(n int) int {
	root := 1
	for ; n > 0; n >>= 2 {
		root <<= 1
	}
	return root
}
