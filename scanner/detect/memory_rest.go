package detect

import (
	"context"
	"maps"
	"slices"
)

// others runs rules that were put off. Those whose matches are short are asked
// section by section: their keywords may be anywhere in the text.
func (m *Memory) others(ctx context.Context, s *Scratch, text []byte, only []bool) ([]Match, error) {
	var found []Match
	if near := m.near(only); len(near) > 0 {
		for _, r := range near {
			only[r] = false
		}
		if err := m.sweep(ctx, s, text, near, &found); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(only, true) {
		return found, nil
	}
	s.only = only
	defer func() { s.only = nil }()
	more, err := m.d.both(ctx, s, text)
	return append(found, more...), err
}

// near lists the chosen rules that have no proof, but a longest match that a
// region has room for.
func (m *Memory) near(only []bool) []int32 {
	var out []int32
	for id, chosen := range only {
		c := m.d.rules[id]
		if !chosen || c.always || len(c.Required) > 0 {
			continue
		}
		c.prove()
		if p := c.proof; p.Prog != nil && !p.Proven && p.Right > 0 && p.Right+2*margin <= ahead {
			out = append(out, int32(id))
		}
	}
	return out
}

// sweep asks every section of a text what such rules find in it. What one finds
// behind some decoding passes counts if a keyword of it is there behind as many.
func (m *Memory) sweep(ctx context.Context, s *Scratch, text []byte, rules []int32, found *[]Match) error {
	var known []Match // found before, by other rules
	_, err := m.each(ctx, s, text, func(p piece, sec *section) error {
		swept, err := m.swept(ctx, s, p, sec, rules)
		if err != nil {
			return err
		}
		n := len(*found)
		for _, r := range rules {
			*found = appendMoved(*found, swept[r], p.from)
		}
		fresh := slices.DeleteFunc((*found)[n:], func(f Match) bool { return s.gates[f.number]>>min(f.depth, 7)&1 == 0 })
		*found = (*found)[:n+len(fresh)]
		return nil
	}, &known)
	return err
}

// swept is what the rules find in a section, remembered with it. What is
// remembered is never changed, only replaced.
func (m *Memory) swept(ctx context.Context, s *Scratch, p piece, sec *section, rules []int32) (map[int32][]Match, error) {
	missing := slices.DeleteFunc(slices.Clone(rules), func(r int32) bool { _, ok := sec.swept[r]; return ok })
	if len(missing) == 0 {
		return sec.swept, nil
	}
	outer := s.only
	s.only = s.mark(missing)
	matches, _, err := m.d.searchPiece(ctx, s, p, true)
	s.only = outer
	if err != nil {
		return nil, err
	}
	fresh := *sec
	fresh.swept = maps.Clone(sec.swept)
	if fresh.swept == nil {
		fresh.swept = map[int32][]Match{}
	}
	for _, r := range missing {
		fresh.swept[r] = nil
	}
	for _, f := range matches {
		fresh.swept[f.number] = append(fresh.swept[f.number], f)
	}
	key, sh := m.key(p)
	sh.put(key, &fresh)
	return fresh.swept, nil
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

// chance reports whether a text holds the literals of any of the rules.
func (s *Scratch) chance(text []byte, only []bool) bool {
	defer func() { s.folded = s.folded[:0] }()
	for id, chosen := range only {
		if !chosen {
			continue
		}
		c := s.owner.rules[id]
		c.prove()
		if s.holds(text, c.proof.Words) {
			return true
		}
		only[id] = false
	}
	return false
}
