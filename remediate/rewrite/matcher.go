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
	needles []needle
	window  int                // of the shortest text, in bytes
	longest int                // of any text, with all that its judge looks at
	shift   []uint8            // by the two bytes that end the window
	ends    map[uint16][]int32 // texts whose window ends in these two
	short   bool               // a text has one byte only: each is looked for alone
}

// needle is a text to find.
type needle struct {
	text  []byte
	other []byte // as long as text: what may stand in place of each byte; nil: nothing
	// judge looks at what is around the text and says whether it counts; nil: it does.
	judge func(in []byte, at int) bool
	reach int // the length of all that judge looks at, if longer than text
}

func newMatcher(texts [][]byte) *matcher {
	needles := make([]needle, len(texts))
	for i, t := range texts {
		needles[i].text = t
	}
	return matcherOf(needles)
}

func matcherOf(needles []needle) *matcher {
	m := &matcher{needles: needles}
	for i, n := range needles {
		if i == 0 || len(n.text) < m.window {
			m.window = len(n.text)
		}
		m.longest = max(m.longest, len(n.text), n.reach)
	}
	if len(needles) == 0 {
		return m
	}
	if m.short = m.window < 2; m.short {
		return m
	}
	m.window = min(m.window, 200)
	m.shift, m.ends = bytes.Repeat([]byte{uint8(m.window - 1)}, 1<<16), map[uint16][]int32{}
	for i := range needles {
		m.learn(int32(i))
	}
	return m
}

// learn notes how far the window may move by what ends it.
func (m *matcher) learn(i int32) {
	n := &m.needles[i]
	for end := 2; end <= m.window; end++ {
		for _, pair := range n.pairs(end) {
			m.shift[pair] = min(m.shift[pair], uint8(m.window-end))
			if end == m.window {
				m.ends[pair] = append(m.ends[pair], i)
			}
		}
	}
}

// pairs are the two bytes before a place, in each way in which they may stand.
func (n *needle) pairs(end int) (out []uint16) {
	for _, first := range n.at(end - 2) {
		for _, second := range n.at(end - 1) {
			out = append(out, uint16(first)|uint16(second)<<8) // as binary.LittleEndian reads them
		}
	}
	return out
}

func (n *needle) at(i int) []byte {
	if n.other == nil || n.other[i] == n.text[i] {
		return n.text[i : i+1]
	}
	return []byte{n.text[i], n.other[i]}
}

// is reports whether the text stands at a place.
func (n *needle) is(in []byte, at int) bool {
	if len(in)-at < len(n.text) {
		return false
	}
	if n.other == nil {
		return bytes.Equal(in[at:at+len(n.text)], n.text) && (n.judge == nil || n.judge(in, at))
	}
	for i, c := range in[at : at+len(n.text)] {
		if c != n.text[i] && c != n.other[i] {
			return false
		}
	}
	return n.judge == nil || n.judge(in, at)
}

// find gives the first place at or behind from where a text is, and the longest
// of those that begin there; -1 for none.
func (m *matcher) find(in []byte, from int) (at, which int) {
	if len(m.needles) == 0 {
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
		if which := m.longestAt(in, end-m.window, m.ends[pair]); which >= 0 {
			return end - m.window, which
		}
		end++
	}
	return -1, -1
}

func (m *matcher) longestAt(in []byte, at int, among []int32) int {
	best := -1
	for _, i := range among {
		if n := &m.needles[i]; (best < 0 || len(n.text) > len(m.needles[best].text)) && n.is(in, at) {
			best = int(i)
		}
	}
	return best
}

func (m *matcher) findShort(in []byte, from int) (at, which int) {
	for at := from; at < len(in); at++ {
		best := -1
		for i := range m.needles {
			if n := &m.needles[i]; (best < 0 || len(n.text) > len(m.needles[best].text)) && n.is(in, at) {
				best = i
			}
		}
		if best >= 0 {
			return at, best
		}
	}
	return -1, -1
}

// has reports whether any text is there.
func (m *matcher) has(in []byte) bool {
	at, _ := m.find(in, 0)
	return at >= 0
}
