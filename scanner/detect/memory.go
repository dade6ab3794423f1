package detect

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/maphash"
	"maps"
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

	swept map[int32][]Match // what rules without a proof find, once they were asked for
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
	whole, err := m.each(ctx, s, text, func(_ piece, sec *section) error {
		rest = append(rest, sec.rest...)
		decodes = decodes || sec.decodes
		return nil
	}, &found)
	if err != nil {
		return nil, err
	}
	if whole {
		return m.d.Text(ctx, s, text)
	}
	if pointless != nil {
		rest = slices.DeleteFunc(rest, func(r int32) bool { return pointless(m.d.rules[r].Rule) })
	}
	return m.combine(ctx, s, text, found, rest, decodes)
}

// piece is a section of a text and the region that is searched with it.
type piece struct {
	region    []byte
	from, end int  // of the section in the text
	last      bool // the region ends with the text
}

// before is how many bytes of the region stand before the section.
func (p piece) before() int { return min(p.from, 1) }

// each visits the sections of a text and appends what they found. It returns
// whole, and stops, for a text that cannot be taken apart.
func (m *Memory) each(ctx context.Context, s *Scratch, text []byte, visit func(piece, *section) error, found *[]Match) (whole bool, err error) {
	for from := 0; from < len(text); {
		end := cut(text, from)
		to, ok := behind(text, end)
		if !ok {
			return true, nil
		}
		p := piece{region: text[max(0, from-1):to], from: from, end: end, last: to == len(text)}
		sec, err := m.section(ctx, s, p)
		if err != nil {
			return false, err
		}
		*found = appendMoved(*found, sec.found, from)
		if err := visit(p, sec); err != nil {
			return false, err
		}
		from = end
	}
	return false, nil
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

func (m *Memory) key(p piece) (sectionKey, *shard) {
	key := sectionKey{size: int32(p.end - p.from), first: p.from == 0, last: p.last}
	for i, seed := range m.seeds {
		key.hash[i] = maphash.Bytes(seed, p.region)
	}
	return key, &m.shards[key.hash[0]%memoryShards]
}

// section looks a section up, or searches it.
func (m *Memory) section(ctx context.Context, s *Scratch, p piece) (*section, error) {
	key, sh := m.key(p)
	if sec := sh.get(key); sec != nil {
		return sec, nil
	}
	sec, err := m.d.searchSection(ctx, s, p)
	if err == nil {
		sh.put(key, sec)
	}
	return sec, err
}

func (sh *shard) get(key sectionKey) *section {
	sh.Lock()
	defer sh.Unlock()
	return sh.known[key]
}

func (sh *shard) put(key sectionKey, sec *section) {
	sh.Lock()
	defer sh.Unlock()
	if len(sh.known) >= shardLimit {
		clear(sh.known)
	}
	sh.known[key] = sec
}

// searchSection searches a section for the rules that sections can be judged by.
func (d *Detector) searchSection(ctx context.Context, s *Scratch, p piece) (*section, error) {
	found, part, err := d.searchPiece(ctx, s, p, false)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(m Match) bool { return slices.Contains(part.rest, m.number) })
	if len(found) == 0 && len(part.rest) == 0 && !part.decodes {
		return quiet, nil
	}
	return &section{found: distinct(found), rest: slices.Clip(part.rest), decodes: part.decodes}, nil
}

// searchPiece searches a region and keeps what begins in its section, with
// places relative to it.
func (d *Detector) searchPiece(ctx context.Context, s *Scratch, p piece, sweep bool) ([]Match, *partial, error) {
	part := &partial{end: p.before() + p.end - p.from, last: p.last, sweep: sweep}
	s.part = part
	found, err := d.both(ctx, s, p.region)
	s.part = nil
	if err != nil {
		return nil, nil, err
	}
	found = slices.DeleteFunc(found, func(m Match) bool { return m.Match[0] < p.before() || m.Match[0] >= part.end })
	for i := range found {
		found[i].move(-p.before())
	}
	return slices.Clip(found), part, nil
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
	end     int  // of the section in its region
	last    bool // the region ends with the text
	sweep   bool // the rules chosen run, whether or not a keyword is here
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
		more, err := m.others(ctx, s, text, only, decodes)
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

// others runs rules that were put off. Those whose matches are short are asked
// section by section, where nothing is decoded: their keywords may then be
// anywhere in the text, and were seen.
func (m *Memory) others(ctx context.Context, s *Scratch, text []byte, only []bool, decodes bool) ([]Match, error) {
	var found []Match
	if near := m.near(only); len(near) > 0 && !decodes {
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

// sweep asks every section of a text what such rules find in it.
func (m *Memory) sweep(ctx context.Context, s *Scratch, text []byte, rules []int32, found *[]Match) error {
	var known []Match // found before, by other rules
	_, err := m.each(ctx, s, text, func(p piece, sec *section) error {
		swept, err := m.swept(ctx, s, p, sec, rules)
		if err != nil {
			return err
		}
		for _, r := range rules {
			*found = appendMoved(*found, swept[r], p.from)
		}
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
	s.only = make([]bool, len(s.tracks))
	for _, r := range missing {
		s.only[r] = true
	}
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
