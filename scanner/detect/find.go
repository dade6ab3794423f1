package detect

import "github.com/leakgate/leakgate/internal/dfa"

// matcher finds the first n matches of an expression at or behind an offset of a
// text, all for n < 0. Those that begin at limit or behind it may be left out.
// open says that a match before limit may have been under way at the end of the
// text. blind says that the text was searched as if it began at the offset.
type matcher func(text []byte, from, n, limit int) (locs [][2]int, open, blind bool)

// machine is that of a rule, nil when it suits none.
func (s *Scratch) machine(c *compiled) *dfa.Machine {
	program := c.Regex.Automaton()
	if program == nil || c.number < 0 {
		return nil
	}
	if s.machines[c.number] == nil {
		s.machines[c.number] = dfa.New(program)
	}
	return s.machines[c.number]
}

// groups are the places of the groups of a rule's match that is all of a text.
func (s *Scratch) groups(c *compiled, match []byte) []int {
	if m := s.machine(c); m != nil && !s.owner.options.Reference {
		if groups, ok := m.Groups(match); ok {
			return groups
		}
	}
	return c.Regex.Regexp().FindSubmatchIndex(match)
}

// matcher gives what finds the matches of a rule: a machine, and regexp for the
// rules and texts that the machine declines.
func (s *Scratch) matcher(c *compiled) matcher {
	m := s.machine(c)
	if m == nil || s.owner.options.Reference {
		return c.find
	}
	return func(text []byte, from, n, limit int) ([][2]int, bool, bool) {
		found, open, ok := m.All(text, from, n, limit, s.locs[:0])
		if !ok {
			return c.find(text, from, n, limit)
		}
		s.locs = found
		return found, open, false
	}
}

// find is the plain way.
func (c *compiled) find(text []byte, from, n, limit int) (locs [][2]int, open, blind bool) {
	found := c.Regex.Regexp().FindAllIndex(text[from:], n)
	locs = make([][2]int, len(found))
	for i, loc := range found {
		locs[i] = [2]int{from + loc[0], from + loc[1]}
	}
	return locs, limit < len(text), from > 0
}
