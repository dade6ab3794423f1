package gitrepo

// A run of changed lines that is followed by the line it begins with can be moved
// down by one line and the diff stays true, and likewise up. git moves each run to
// where people expect it: beside a change of the other side where there is one, else
// to where the indentation and the blank lines suggest a boundary.

// group is a run of changed lines [start, end), or an empty place between two
// unchanged lines. The two sides of a diff have equally many groups.
type group struct{ start, end int }

func (g group) empty() bool { return g.start == g.end }

func (s *side) firstGroup() group { return s.groupFrom(0) }

func (s *side) groupFrom(start int) group {
	end := start
	for end < s.len() && s.changed[end] {
		end++
	}
	return group{start, end}
}

// next moves past the unchanged line below g; it reports false at the end of the file.
func (s *side) next(g *group) bool {
	if g.end == s.len() {
		return false
	}
	*g = s.groupFrom(g.end + 1)
	return true
}

// previous moves past the unchanged line above g.
func (s *side) previous(g *group) {
	g.end = g.start - 1
	g.start = g.end
	s.absorbAbove(g)
}

func (s *side) absorbAbove(g *group) {
	for g.start > 0 && s.changed[g.start-1] {
		g.start--
	}
}

// slideUp moves g up by one line if the lines allow, and joins what it then touches.
func (s *side) slideUp(g *group) bool {
	if g.start == 0 || !s.sameLines(g.start-1, g.end-1) {
		return false
	}
	g.start, g.end = g.start-1, g.end-1
	s.changed[g.start], s.changed[g.end] = true, false
	s.absorbAbove(g)
	return true
}

// slideDown is slideUp in the other direction.
func (s *side) slideDown(g *group) bool {
	if g.end == s.len() || !s.sameLines(g.start, g.end) {
		return false
	}
	s.changed[g.start], s.changed[g.end] = false, true
	g.start = g.start + 1
	g.end = s.groupFrom(g.end + 1).end
	return true
}

// slideGroups places each group of s; other only tells where its own groups are.
func slideGroups(s, other *side) {
	g, o := s.firstGroup(), other.firstGroup()
	for {
		if !g.empty() {
			placeGroup(s, other, &g, &o)
		}
		if !s.next(&g) {
			return
		}
		other.next(&o)
	}
}

// placeGroup slides g to its place and keeps o, its counterpart, in step.
func placeGroup(s, other *side, g, o *group) {
	top, besideOther := slideWhole(s, other, g, o)
	switch {
	case g.end == top:
	case besideOther:
		for o.empty() && s.slideUp(g) {
			other.previous(o)
		}
	default:
		for best := bestEnd(s, *g, top); g.end > best && s.slideUp(g); {
			other.previous(o)
		}
	}
}

// slideWhole slides g to its highest and then to its lowest place, again when it
// has joined another group on the way. It returns the highest end, and whether
// somewhere on the last way g stood beside a change of the other side.
func slideWhole(s, other *side, g, o *group) (top int, besideOther bool) {
	for {
		size := g.end - g.start
		for s.slideUp(g) {
			other.previous(o)
		}
		top, besideOther = g.end, !o.empty()
		for s.slideDown(g) {
			other.next(o)
			besideOther = besideOther || !o.empty()
		}
		if g.end-g.start == size {
			return top, besideOther
		}
	}
}
