package dfa

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"unicode/utf8"
)

// Machine finds matches for one goroutine.
type Machine struct {
	p         *Program
	ends      *states // where matches end
	begins    *states // where they begin, backwards
	allowance int     // states that may still be built for the text at hand
	declined  int     // texts
	rest      int     // texts that are declined unseen
	open      bool    // see All
	back      backtracker
}

// New makes a machine for a program.
func New(p *Program) *Machine { return &Machine{p: p} }

// prepare is for a text of some length.
func (m *Machine) prepare(length int) {
	m.ends, m.begins = m.p.ends.Load(), m.p.begins.Load()
	m.allowance, m.open = freeStates+length/stateShare, false
}

// A text may call for freeStates new states and one more for each stateShare of
// its bytes: building one takes as long as regexp takes for some bytes. After
// patience declined texts, restTexts more are declined unseen.
const (
	freeStates = 400
	stateShare = 12
	patience   = 8
	restTexts  = 500
)

// All appends to locs the places of up to n matches in text, all for n < 0, as
// regexp's FindAllIndex finds them, but only those that begin at from or behind
// it, and before limit. What stands before from counts as what stands before it:
// the text begins at 0. open says that such a match was under way at the end of
// text, so that more text could change what is found.
//
// ok is false when the machine declines, and locs is then as it was: the text
// has characters beyond ASCII that the expression tells apart, or it calls for
// too many states.
func (m *Machine) All(text []byte, from, n, limit int, locs [][2]int) (out [][2]int, open, ok bool) {
	if m.rest > 0 {
		m.rest--
		return locs, true, false
	}
	if !m.p.wide && !isASCII(text[max(0, from-1):]) {
		return locs, true, false
	}
	m.prepare(len(text) - from)
	out = locs
	for at := from; at < limit && (n < 0 || len(out)-len(locs) < n); {
		loc, found := m.find(text, at, limit)
		if m.allowance < 0 {
			m.decline()
			return locs, true, false
		}
		if !found {
			break
		}
		out = append(out, loc)
		at = loc[1]
	}
	return out, m.open, true
}

// Match reports whether a match lies anywhere in text. ok is as for All.
func (m *Machine) Match(text []byte) (found, ok bool) {
	if m.rest > 0 {
		m.rest--
		return false, false
	}
	if !m.p.wide && !isASCII(text) {
		return false, false
	}
	m.prepare(len(text))
	from := m.skip(text, 0, len(text))
	row, end, _ := m.run(text, m.ends.start(m.kindBefore(text, from)), from, len(text), -1)
	found = end >= 0 || row != gone && m.allowance >= 0 && m.atEdge(row)
	if m.allowance < 0 {
		m.decline()
		return false, false
	}
	return found, true
}

func (m *Machine) decline() {
	if m.declined++; m.declined == patience {
		m.declined, m.rest = 0, restTexts
	}
}

func isASCII(text []byte) bool {
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&0x8080808080808080 != 0 {
			return false
		}
		text = text[8:]
	}
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// find is the leftmost match between from and limit.
func (m *Machine) find(text []byte, from, limit int) (loc [2]int, found bool) {
	from = m.skip(text, from, min(limit, len(text)))
	row := m.ends.start(m.kindBefore(text, from))
	row, end, at := m.run(text, row, from, min(limit, len(text)), -1)
	if row != gone && limit < len(text) {
		row, end, _ = m.run(text, m.ends.settle(row), at, len(text), end)
	}
	if row != gone && m.allowance >= 0 {
		m.open = m.open || m.ends.underWay(row)
		if m.atEdge(row) {
			end = len(text)
		}
	}
	if end < 0 || m.allowance < 0 {
		return loc, false
	}
	return [2]int{m.begin(text, from, end), end}, true
}

// skip is an offset before which no match begins.
func (m *Machine) skip(text []byte, from, limit int) int {
	n := len(m.p.prefix)
	if n == 0 {
		return from
	}
	if i := bytes.Index(text[from:min(len(text), limit+n-1)], m.p.prefix); i >= 0 {
		return from + i
	}
	return max(from, limit-n) // more text could complete what may begin there
}

// run moves the state over a part of a text and notes where a match ends. A
// character that begins before to is read whole: at is where the run ended.
func (m *Machine) run(text []byte, row int32, from, to, end int) (last int32, ended, at int) {
	class, next := &m.p.class, *m.ends.next.Load()
	i := from
	for i < to && row != gone {
		column, size := 0, 1
		if b := text[i]; b < utf8.RuneSelf {
			column = int(class[b])
		} else {
			column, size = m.p.classAt(text[i:])
		}
		v := atomic.LoadInt32(&next[int(row)+column])
		if v == unbuilt {
			if v = m.follow(&m.ends, row, column); m.allowance < 0 {
				return gone, -1, i
			}
			next = *m.ends.next.Load()
		}
		if v&1 != 0 {
			end = i
		}
		row = v >> 1
		i += size
	}
	return row, end, i
}

// begin is where the longest match begins, at or behind from, that ends at an offset.
func (m *Machine) begin(text []byte, from, end int) int {
	start := end
	row := m.begins.start(m.kindBehind(text, end))
	for i := end; i > from; {
		column, size := m.p.classBefore(text[from:i])
		v := m.at(&m.begins, row, column)
		if v&1 != 0 {
			start = i
		}
		if row = v >> 1; row == gone || m.allowance < 0 {
			return start
		}
		i -= size
	}
	column := m.begins.edge()
	if from > 0 {
		column, _ = m.p.classBefore(text[:from])
	}
	if m.at(&m.begins, row, column)&1 != 0 {
		start = from
	}
	return start
}

// atEdge reports whether a match ends at the end of the text.
func (m *Machine) atEdge(row int32) bool { return m.at(&m.ends, row, m.ends.edge())&1 != 0 }

// at is what follows a state at a column.
func (m *Machine) at(s **states, row int32, column int) int32 {
	if v := atomic.LoadInt32(&(*(*s).next.Load())[int(row)+column]); v != unbuilt {
		return v
	}
	return m.follow(s, row, column)
}

// follow builds what follows a state at a column. The automaton may be another
// one afterwards.
func (m *Machine) follow(s **states, row int32, column int) int32 {
	to, v, built := (*s).follow(row, column)
	*s = to
	m.allowance -= built
	return v
}

// kindBefore is the kind of the character before an offset, or of the text's edge.
func (m *Machine) kindBefore(text []byte, at int) kind {
	if at == 0 {
		return m.p.edge
	}
	column, _ := m.p.classBefore(text[:at])
	return m.p.kind[column]
}

// kindBehind is the kind of the character at an offset, or of the text's edge.
func (m *Machine) kindBehind(text []byte, at int) kind {
	if at == len(text) {
		return m.p.edge
	}
	column, _ := m.p.classAt(text[at:])
	return m.p.kind[column]
}
