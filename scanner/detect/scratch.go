package detect

import (
	"bytes"
	"slices"

	"github.com/leakgate/leakgate/internal/dfa"
)

// Scratch holds the buffers of one goroutine. Its zero value is ready; it must
// not be used by two calls at once.
type Scratch struct {
	owner    *Detector
	hits     []hit
	lanes    lanesOfHits
	run      []hit // of a run of sections
	tracks   []track
	touched  []int
	folded   []byte         // the text in lower case, when a rule asked for it
	only     []bool         // by rule; nil: every rule takes part
	shallow  bool           // nothing is decoded
	asked    bool           // the rules of only run, whether or not a keyword is here
	part     *partial       // when a section is searched
	pieces   []placed       // of the text, see Memory.Text
	fresh    []sectionKey   // of those of them that were not known
	rest     []putOff       // room for what is put off
	marks    uint8          // of the text, see Options.Marks
	machines []*dfa.Machine // by rule, made when they are needed
	locs     [][2]int       // the last that one of them found
}

func (s *Scratch) use(d *Detector) {
	if s.owner == d {
		return
	}
	*s = Scratch{owner: d, tracks: make([]track, len(d.rules)), machines: make([]*dfa.Machine, len(d.rules))}
}

// block is how much text is searched for keywords before they are followed up:
// small enough to be in the cache still.
const block = 32 << 10

// keywords visits the keywords in a text, some at a time. A character that folds
// to a letter is looked for as that letter; when the first one is met, what was
// visited before is forgotten and visited again.
func (s *Scratch) keywords(text []byte, visit func([]hit)) {
	if s.scan(text, visit) {
		return
	}
	s.clear()
	folded, shifts := foldPlaces(text)
	s.scan(folded, func(hits []hit) {
		for i := range hits {
			hits[i].end = int32(min(unfold(shifts, int(hits[i].end)), len(text)))
		}
		visit(hits)
	})
}

// scan returns false, and stops, when the text needs folding.
func (s *Scratch) scan(text []byte, visit func([]hit)) bool {
	state := uint32(0)
	for from := 0; from < len(text); from += block {
		state, s.hits = s.owner.auto.scan(text[from:min(len(text), from+block)], from, state, s.hits[:0], &s.lanes)
		if slices.ContainsFunc(s.hits, func(h hit) bool { return s.owner.folds[h.ends] }) {
			return false
		}
		visit(s.hits)
	}
	return true
}

// mark notes a mark of the section or text at hand.
func (s *Scratch) mark(bit uint8) {
	if s.part != nil {
		s.part.marks |= bit
	} else {
		s.marks |= bit
	}
}

// track is the one of a rule, ready for the text at hand.
func (s *Scratch) track(rule int32) *track {
	t := &s.tracks[rule]
	if !t.used {
		t.begin(s.owner.rules[rule])
		s.touched = append(s.touched, int(rule))
	}
	return t
}

// holds reports whether text has every literal that all matches of a rule
// contain. It is asked before a rule runs on a whole text.
func (s *Scratch) holds(text []byte, words []string) bool {
	if len(words) == 0 {
		return true
	}
	if len(s.folded) == 0 {
		s.folded = fold(text)
	}
	for _, w := range words {
		if !bytes.Contains(s.folded, []byte(w)) {
			return false
		}
	}
	return true
}

// clear forgets the text.
func (s *Scratch) clear() {
	for _, r := range s.touched {
		s.tracks[r].clear()
	}
	s.touched, s.folded = s.touched[:0], s.folded[:0]
}
