package detect

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/leakgate/leakgate/rules"
)

// Memory remembers what sections of texts hold, so that the versions of a file
// cost what they differ in. A section is some lines; where it ends follows from
// the lines alone, so that a change moves no boundary but its own. A section is
// searched together with what stands behind it, as far as nearly every match
// reaches, and known again by two 64-bit hashes of both under random seeds.
//
// What it finds is what [Detector.Text] finds. Rules that cannot be judged by
// sections see the whole text, when a section shows that they have a chance.
//
// A Memory is safe for concurrent use and never holds more than its limit.
type Memory struct {
	d      *Detector
	seeds  [2]maphash.Seed
	shards [memoryShards]shard
}

// Sizes in bytes.
const (
	minSection = 512
	maxSection = 4096
	ahead      = 1024     // what stands behind a section belongs to its search
	maxAhead   = 64 << 10 // unless its last line is longer than that

	memoryShards = 64
	shardLimit   = 16 << 10 // sections; a full shard is emptied
)

type shard struct {
	sync.Mutex
	known map[sectionKey]*section
}

type sectionKey struct {
	hash  [2]uint64
	size  int32 // of the section, which is a part of what was hashed
	first bool  // nothing stands before it
	last  bool  // nothing stands behind what was hashed
}

// section is what is known of some lines.
type section struct {
	found   []Match // that begin in it; places are relative to its start
	rest    []int32 // rules that have to see the whole text
	decodes bool    // something in it or behind it was decoded
}

var quiet = &section{}

// NewMemory makes a Memory of about 1,000,000 sections at most.
func (d *Detector) NewMemory() *Memory {
	m := &Memory{d: d}
	for i := range m.seeds {
		m.seeds[i] = maphash.MakeSeed()
	}
	for i := range m.shards {
		m.shards[i].known = map[sectionKey]*section{}
	}
	return m
}

// Text is [Detector.Text] with a memory. Rules that pointless names are left out
// where that saves work; nil names none.
func (m *Memory) Text(ctx context.Context, s *Scratch, text []byte, pointless func(*rules.Rule) bool) ([]Match, error) {
	if m.d.options.Reference || len(text) < minSection {
		return m.d.Text(ctx, s, text)
	}
	s.use(m.d)
	var found []Match
	rest := slices.Clone(m.d.alwaysRules)
	decodes := false
	for from := 0; from < len(text); {
		end := cut(text, from)
		to, ok := behind(text, end)
		if !ok {
			return m.d.Text(ctx, s, text)
		}
		sec, err := m.section(ctx, s, text[max(0, from-1):to], from, end, to == len(text))
		if err != nil {
			return nil, err
		}
		found = sec.appendTo(found, from)
		rest = append(rest, sec.rest...)
		decodes = decodes || sec.decodes
		from = end
	}
	if pointless != nil {
		rest = slices.DeleteFunc(rest, func(r int32) bool { return pointless(m.d.rules[r].Rule) })
	}
	return m.combine(ctx, s, text, found, rest, decodes)
}

// cut finds the end of the section that begins at from: behind a line whose
// last bytes say so, one time in sixteen, or that makes it long.
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
		if at-from >= maxSection || tail*0x9e3779b97f4a7c15>>60 == 0 {
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
	i := bytes.IndexByte(text[end+ahead:], '\n')
	if i < 0 {
		return len(text), len(text)-end <= maxAhead
	}
	return end + ahead + i + 1, i <= maxAhead
}

// section looks a section up, or searches it.
func (m *Memory) section(ctx context.Context, s *Scratch, region []byte, from, end int, last bool) (*section, error) {
	key := sectionKey{size: int32(end - from), first: from == 0, last: last}
	for i, seed := range m.seeds {
		key.hash[i] = maphash.Bytes(seed, region)
	}
	sh := &m.shards[key.hash[0]%memoryShards]
	sh.Lock()
	sec := sh.known[key]
	sh.Unlock()
	if sec != nil {
		return sec, nil
	}
	sec, err := m.d.searchSection(ctx, s, region, min(from, 1), end-from, last)
	if err != nil {
		return nil, err
	}
	sh.Lock()
	if len(sh.known) >= shardLimit {
		clear(sh.known)
	}
	sh.known[key] = sec
	sh.Unlock()
	return sec, nil
}

// searchSection searches a region of which size bytes, behind the first before
// ones, are the section.
func (d *Detector) searchSection(ctx context.Context, s *Scratch, region []byte, before, size int, last bool) (*section, error) {
	s.part = &partial{end: before + size, last: last}
	found, err := d.both(ctx, s, region)
	p := s.part
	s.part = nil
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(m Match) bool {
		return m.Match[0] < before || m.Match[0] >= before+size || slices.Contains(p.rest, m.number)
	})
	if len(found) == 0 && len(p.rest) == 0 && !p.decodes {
		return quiet, nil
	}
	found = slices.Clip(distinct(found))
	for i := range found {
		found[i].move(-before)
	}
	return &section{found: found, rest: slices.Clip(p.rest), decodes: p.decodes}, nil
}

// move shifts the places of a match.
func (m *Match) move(by int) {
	for _, at := range []*int{&m.Match[0], &m.Match[1], &m.Span[0], &m.Span[1]} {
		*at += by
	}
}

func (sec *section) appendTo(found []Match, from int) []Match {
	n := len(found)
	found = append(found, sec.found...)
	for i := n; i < len(found); i++ {
		found[i].move(from)
	}
	return found
}

// partial is the state of the search of a section.
type partial struct {
	end     int  // of the section in its region
	last    bool // the region ends with the text
	rest    []int32
	decodes bool
}

// leave puts a rule off to the whole text.
func (p *partial) leave(rule int) {
	if !slices.Contains(p.rest, int32(rule)) {
		p.rest = append(p.rest, int32(rule))
	}
}

// leaves reports whether a rule cannot be judged by this section: it has no
// window, or a match of it may begin in the section and reach beyond the region.
func (p *partial) leaves(t *track, decoded bool) bool {
	proof := t.rule.proof
	switch {
	case !proof.Proven || proof.Left < 0 || proof.Left+2*margin > ahead || len(t.rule.Required) > 0:
		return true
	case p.last || proof.Right >= 0 && proof.Right+2*margin <= ahead:
		return false
	}
	return t.whole || t.alive && (decoded || t.aliveFrom < p.end)
}

// combine adds what the rules that were put off find in the whole text.
func (m *Memory) combine(ctx context.Context, s *Scratch, text []byte, found []Match, rest []int32, decodes bool) ([]Match, error) {
	only := s.choose(rest)
	found = slices.DeleteFunc(found, func(f Match) bool { return only != nil && only[f.number] })
	if only != nil && (decodes || s.chance(text, only)) {
		s.only = only
		more, err := m.d.both(ctx, s, text)
		s.only = nil
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	if len(found) == 0 {
		return nil, nil
	}
	newLines(text).number(found)
	return distinct(found), nil
}

// choose marks rules, or returns nil for none.
func (s *Scratch) choose(rest []int32) []bool {
	if len(rest) == 0 {
		return nil
	}
	if s.chosen == nil {
		s.chosen = make([]bool, len(s.tracks))
	}
	clear(s.chosen)
	for _, r := range rest {
		s.chosen[r] = true
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
