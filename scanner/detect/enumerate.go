package detect

import "bytes"

// maxChain bounds how many matches one restart looks at before the two
// enumerations have met again.
const maxChain = 64

// enumeration finds the matches of one expression in one window of a text.
//
// It is a superset of the leftmost non-overlapping matches: a match over
// several lines hides matches that begin in it, and whoever sees only the lower
// lines, as in the hunk of a diff, finds those. So the search begins again at
// each line start inside a match, with nothing before it, as a hunk has.
type enumeration struct {
	find      matcher
	stop      <-chan struct{} // ends the search early; the matches are then incomplete
	text      []byte
	from, to  int
	limit     int                    // matches that begin behind it are of no interest
	open      bool                   // one before it may go on behind the window
	blind     bool                   // see matcher
	promise   func(text []byte) bool // false: no match can begin in text and lie in it; nil: always true
	fromStart bool                   // the expression looks for the start of the text
	reach     int                    // bytes from the start of a match to the end of its first keyword; <0: unbounded
	found     map[[2]int]bool
	restarts  map[int]bool
	out       [][2]int
	queue     [][2]int // matches over several lines that were not looked into yet
}

// run returns the matches in the order of their discovery.
func (e *enumeration) run() [][2]int {
	locs, open, blind := e.find(e.text[:e.to], e.from, -1, min(e.limit, e.to))
	e.open, e.blind = open, blind
	for _, loc := range locs {
		e.take(loc[0], loc[1])
	}
	for len(e.queue) > 0 {
		m := e.queue[0]
		e.queue = e.queue[1:]
		e.inside(m[0], m[1])
		e.behind(m[1])
	}
	return e.out
}

// look finds the first n matches from an offset on, with nothing before it.
func (e *enumeration) look(at, n int) [][2]int {
	locs, open, _ := e.find(e.text[at:e.to], 0, n, max(0, min(e.limit, e.to)-at))
	e.open = e.open || open
	return locs
}

// take keeps a match and looks for those it hides. A match that ends where the
// window was cut owes its end to the cut: it contains a keyword that the
// window was not made for.
func (e *enumeration) take(start, end int) {
	if end == e.to && e.to < len(e.text) {
		return
	}
	lines := bytes.IndexByte(e.text[start:end], '\n') >= 0
	if e.found != nil || lines {
		if e.found[[2]int{start, end}] {
			return
		}
		e.remember(start, end)
	}
	e.out = append(e.out, [2]int{start, end})
	if lines {
		e.queue = append(e.queue, [2]int{start, end})
	}
}

// remember keeps what was found as soon as one place can be found twice.
func (e *enumeration) remember(start, end int) {
	if e.found == nil {
		e.found = map[[2]int]bool{}
		e.restarts = map[int]bool{}
		for _, m := range e.out {
			e.found[m] = true
		}
	}
	e.found[[2]int{start, end}] = true
}

// inside starts again at the line starts in a match. Where the search from one
// line start finds its first match further down, the line starts on the way
// there would find the same, unless the expression looks for the start of the
// text, which each of them is.
func (e *enumeration) inside(start, end int) {
	for at := start; at < min(end, e.limit); {
		i := bytes.IndexByte(e.text[at:end], '\n')
		if i < 0 {
			return
		}
		at += i + 1
		if at >= min(end, e.limit) || e.restarts[at] {
			continue
		}
		if e.stopped() {
			return
		}
		if !e.possible(at, end) {
			return
		}
		e.restarts[at] = true
		first := e.chain(at, end)
		if e.fromStart {
			continue
		}
		if first >= end {
			return
		}
		at = max(at, first)
	}
}

// behind starts again where a match ends that took the newline in front of a line
// with it: an expression that wants one there, or the start of the text, would pass
// over the first of the line, as in a list of keys.
func (e *enumeration) behind(end int) {
	if !e.fromStart || e.text[end-1] != '\n' || end >= e.limit || e.restarts[end] || e.stopped() || !e.possible(end, end+1) {
		return
	}
	e.restarts[end] = true
	e.chain(end, end+1)
}

func (e *enumeration) stopped() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// possible reports whether a match may begin between at and end.
func (e *enumeration) possible(at, end int) bool {
	if e.promise == nil || e.reach < 0 {
		return true
	}
	return e.promise(e.text[at:min(e.to, end+e.reach)])
}

// chain enumerates from a line start until a match begins at or behind end, and
// returns where the first begins; the end of the window for none.
func (e *enumeration) chain(at, end int) (first int) {
	first = e.to
	for n := 1; n <= maxChain; n *= 2 {
		locs := e.look(at, n)
		if len(locs) > 0 {
			first = at + locs[0][0]
		}
		for _, loc := range locs[min(len(locs), n/2):] {
			if at+loc[0] >= end {
				return first
			}
			e.take(at+loc[0], at+loc[1])
			end = max(end, at+loc[1])
		}
		if len(locs) < n {
			break
		}
	}
	return first
}
