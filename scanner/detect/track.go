package detect

// margin is how many bytes of true context a window has beyond every match in
// it: one character of any kind.
const margin = 4

// track follows one rule through one text: where its gate stands, and the
// windows in which matches may lie.
type track struct {
	rule    *compiled
	gate    *gate
	state   int32 // of the gate, dead when no match is under way
	at      int   // offset up to which the gate has read
	from    int   // start of the window under way
	passed  bool  // a match may have ended since from
	whole   bool  // the rule must see the whole text
	used    bool  // a keyword of the rule was seen in this text
	windows [][2]int
}

// begin prepares the track at the first keyword of its rule in a text.
func (t *track) begin(rule *compiled) {
	t.used = true
	if t.rule == nil {
		rule.prove()
		t.rule = rule
		if rule.proof.Proven {
			t.gate = newGate(rule.proof, rule.keywords)
		}
	}
	t.whole = t.gate == nil
}

// hit takes in a keyword of the rule that ends at end.
func (t *track) hit(text []byte, keyword, end int) {
	if t.whole {
		return
	}
	from := max(0, end-t.rule.proof.Left-margin)
	if t.rule.reverse != nil {
		start, ok := t.rule.reverse.earliest(text, end, t.gate.before[keyword])
		if !ok {
			return
		}
		from = max(0, start-margin)
	}
	if t.state != dead {
		t.walk(text, end)
	}
	if t.state == dead {
		t.from, t.at, t.passed = from, end, false
	}
	t.from = min(t.from, from)
	t.enter(t.gate.step(t.state, t.gate.inject+keyword))
	if t.state != dead && end < len(text) {
		t.walk(text, end+1) // most hits die at their first byte
	}
}

func (t *track) enter(v int32) {
	t.state = v >> 1
	t.passed = t.passed || v&1 != 0
	if t.state == dead {
		t.close()
	}
}

// walk moves the gate to the offset to, or behind the character that begins before it.
func (t *track) walk(text []byte, to int) {
	g := t.gate
	for t.at < to && t.state != dead {
		column, size := g.column(text[t.at:])
		v := g.step(t.state, column)
		t.at += size
		g.walked++
		t.enter(v)
		if g.full() && !t.flush() {
			return
		}
	}
}

// flush empties a full gate. A gate that fills its table faster than a plain
// search would read the text is given up for this text.
func (t *track) flush() bool {
	if t.gate.walked < 8*maxStates {
		t.whole, t.state = true, dead
		t.gate.reset()
		return false
	}
	t.state = t.gate.move(t.state)
	return true
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
