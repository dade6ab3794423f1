package rewrite

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// matcher finds the first of several texts. It looks at four bytes at the end of a
// window as long as the shortest text, and moves on by as much as these allow
// (Wu and Manber, A fast algorithm for multi-pattern searching, 1994,
// https://www.cs.arizona.edu/sites/default/files/TR94-17.pdf).
type matcher struct {
	needles []needle
	window  int                // of the shortest text, in bytes
	longest int                // of any text
	shift   []uint8            // by the hash of the bytes that end the window
	ends    map[uint32][]int32 // texts whose window ends in bytes of this hash
	short   bool               // a text has less than four bytes
	first   [256]bool          // bytes that texts begin with, where short
	joints  *joints
}

// needle is a text to find.
type needle struct {
	text  []byte
	other []byte // as long as text: what may stand in place of each byte; nil: nothing
	// judge looks at what is around the text and says whether it counts; nil: it does.
	judge func(in []byte, at int) bool
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
		m.longest = max(m.longest, len(n.text))
	}
	if len(needles) == 0 {
		return m
	}
	m.joints = newJoints(needles, m.window)
	if m.short = m.window < block; m.short {
		for i := range needles {
			for _, c := range needles[i].at(0) {
				m.first[c] = true
			}
		}
		return m
	}
	m.window = min(m.window, 200)
	m.shift, m.ends = bytes.Repeat([]byte{uint8(m.window - block + 1)}, 1<<hashBits), map[uint32][]int32{}
	for i := range needles {
		m.learn(int32(i))
	}
	return m
}

// block is how many bytes at the end of the window are looked at.
const block = 4

// hashBits make a table that stays in the nearest cache.
const hashBits = 13

// hashOf mixes the bytes that end a window.
func hashOf(last uint32) uint32 { return last * 0x9e3779b1 >> (32 - hashBits) }

// learn notes how far the window may move by what ends it.
func (m *matcher) learn(i int32) {
	n := &m.needles[i]
	for end := block; end <= m.window; end++ {
		for _, hash := range n.hashes(end) {
			m.shift[hash] = min(m.shift[hash], uint8(m.window-end))
			if end == m.window {
				m.ends[hash] = append(m.ends[hash], i)
			}
		}
	}
}

// hashes are those of the bytes before a place, in each way in which they may stand.
func (n *needle) hashes(end int) (out []uint32) {
	for _, last := range n.blocks(end) {
		out = append(out, hashOf(last))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// blocks are the bytes before a place, in each way in which they may stand.
func (n *needle) blocks(end int) []uint32 {
	lasts := []uint32{0}
	for i := range block {
		var more []uint32
		for _, c := range n.at(end - block + i) {
			for _, last := range lasts {
				more = append(more, last|uint32(c)<<(8*i)) // as binary.LittleEndian reads them
			}
		}
		lasts = more
	}
	return lasts
}

func (n *needle) at(i int) []byte {
	if n.other == nil || n.other[i] == n.text[i] {
		return n.text[i : i+1]
	}
	return []byte{n.text[i], n.other[i]}
}

// is reports whether the text stands at a place; judged also whether it counts there.
func (n *needle) is(in []byte, at int, judged bool) bool {
	if len(in)-at < len(n.text) {
		return false
	}
	if n.other == nil {
		return bytes.Equal(in[at:at+len(n.text)], n.text) && (!judged || n.judge == nil || n.judge(in, at))
	}
	for i, c := range in[at : at+len(n.text)] {
		if c != n.text[i] && c != n.other[i] {
			return false
		}
	}
	return !judged || n.judge == nil || n.judge(in, at)
}

// find gives the first place at or behind from where a text is, and the longest
// of those that begin there; -1 for none.
func (m *matcher) find(in []byte, from int) (at, which int) { return m.search(in, from, true) }

// has reports whether any text is there.
func (m *matcher) has(in []byte) bool {
	at, _ := m.search(in, 0, true)
	return at >= 0
}

// mentions reports whether any text is there, whatever its judge says.
func (m *matcher) mentions(in []byte) bool {
	if len(in) < m.window {
		return false
	}
	at, _ := m.search(in, 0, false)
	return at >= 0
}

func (m *matcher) search(in []byte, from int, judged bool) (at, which int) {
	if len(m.needles) == 0 {
		return -1, -1
	}
	if m.short {
		return m.searchShort(in, from, judged)
	}
	shift := (*[1 << hashBits]uint8)(m.shift)
	for end := from + m.window; end <= len(in); {
		hash := hashOf(binary.LittleEndian.Uint32(in[end-block:]))
		if s := shift[hash]; s > 0 {
			end += int(s)
			continue
		}
		if which := m.longestAt(in, end-m.window, m.ends[hash], judged); which >= 0 {
			return end - m.window, which
		}
		end++
	}
	return -1, -1
}

func (m *matcher) longestAt(in []byte, at int, among []int32, judged bool) int {
	best := -1
	for _, i := range among {
		if n := &m.needles[i]; (best < 0 || len(n.text) > len(m.needles[best].text)) && n.is(in, at, judged) {
			best = int(i)
		}
	}
	return best
}

func (m *matcher) searchShort(in []byte, from int, judged bool) (at, which int) {
	for at := from; at < len(in); at++ {
		if !m.first[in[at]] {
			continue
		}
		best := -1
		for i := range m.needles {
			if n := &m.needles[i]; (best < 0 || len(n.text) > len(m.needles[best].text)) && n.is(in, at, judged) {
				best = i
			}
		}
		if best >= 0 {
			return at, best
		}
	}
	return -1, -1
}
