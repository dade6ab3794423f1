package rewrite

import (
	"bytes"
	"encoding/binary"
)

// matcher finds the first of several texts. It looks at two bytes at the end of a
// window as long as the shortest text, and moves on by as much as these two allow
// (Wu and Manber, A fast algorithm for multi-pattern searching, 1994,
// https://www.cs.arizona.edu/sites/default/files/TR94-17.pdf).
type matcher struct {
	texts   [][]byte
	window  int // of the shortest text, in bytes
	longest int
	shift   []uint8            // by the two bytes that end the window
	ends    map[uint16][]int32 // texts whose window ends in these two
	short   bool               // a text has one byte only: each is looked for alone
}

func newMatcher(texts [][]byte) *matcher {
	m := &matcher{texts: texts}
	for i, t := range texts {
		if i == 0 || len(t) < m.window {
			m.window = len(t)
		}
		m.longest = max(m.longest, len(t))
	}
	if len(texts) == 0 {
		return m
	}
	if m.short = m.window < 2; m.short {
		return m
	}
	m.window = min(m.window, 200)
	m.shift, m.ends = bytes.Repeat([]byte{uint8(m.window - 1)}, 1<<16), map[uint16][]int32{}
	for i, t := range texts {
		for end := 2; end <= m.window; end++ {
			pair := binary.LittleEndian.Uint16(t[end-2:])
			m.shift[pair] = min(m.shift[pair], uint8(m.window-end))
		}
		last := binary.LittleEndian.Uint16(t[m.window-2:])
		m.ends[last] = append(m.ends[last], int32(i))
	}
	return m
}

// find gives the first place at or behind from where a text is, and the longest
// of those that begin there; -1 for none.
func (m *matcher) find(in []byte, from int) (at, which int) {
	if len(m.texts) == 0 {
		return -1, -1
	}
	if m.short {
		return m.findShort(in, from)
	}
	for end := from + m.window; end <= len(in); {
		pair := binary.LittleEndian.Uint16(in[end-2:])
		if s := m.shift[pair]; s > 0 {
			end += int(s)
			continue
		}
		if which := m.longestAt(in[end-m.window:], m.ends[pair]); which >= 0 {
			return end - m.window, which
		}
		end++
	}
	return -1, -1
}

func (m *matcher) longestAt(in []byte, among []int32) int {
	best := -1
	for _, i := range among {
		if t := m.texts[i]; (best < 0 || len(t) > len(m.texts[best])) && bytes.HasPrefix(in, t) {
			best = int(i)
		}
	}
	return best
}

func (m *matcher) findShort(in []byte, from int) (at, which int) {
	at, which = -1, -1
	for i, t := range m.texts {
		p := bytes.Index(in[min(from, len(in)):], t)
		if p >= 0 && (at < 0 || p+from < at || p+from == at && len(t) > len(m.texts[which])) {
			at, which = p+from, i
		}
	}
	return at, which
}

// has reports whether any text is there.
func (m *matcher) has(in []byte) bool {
	at, _ := m.find(in, 0)
	return at >= 0
}
