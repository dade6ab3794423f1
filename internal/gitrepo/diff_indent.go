package gitrepo

// The weights were found by git's authors from a corpus of diffs judged by people:
// https://github.com/mhagger/diff-slider-tools. A lower sum is a better place.
const (
	maxIndent        = 200
	maxBlanks        = 20
	maxSlide         = 100
	deeperWeight     = 60
	startOfFile      = 1
	endOfFile        = 21
	eachBlank        = -30
	eachBlankAfter   = 6
	indented         = -4
	indentedAtBlank  = 10
	outdented        = 24
	outdentedAtBlank = 17
	dedented         = 23
	dedentedAtBlank  = 17
)

// blankLine is the indent of a line of white space only, and of no line at all.
const blankLine = -1

// placeScore rates a place of a group by the two boundaries it has there.
type placeScore struct{ indent, penalty int }

// notWorse compares two scores: a smaller indent is worth a fixed penalty.
func (p placeScore) notWorse(q placeScore) bool {
	difference := p.penalty - q.penalty
	switch {
	case p.indent > q.indent:
		difference += deeperWeight
	case p.indent < q.indent:
		difference -= deeperWeight
	}
	return difference <= 0
}

// bestEnd finds the best end for g, which stands at its lowest place, among those
// from top on that are at most its size and one, and at most maxSlide, above it.
// Of equally good ones the lowest wins.
func bestEnd(s *side, g group, top int) int {
	size := g.end - g.start
	best, bestScore := -1, placeScore{}
	for end := max(top, g.end-size-1, g.end-maxSlide); end <= g.end; end++ {
		var score placeScore
		score.addBoundary(s, end)
		score.addBoundary(s, end-size)
		if best < 0 || score.notWorse(bestScore) {
			best, bestScore = end, score
		}
	}
	return best
}

// addBoundary rates the boundary above the line at.
func (p *placeScore) addBoundary(s *side, at int) {
	indent, blanksAfter := blankLine, 0
	if at >= s.len() {
		p.penalty += endOfFile
	} else {
		indent = s.indent(at)
	}
	before, blanksBefore := s.indentAbove(at)
	after, blanks := s.indentBelow(at)
	if before == blankLine && blanksBefore == 0 {
		p.penalty += startOfFile
	}
	if indent == blankLine {
		indent, blanksAfter = after, 1+blanks
	}
	p.penalty += eachBlank*(blanksBefore+blanksAfter) + eachBlankAfter*blanksAfter
	p.indent += indent
	p.penalty += indentPenalty(indent, before, after, blanksBefore+blanksAfter > 0)
}

// indentPenalty rates how the first line after a boundary is indented against the
// last one before it and the second one after it.
func indentPenalty(indent, before, after int, atBlank bool) int {
	choose := func(plain, blank int) int {
		if atBlank {
			return blank
		}
		return plain
	}
	switch {
	case indent == blankLine || before == blankLine || indent == before:
		return 0
	case indent > before:
		return choose(indented, indentedAtBlank)
	case after > indent:
		return choose(outdented, outdentedAtBlank)
	}
	return choose(dedented, dedentedAtBlank)
}

// indentAbove finds the indent of the nearest line above at that is not blank, and
// counts the blank ones between; with too many of these the indent counts as 0.
func (s *side) indentAbove(at int) (indent, blanks int) {
	for i := at - 1; i >= 0; i-- {
		if indent = s.indent(i); indent != blankLine {
			return indent, blanks
		}
		if blanks++; blanks == maxBlanks {
			return 0, blanks
		}
	}
	return blankLine, blanks
}

// indentBelow is indentAbove for the lines below the line at.
func (s *side) indentBelow(at int) (indent, blanks int) {
	for i := at + 1; i < s.len(); i++ {
		if indent = s.indent(i); indent != blankLine {
			return indent, blanks
		}
		if blanks++; blanks == maxBlanks {
			return 0, blanks
		}
	}
	return blankLine, blanks
}

// indent is the indent of line i. Each is measured once: it may be looked at for
// many places, and a line of carriage returns can be as long as the file.
func (s *side) indent(i int) int {
	if s.indents == nil {
		s.indents = make([]int16, s.len())
	}
	if s.indents[i] == 0 {
		s.indents[i] = int16(indentOf(s.line(i)) + 2)
	}
	return int(s.indents[i]) - 2
}

// indentOf is the width of the white space that line begins with, tabs to the
// next multiple of eight. White space is what git takes for it: neither form feed
// nor vertical tab.
func indentOf(line []byte) int {
	width := 0
	for _, c := range line {
		switch c {
		case ' ':
			width++
		case '\t':
			width += 8 - width%8
		case '\n', '\r':
		default:
			return width
		}
		if width >= maxIndent {
			return maxIndent
		}
	}
	return blankLine
}
