package gitrepo

import "bytes"

// LineRange is the lines [Start, End) of a file, counted from 0.
type LineRange struct{ Start, End int }

// binaryPrefix is how much of a blob git looks at to call it binary:
// https://git-scm.com/docs/gitattributes ("Marking files as binary").
const binaryPrefix = 8000

// IsBinary reports whether git takes data for binary when no attribute says
// otherwise: it has a NUL in its first 8000 bytes. `git log -p` prints no lines
// of such a blob; that is no reason not to look into it.
func IsBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), binaryPrefix)], 0) >= 0
}

// AddedLines returns the lines of new that `git diff -U0` (default algorithm and
// indent heuristic) shows as added to old, one range for each hunk that adds
// something, in order. A line ends after its '\n'; the last one may lack it and
// then differs from the same line with it. Equal inputs have no added lines.
//
// Where several smallest diffs exist git's choice is followed, so that a line is
// attributed to the same commit as by any reader of git's own patches. The time
// is bounded as in git: beyond a cost that grows with the square root of the
// input the search settles for a diff that is not minimal. Of files that git finds
// too large to diff, all lines of new are added.
func AddedLines(old, new []byte) []LineRange {
	return addedWithin(maxDiffed, old, new)
}

// maxDiffed is the size in bytes above which git refuses to diff a file:
// https://github.com/git/git/blob/v2.39.5/xdiff-interface.h (MAX_XDIFF_SIZE).
const maxDiffed = 1023 << 20

func addedWithin(limit int, old, new []byte) []LineRange {
	switch {
	case bytes.Equal(old, new):
		return nil
	case len(old) > limit || len(new) > limit:
		return wholeRange(new)
	}
	old, new = cutCommonTail(old, new)
	from, to := newSide(old), newSide(new)
	markChanges(from, to)
	slideGroups(from, to)
	slideGroups(to, from)
	return to.changedRanges()
}

func wholeRange(data []byte) []LineRange {
	if n := countLines(data); n > 0 {
		return []LineRange{{0, n}}
	}
	return nil
}

// markChanges decides which lines of the two sides are not common to both.
func markChanges(from, to *side) {
	head := commonHead(from, to)
	tail := commonTail(from, to, head)
	a, b := middle{from, head, from.len() - tail}, middle{to, head, to.len() - tail}
	if a.start == a.end || b.start == b.end {
		a.markAll(a.start, a.end)
		b.markAll(b.start, b.end)
		return
	}
	classes := classify(a, b)
	search(keepMatchable(a, classes.from, classes.inTo), keepMatchable(b, classes.to, classes.inFrom))
}

// tailBlock is the unit in which git cuts a common tail when no context is asked for.
const tailBlock = 1024

// cutCommonTail drops the equal ends of old and new as git does before a diff
// without context: in whole blocks, and then giving back everything up to the
// first line end of what was dropped. The diff proper sees the shorter files, and
// that shows: where the file seems to end and how often a line occurs sway it.
func cutCommonTail(old, new []byte) ([]byte, []byte) {
	cut, limit := 0, min(len(old), len(new))
	for cut+tailBlock <= limit && sameBlock(old, new, cut) {
		cut += tailBlock
	}
	newline := bytes.IndexByte(old[len(old)-cut:], '\n')
	if newline < 0 {
		return old, new
	}
	cut -= newline + 1
	return old[:len(old)-cut], new[:len(new)-cut]
}

func sameBlock(old, new []byte, cut int) bool {
	a, b := len(old)-cut, len(new)-cut
	return bytes.Equal(old[a-tailBlock:a], new[b-tailBlock:b])
}

func commonHead(from, to *side) int {
	n, limit := 0, min(from.len(), to.len())
	for n < limit && bytes.Equal(from.line(n), to.line(n)) {
		n++
	}
	return n
}

func commonTail(from, to *side, head int) int {
	n, limit := 0, min(from.len(), to.len())-head
	for n < limit && bytes.Equal(from.line(from.len()-1-n), to.line(to.len()-1-n)) {
		n++
	}
	return n
}
