package detect

import (
	"unicode/utf8"

	"github.com/leakgate/leakgate/rules"
)

// sweep reads the whole text for a rule that has no proof of its keywords: its
// gate may be entered anywhere. It narrows the search to the neighbourhood of
// the places where a match may end, or to nothing.
//
// Every end of a match is such a place, so a window that reaches the longest
// match to its left, and as far to its right, holds all that could compete with it.
func (t *track) sweep(text []byte) {
	t.whole, t.built, t.began, t.windows = false, 0, 0, t.windows[:0]
	g := t.float
	class := &g.proof.Symbols.Class
	state := g.start
	for at := 0; at < len(text); {
		column, size := g.wide, 1
		if b := text[at]; b < utf8.RuneSelf {
			column = int(class[b])
		} else {
			_, size = utf8.DecodeRune(text[at:])
		}
		v := g.next[int(state)*g.stride+column]
		if v == unknown {
			if !t.afford(at) {
				return
			}
			if g.full() {
				state = g.move(state)
				g.start = g.add(g.entry)
			}
			v = g.build(state, column)
		}
		at += size
		state = v >> 1
		if v&1 != 0 && !t.near(text, at) {
			return
		}
	}
	if g.waits(state) {
		t.near(text, len(text))
	}
}

// near adds the window of a match that ends at end. It returns false when the
// rule has no longest match, so that only the whole text will do.
func (t *track) near(text []byte, end int) bool {
	reach := t.rule.proof.Right + margin
	if t.rule.proof.Right < 0 {
		t.whole = true
		return false
	}
	from, to := max(0, end-reach), min(len(text), end+reach)
	if n := len(t.windows); n > 0 && from <= t.windows[n-1][1] {
		t.windows[n-1][1] = to
		return true
	}
	t.windows = append(t.windows, [2]int{from, to})
	return true
}

// newFloating makes a gate that a match may enter at each character.
func newFloating(p *rules.Proof) *gate {
	g := newGate(p, nil)
	g.entry = g.sorted(g.closure(uint32(p.Prog.Start)))
	g.floating = true
	g.start = g.add(g.entry)
	return g
}
