package detect

import (
	"bytes"
	"slices"
	"strings"
)

// Scratch holds the buffers of one goroutine. Its zero value is ready; it must
// not be used by two calls at once.
type Scratch struct {
	owner   *Detector
	hits    []hit
	tracks  []track
	touched []int
	folded  []byte // the text in lower case, when a rule asked for it
}

func (s *Scratch) use(d *Detector) {
	if s.owner == d {
		return
	}
	*s = Scratch{owner: d, tracks: make([]track, len(d.rules))}
}

// block is how much text is searched for keywords before the hits are followed up:
// small enough to be in the cache still.
const block = 32 << 10

// collect finds the rules that may match in text. It returns false when the
// text holds a character for which no window is proven.
func (s *Scratch) collect(text []byte) bool {
	d := s.owner
	state, dotted := uint32(0), false
	for from := 0; from < len(text); from += block {
		part := text[from:min(len(text), from+block)]
		state, s.hits = d.auto.scan(part, state, s.hits[:0])
		for _, h := range s.hits {
			for _, word := range d.auto.ends[h.ends] {
				if word == d.special {
					dotted = true
					continue
				}
				if word > d.special {
					return false
				}
				for _, t := range d.targets[word] {
					s.follow(text, t, from+int(h.end))
				}
			}
		}
	}
	if dotted {
		s.openGates(text)
	}
	return true
}

// openGates begins the rules of which a keyword appears only in what
// strings.ToLower makes of text. A rule with windows loses nothing by it: its
// matches contain the keyword as it is written.
func (s *Scratch) openGates(text []byte) {
	folded := strings.ToLower(string(text))
	for id, c := range s.owner.rules {
		if s.tracks[id].used || c.always {
			continue
		}
		if slices.ContainsFunc(c.keywords, func(k string) bool { return strings.Contains(folded, k) }) {
			s.tracks[id].begin(c, 0)
			s.touched = append(s.touched, id)
		}
	}
}

func (s *Scratch) follow(text []byte, t target, end int) {
	track := &s.tracks[t.rule]
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
		s.folded = append(s.folded, text...)
		for i, c := range s.folded {
			if c >= 'A' && c <= 'Z' {
				s.folded[i] = c + 'a' - 'A'
			}
		}
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
