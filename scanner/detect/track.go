package detect

// margin is how many bytes of true context a window has beyond every match in
// it: one character of any kind.
const margin = 4

// track gathers the windows of one rule in one text: the neighbourhoods of
// keywords in which matches may lie.
type track struct {
	rule    *compiled
	gate    *gate // nil when no window is proven
	whole   bool  // the rule must see the whole text
	used    bool  // a keyword of the rule was seen in this text
	built   int   // states that the gate built for this text
	windows []window
}

// window is a part of a text in which matches may lie that begin before last.
type window struct{ from, to, last int }

// begin prepares the track at the first keyword of its rule in a text.
func (t *track) begin(rule *compiled) {
	t.used, t.rule, t.gate = true, rule, rule.gateway()
	t.whole = t.gate == nil
}

// hit takes in a keyword that ends at end. Matches that begin at limit or
// behind it are of no interest. A match whose first keyword this is begins
// before its end.
func (t *track) hit(text []byte, k target, end, limit int) {
	if t.whole {
		return
	}
	w := window{0, len(text), min(limit, end)}
	if left := t.rule.proof.Left; left >= 0 {
		w.from = max(0, end-left-margin)
	}
	if right := t.rule.proof.Right; right >= 0 {
		w.to = min(w.to, end+right+margin)
	}
	if w.from >= limit || !t.passes(text, int(k.keyword), end) {
		return
	}
	if n := len(t.windows); n > 0 && w.from <= t.windows[n-1].to {
		last := &t.windows[n-1]
		last.to, last.last = max(last.to, w.to), max(last.last, w.last)
		return
	}
	t.windows = append(t.windows, w)
}

// The cost of building a state is that of reading many bytes. A text may call
// for freeStates of a rule and one more for each stateShare of its bytes;
// after that every keyword passes.
const (
	freeStates = 300
	stateShare = 16
)

func (t *track) passes(text []byte, keyword, end int) bool {
	allowance := freeStates + len(text)/stateShare - t.built
	if allowance <= 0 {
		return true
	}
	passes, built := t.gate.passes(text, keyword, end, allowance)
	t.built += built
	return passes
}

// finish returns the windows of the text.
func (t *track) finish(text []byte, limit int) []window {
	if t.whole {
		t.windows = append(t.windows[:0], window{0, len(text), limit})
	}
	return t.windows
}

// clear prepares the track for the next text.
func (t *track) clear() {
	t.whole, t.used, t.built, t.windows = false, false, 0, t.windows[:0]
}
