package detect

import (
	"context"
	"maps"
	"slices"
)

// answer is what a rule finds in a section whether or not a keyword of it is there.
type answer struct {
	found []Match // places are relative to the section's start
	open  uint8   // decoding passes behind which a match may go on behind the region
}

// union joins what was put off for the same rule.
func union(rest []putOff) []putOff {
	slices.SortFunc(rest, func(a, b putOff) int { return int(a.rule - b.rule) })
	out := rest[:0]
	for _, o := range rest {
		if n := len(out); n > 0 && out[n-1].rule == o.rule {
			out[n-1].depths |= o.depths
			out[n-1].whole = out[n-1].whole || o.whole
			continue
		}
		out = append(out, o)
	}
	return out
}

// others adds what the rules find that were put off. Rules whose keywords may be
// anywhere in the text are asked of every section; what one finds behind some
// decoding passes counts if a keyword of it is there behind as many. Where a
// section cannot answer, the rule sees the whole text.
func (m *Memory) others(ctx context.Context, s *Scratch, text []byte, found []Match, rest []putOff) ([]Match, error) {
	var asked, whole []putOff
	for _, o := range rest {
		if c := m.d.rules[o.rule]; o.whole || len(c.Required) > 0 || s.machine(c) == nil {
			whole = append(whole, o)
		} else {
			asked = append(asked, o)
		}
	}
	for i := 0; i < len(s.pieces) && len(asked) > 0; i++ {
		p := &s.pieces[i]
		answers, err := m.ask(ctx, s, text, p, asked)
		if err != nil {
			return nil, err
		}
		for _, o := range asked {
			a := answers[o.rule]
			if a.open != 0 {
				whole = append(whole, o)
			}
			found = appendMoved(found, atDepths(a.found, o.depths), int(p.from))
		}
	}
	if len(whole) == 0 {
		return found, nil
	}
	return m.wholly(ctx, s, text, found, union(whole))
}

// atDepths are the matches that were found behind some decoding passes.
func atDepths(found []Match, depths uint8) []Match {
	if depths == 0xff {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(f Match) bool { return !f.atDepth(depths) })
}

func (m *Match) atDepth(depths uint8) bool { return depths>>min(m.depth, 7)&1 == 1 }

// wholly replaces what rules found by what they find in the whole text, behind
// the decoding passes that were put off.
func (m *Memory) wholly(ctx context.Context, s *Scratch, text []byte, found []Match, rules []putOff) ([]Match, error) {
	depths := make([]uint8, len(s.tracks))
	deepest := uint8(0)
	for _, o := range rules {
		depths[o.rule] = o.depths
		deepest |= o.depths
	}
	s.only, s.asked, s.shallow = s.among(rules), true, deepest == 1
	more, err := m.d.both(ctx, s, text)
	s.only, s.asked, s.shallow = nil, false, false
	if err != nil {
		return nil, err
	}
	replaced := func(f Match) bool { return f.atDepth(depths[f.number]) }
	found = slices.DeleteFunc(found, replaced)
	return append(found, slices.DeleteFunc(more, func(f Match) bool { return !replaced(f) })...), nil
}

// ask gives the answers of a section, remembered with it. What is remembered is
// never changed, only replaced.
func (m *Memory) ask(ctx context.Context, s *Scratch, text []byte, p *placed, rules []putOff) (map[int32]*answer, error) {
	missing := slices.DeleteFunc(slices.Clone(rules), func(o putOff) bool { return p.section.asked[o.rule] != nil })
	if len(missing) == 0 {
		return p.section.asked, nil
	}
	s.only, s.asked = s.among(missing), true
	matches, part, err := m.d.searchPiece(ctx, s, p.in(text))
	s.only, s.asked = nil, false
	if err != nil {
		return nil, err
	}
	fresh := *p.section
	fresh.quiet = false
	fresh.asked = maps.Clone(p.section.asked)
	if fresh.asked == nil {
		fresh.asked = map[int32]*answer{}
	}
	for _, o := range missing {
		fresh.asked[o.rule] = &answer{}
	}
	for _, o := range append(part.open, part.rest...) {
		fresh.asked[o.rule].open |= o.depths
	}
	for _, f := range matches {
		a := fresh.asked[f.number]
		a.found = append(a.found, f)
	}
	p.section = &fresh
	m.keep(m.key(p.in(text)), &fresh)
	return fresh.asked, nil
}
