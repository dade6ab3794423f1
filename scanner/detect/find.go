package detect

import "github.com/leakgate/leakgate/internal/dfa"

// matcher finds the first n matches of an expression in a text, all for n < 0.
// Those that begin at limit or behind it may be left out. open says that a match
// before limit may have been under way at the end of the text.
type matcher func(text []byte, n, limit int) (locs [][2]int, open bool)

// matcher gives what finds the matches of a rule: a machine, and regexp for the
// rules and texts that the machine declines.
func (s *Scratch) matcher(c *compiled) matcher {
	if c.number < 0 || s.owner.options.Reference {
		return c.find
	}
	if s.matchers[c.number] == nil {
		s.matchers[c.number] = c.matcher()
	}
	return s.matchers[c.number]
}

func (c *compiled) matcher() matcher {
	program := c.Regex.Automaton()
	if program == nil {
		return c.find
	}
	m := dfa.New(program)
	var locs [][2]int
	return func(text []byte, n, limit int) ([][2]int, bool) {
		found, open, ok := m.All(text, n, limit, locs[:0])
		if !ok {
			return c.find(text, n, limit)
		}
		locs = found
		return found, open
	}
}

// find is the plain way.
func (c *compiled) find(text []byte, n, limit int) ([][2]int, bool) {
	found := c.Regex.Regexp().FindAllIndex(text, n)
	locs := make([][2]int, len(found))
	for i, loc := range found {
		locs[i] = [2]int{loc[0], loc[1]}
	}
	return locs, limit < len(text)
}
