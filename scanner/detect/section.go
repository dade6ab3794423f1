package detect

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
)

// cut finds the end of the section that begins at from: behind a line whose
// last bytes say so, one time in eight, or that makes it long.
func cut(text []byte, from int) int {
	for at := from; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
		if at-from < minSection || splitsEscapes(text[:at-1]) {
			continue
		}
		tail := binary.LittleEndian.Uint64(text[at-9:])
		if at-from >= maxSection || tail*0x9e3779b97f4a7c15>>61 == 0 {
			return at
		}
	}
}

// splitsEscapes reports whether a line ends in U+ABCD, which a next line in the
// same form continues.
func splitsEscapes(line []byte) bool {
	n := len(line)
	return n >= 6 && line[n-6] == 'U' && line[n-5] == '+'
}

// behind is the end of what is searched with a section: whole lines.
func behind(text []byte, end int) (to int, ok bool) {
	if end+ahead >= len(text) {
		return len(text), true
	}
	to = lineBehind(text, end+ahead)
	return to, to-end-ahead <= maxAhead
}

// lineBehind is the end of the line that holds the byte at an offset.
func lineBehind(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// searchSection searches a section for the rules that sections can be judged by.
func (d *Detector) searchSection(ctx context.Context, s *Scratch, p piece) (*section, error) {
	found, part, err := d.searchPiece(ctx, s, p)
	if err != nil {
		return nil, err
	}
	return newSection(found, part), nil
}

// newSection is what the search of a section found, without what is open.
func newSection(found []Match, part *partial) *section {
	found = slices.DeleteFunc(found, func(m Match) bool {
		return slices.ContainsFunc(part.open, func(o putOff) bool { return o.rule == m.number && m.atDepth(o.depths) })
	})
	if len(found) == 0 && len(part.rest) == 0 && len(part.open) == 0 {
		return quiet[part.marks]
	}
	return &section{found: distinct(found), rest: slices.Clip(part.rest), open: slices.Clip(part.open), marks: part.marks}
}

// widen searches a section again for the rules whose matches may reach beyond
// its region, with more of what stands behind it. What is still open after that
// has to see the whole text.
func (m *Memory) widen(ctx context.Context, s *Scratch, text []byte, p piece, open []putOff) (*section, error) {
	to := len(text)
	if p.end+wideAhead < len(text) {
		to = lineBehind(text, p.end+wideAhead)
	}
	p.region, p.last, p.wide = text[max(0, p.from-1):to], to == len(text), setOf(open)
	key := m.key(p)
	if sec := m.recall(key); sec != nil {
		return sec, nil
	}
	outer := s.only
	s.only = s.among(open)
	sec, err := m.d.searchSection(ctx, s, p)
	s.only = outer
	if err != nil {
		return nil, err
	}
	if len(sec.open) > 0 {
		sec.rest = append(sec.rest, entirely(sec.open)...)
		sec.open = nil
	}
	m.keep(key, sec)
	return sec, nil
}

// entirely has rules see nothing less than the whole text.
func entirely(rules []putOff) []putOff {
	for i := range rules {
		rules[i].whole = true
	}
	return rules
}

// setOf is a number other than 0 for a set of rules.
func setOf(rules []putOff) uint64 {
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(a, b putOff) int { return int(a.rule - b.rule) })
	set := uint64(1)
	for _, o := range sorted {
		set = set*1099511628211 + uint64(o.rule) + 1
	}
	return max(1, set)
}

// among marks rules.
func (s *Scratch) among(rules []putOff) []bool {
	out := make([]bool, len(s.tracks))
	for _, o := range rules {
		out[o.rule] = true
	}
	return out
}

// searchPiece searches a region and keeps what begins in its section, with
// places relative to it.
func (d *Detector) searchPiece(ctx context.Context, s *Scratch, p piece) ([]Match, *partial, error) {
	part := newPartial(p)
	s.part = part
	found, err := d.both(ctx, s, p.region)
	s.part = nil
	if err != nil {
		return nil, nil, err
	}
	return part.own(p, found), part, nil
}

// own keeps what begins in the section, with places relative to it.
func (part *partial) own(p piece, found []Match) []Match {
	part.rest = append(part.rest, entirely(part.whole)...)
	part.settle()
	found = slices.DeleteFunc(found, func(m Match) bool { return m.Match[0] < p.before() || m.Match[0] >= part.end })
	for i := range found {
		found[i].move(-p.before())
	}
	return slices.Clip(found)
}

// move shifts the places of a match.
func (m *Match) move(by int) {
	for _, at := range []*int{&m.Match[0], &m.Match[1], &m.Span[0], &m.Span[1]} {
		*at += by
	}
}

// appendMoved appends matches whose places are relative to from.
func appendMoved(to, found []Match, from int) []Match {
	n := len(to)
	to = append(to, found...)
	for i := n; i < len(to); i++ {
		to[i].move(from)
	}
	return to
}

// partial is the state of the search of a section.
type partial struct {
	begin   int  // of the section in its region
	end     int  // of it there
	first   bool // the section begins with the text
	last    bool // the region ends with the text
	room    int  // bytes that the region has behind the section, at least
	depth   int  // decoding passes so far
	deepest int
	rest    []putOff
	open    []putOff
	whole   []putOff
	marks   uint8 // that begin in the section
}

// putOff is a rule that has to see more, with the decoding passes behind which
// one of its keywords is there, or a match is open: bit 0 for the text itself.
type putOff struct {
	rule   int32
	depths uint8
	whole  bool // nothing less than the whole text will do
}

func newPartial(p piece) *partial {
	part := &partial{begin: p.before(), end: p.before() + p.end - p.from, first: p.from == 0, last: p.last, room: ahead}
	if p.wide != 0 {
		part.room = wideAhead
	}
	return part
}

// limit is behind where the section ends in the text of the pass. Decoding
// shortens a text, but for some UTF-16, of which no byte becomes two.
func (p *partial) limit() int {
	if p.depth > 0 {
		return 2 * p.end
	}
	return p.end
}

// leave puts a rule off to the whole text.
func (p *partial) leave(rule int32) { p.rest = p.include(p.rest, rule) }

// leaveWhole puts a rule off to the whole text where a match of it spans an end of
// the section: which of two that overlap hides the other, and what is hidden by it,
// only the whole text tells. It is asked before a match is judged, as one that is
// taken back hides others too, and with the newlines around it. A rule that looks
// for the start of the text begins again at its end, too (see enumeration.behind).
func (p *partial) leaveWhole(c *compiled, at extent) {
	if c.looksForStart() {
		at.end++
	}
	spans := func(end int) bool { return at.start < end && end < at.end }
	if spans(p.begin) || spans(p.end) {
		p.whole = p.include(p.whole, c.number)
	}
}

// leaveOpen says that more has to be seen of a match.
func (p *partial) leaveOpen(rule int32) { p.open = p.include(p.open, rule) }

func (p *partial) include(list []putOff, rule int32) []putOff {
	bit := uint8(1) << min(p.depth, 7)
	for i := range list {
		if list[i].rule == rule {
			list[i].depths |= bit
			return list
		}
	}
	return append(list, putOff{rule: rule, depths: bit})
}

// settle lets what is there behind the last pass be there behind all further
// ones, which other sections may need and which change nothing here.
func (p *partial) settle() {
	last := uint8(1) << min(p.deepest, 7)
	for i := range p.rest {
		if p.rest[i].depths&last != 0 {
			p.rest[i].depths |= -last
		}
	}
}

// unfit reports whether a rule cannot be judged by sections: it has no window
// in which they could be searched.
func (p *partial) unfit(s *Scratch, t *track) bool {
	proof := t.rule.proof
	return p.blind(s, t.rule) || t.gate == nil || !proof.Proven || proof.Left < 0 || proof.Left+2*margin > ahead || len(t.rule.Required) > 0
}

// blind reports whether a rule looks for the start of the text, and would take
// for it what is none.
func (p *partial) blind(s *Scratch, c *compiled) bool {
	return c.looksForStart() && !p.first && (p.depth > 0 || s.machine(c) == nil)
}

// earliest is where the matches of a rule may begin: one that looks for the start
// of the text must see that something stands before the section.
func (p *partial) earliest(c *compiled) int {
	if c.looksForStart() && !p.first {
		return 1
	}
	return 0
}

// mayGoOn reports whether a match that begins in the section can reach beyond the region.
func (p *partial) mayGoOn(c *compiled) bool {
	// Encoded text takes more room than what it stands for.
	return !p.last && (p.depth > 0 || c.proof.Right < 0 || c.proof.Right+2*margin > p.room)
}
