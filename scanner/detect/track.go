package detect

import "unicode/utf8"

// margin is how many bytes of true context a window has beyond every match in
// it: one character of any kind.
const margin = 4

// track follows one rule through one text: where its gate stands, and the
// windows in which matches may lie.
type track struct {
	rule    *compiled
	gate    *gate // nil when no window is proven
	state   int32 // of the gate, dead when no match is under way
	at      int   // offset up to which the gate has read
	from    int   // start of the window under way
	passed  bool  // a match may have ended since from
	whole   bool  // the rule must see the whole text
	used    bool  // a keyword of the rule was seen in this text
	windows [][2]int

	began, built   int // where the gate was entered first, and the states made since
	failures, rest int // see afford
}

// begin prepares the track at the first keyword of its rule in a text.
func (t *track) begin(rule *compiled, end int) {
	t.used = true
	if t.rule == nil {
		rule.prove()
		t.rule = rule
		if rule.proof.Proven && rule.proof.Left >= 0 {
			t.gate = newGate(rule.proof, rule.keywords)
		}
	}
	t.whole = t.gate == nil
	t.built, t.began = 0, end
	if t.rest > 0 {
		t.rest--
		t.whole = true
	}
}

// hit takes in a keyword of the rule that ends at end.
func (t *track) hit(text []byte, keyword, end int) {
	if t.whole {
		return
	}
	from := max(0, end-t.rule.proof.Left-margin)
	if t.state != dead {
		t.walk(text, end)
	}
	if t.whole {
		return
	}
	if t.state == dead {
		t.from, t.at, t.passed = from, end, false
	}
	t.from = min(t.from, from)
	t.inject(keyword, end)
	if t.state != dead && end < len(text) {
		t.walk(text, end+1) // most hits die at their first byte
	}
}

// inject joins what may follow the keyword.
func (t *track) inject(keyword, end int) {
	g := t.gate
	v := g.next[int(t.state)*g.stride+g.inject+keyword]
	if v == unknown {
		if !t.afford(end) {
			return
		}
		if g.full() {
			t.state = g.move(t.state)
		}
		v = g.build(t.state, g.inject+keyword)
	}
	t.state = v >> 1
	t.passed = t.passed || v&1 != 0
	if t.state == dead {
		t.close()
	}
}

// walk moves the gate to the offset to, or behind the character that begins before it.
func (t *track) walk(text []byte, to int) {
	g := t.gate
	class := &g.proof.Symbols.Class
	state, at := t.state, t.at
	for at < to && state != dead {
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
			}
			v = g.build(state, column)
		}
		at += size
		state = v >> 1
		t.passed = t.passed || v&1 != 0
	}
	t.state, t.at = state, at
	if state == dead {
		t.close()
	}
}

// The cost of building a state is that of reading many bytes. A text may make
// states for stateShare of its bytes beyond the first freeStates; then
// the rule sees the whole text instead. A rule whose gate was given up
// patience times running is left without for restTexts texts.
const (
	freeStates = 600
	stateShare = 16
	patience   = 3
	restTexts  = 200
)

// afford counts a new state and reports false when the gate is given up for this text.
func (t *track) afford(at int) bool {
	t.built++
	if t.built <= freeStates+(at-t.began)/stateShare {
		return true
	}
	t.whole, t.state, t.failures = true, dead, t.failures+1
	if t.failures == patience {
		t.failures, t.rest = 0, restTexts
	}
	return false
}

// close ends the window under way, behind the last character the gate could read.
func (t *track) close() {
	if !t.passed {
		return
	}
	t.passed = false
	from, to := t.from, t.at+margin
	for n := len(t.windows); n > 0 && from <= t.windows[n-1][1]; n-- {
		from = min(from, t.windows[n-1][0])
		to = max(to, t.windows[n-1][1])
		t.windows = t.windows[:n-1]
	}
	t.windows = append(t.windows, [2]int{from, to})
}

// finish returns the windows of the text. At its end every live path counts as
// a match, because it may have waited for the end.
func (t *track) finish(text []byte) [][2]int {
	if t.state != dead {
		t.walk(text, len(text))
	}
	if t.state != dead {
		t.passed, t.state = true, dead
		t.close()
	}
	if t.whole {
		t.windows = append(t.windows[:0], [2]int{0, len(text)})
	}
	for i := range t.windows {
		t.windows[i][1] = min(t.windows[i][1], len(text))
	}
	return t.windows
}

// clear prepares the track for the next text.
func (t *track) clear() {
	t.state, t.at, t.passed, t.whole, t.used, t.windows = dead, 0, false, false, false, t.windows[:0]
}
