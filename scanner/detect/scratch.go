package detect

import "bytes"

// Scratch holds the buffers of one goroutine. Its zero value is ready; it must
// not be used by two calls at once.
type Scratch struct {
	owner    *Detector
	hits     []hit
	tracks   []track
	touched  []int
	folded   []byte    // the text in lower case, when a rule asked for it
	only     []bool    // by rule; nil: every rule takes part
	asked    bool      // the rules of only run, whether or not a keyword is here
	chosen   []bool    // room for only
	gates    []uint8   // of the rules chosen, see putOff
	part     *partial  // when a section is searched
	pieces   []placed  // of the text, see Memory.Text
	matchers []matcher // by rule

}

func (s *Scratch) use(d *Detector) {
	if s.owner == d {
		return
	}
	*s = Scratch{owner: d, tracks: make([]track, len(d.rules)), matchers: make([]matcher, len(d.rules))}
}

// block is how much text is searched for keywords before the hits are followed up:
// small enough to be in the cache still.
const block = 32 << 10

// collect finds the rules that may match in text. A character that folds to a
// letter is looked for as that letter.
func (s *Scratch) collect(text []byte) {
	if s.search(text, text, nil) {
		return
	}
	s.clear()
	folded, shifts := foldPlaces(text)
	s.search(text, folded, shifts)
}

// search follows the keywords of folded, which is text itself or what became of
// it. It returns false when text turns out to need folding.
func (s *Scratch) search(text, folded []byte, shifts []shift) bool {
	d := s.owner
	state := uint32(0)
	for from := 0; from < len(folded); from += block {
		part := folded[from:min(len(folded), from+block)]
		state, s.hits = d.auto.scan(part, state, s.hits[:0])
		for _, h := range s.hits {
			for _, word := range d.auto.ends[h.ends] {
				if word >= d.special {
					return false // never in a folded text
				}
				end := min(unfold(shifts, from+int(h.end)), len(text))
				for _, t := range d.targets[word] {
					s.follow(text, t, end)
				}
			}
		}
	}
	return true
}

func (s *Scratch) follow(text []byte, t target, end int) {
	track := &s.tracks[t.rule]
	if s.only != nil && !s.only[t.rule] {
		return
	}
	if !track.used {
		track.begin(s.owner.rules[t.rule], end)
		s.touched = append(s.touched, int(t.rule))
	}
	track.hit(text, int(t.keyword), end)
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
