package detect

import (
	"context"
	"maps"
	"slices"
)

// answer is what a rule finds in a section whether or not a keyword of it is there.
type answer struct {
	found []Match // places are relative to the section's start
	open  bool    // a match may go on behind the region
}

// others asks every section what the rules find that were put off, because
// their keywords may be anywhere in the text. Where a section cannot answer,
// the rule sees the whole text. What a rule finds behind some decoding passes
// counts if a keyword of it is there behind as many.
func (m *Memory) others(ctx context.Context, s *Scratch, text []byte, only []bool) ([]Match, error) {
	asked, whole := m.askable(only)
	var found []Match
	for _, p := range s.pieces {
		if len(asked) == 0 {
			break
		}
		answers, err := m.ask(ctx, s, p, asked)
		if err != nil {
			return nil, err
		}
		for _, r := range asked {
			if answers[r].open && !slices.Contains(whole, r) {
				whole = append(whole, r)
			}
			found = appendMoved(found, answers[r].found, p.from)
		}
	}
	found = slices.DeleteFunc(found, func(f Match) bool { return slices.Contains(whole, f.number) })
	more, err := m.wholly(ctx, s, text, whole)
	found = append(found, more...)
	return slices.DeleteFunc(found, func(f Match) bool { return s.gates[f.number]>>min(f.depth, 7)&1 == 0 }), err
}

// askable tells the rules whose matches sections can tell from the rest.
func (m *Memory) askable(only []bool) (asked, whole []int32) {
	for id, chosen := range only {
		c := m.d.rules[id]
		switch {
		case !chosen:
		case len(c.Required) > 0 || c.Regex.Automaton() == nil:
			whole = append(whole, int32(id))
		default:
			asked = append(asked, int32(id))
		}
	}
	return asked, whole
}

// wholly runs rules on the whole text.
func (m *Memory) wholly(ctx context.Context, s *Scratch, text []byte, rules []int32) ([]Match, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	s.only, s.asked = s.mark(rules), true
	found, err := m.d.both(ctx, s, text)
	s.only, s.asked = nil, false
	return found, err
}

// ask gives the answers of a section, remembered with it. What is remembered is
// never changed, only replaced.
func (m *Memory) ask(ctx context.Context, s *Scratch, p placed, rules []int32) (map[int32]*answer, error) {
	missing := slices.DeleteFunc(slices.Clone(rules), func(r int32) bool { return p.section.asked[r] != nil })
	if len(missing) == 0 {
		return p.section.asked, nil
	}
	s.only, s.asked = s.mark(missing), true
	matches, part, err := m.d.searchPiece(ctx, s, p.piece)
	s.only, s.asked = nil, false
	if err != nil {
		return nil, err
	}
	fresh := *p.section
	fresh.asked = maps.Clone(p.section.asked)
	if fresh.asked == nil {
		fresh.asked = map[int32]*answer{}
	}
	for _, r := range missing {
		fresh.asked[r] = &answer{open: slices.Contains(part.open, r)}
	}
	for _, f := range matches {
		a := fresh.asked[f.number]
		a.found = append(a.found, f)
	}
	m.shard(p.key).put(p.key, &fresh)
	return fresh.asked, nil
}

// choose marks rules, or returns nil for none.
func (s *Scratch) choose(rest []putOff) []bool {
	if len(rest) == 0 {
		return nil
	}
	if s.chosen == nil {
		s.chosen, s.gates = make([]bool, len(s.tracks)), make([]uint8, len(s.tracks))
	}
	clear(s.chosen)
	clear(s.gates)
	for _, o := range rest {
		s.chosen[o.rule] = true
		s.gates[o.rule] |= o.depths
	}
	return s.chosen
}
