package detect

import (
	"context"
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
	minSection = 256
	maxSection = 4096
	ahead      = 640      // what stands behind a section belongs to its search
	wideAhead  = 8 << 10  // where a match may reach beyond that
	maxAhead   = 64 << 10 // unless its last line is longer than that
	maxRun     = 32 << 10 // sections that are searched together

	memoryShards = 64
	shardLimit   = 8 << 10 // sections; a full shard is emptied
)

type shard struct {
	sync.Mutex
	known map[sectionKey]*section
}

// sectionKey is two hashes of the region, with how large the section is in it,
// whether it begins and ends the text, and what it was searched for.
type sectionKey [2]uint64

// section is what is known of some lines.
type section struct {
	found []Match // that begin in it; places are relative to its start
	rest  []putOff
	open  []putOff          // rules that have to see more of what stands behind it
	asked map[int32]*answer // of the rules that were put off and then asked for
	marks uint8             // see Options.Marks
	quiet bool              // nothing but the marks
}

// quiet are the sections in which nothing was found, by their marks. Nearly all are.
var quiet = func() (all [256]*section) {
	for marks := range all {
		all[marks] = &section{marks: uint8(marks), quiet: true}
	}
	return all
}()

// NewMemory makes a Memory of about 500,000 sections at most.
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
// where that saves work; nil names none. What is copied from another text is
// known from there; over may be nil.
func (m *Memory) Text(ctx context.Context, s *Scratch, text []byte, over *Overlay, pointless func(*rules.Rule) bool) ([]Match, error) {
	s.use(m.d)
	s.pieces, s.marks = s.pieces[:0], 0
	apart := !m.d.options.Reference && m.takeApart(s, text, over)
	if !apart {
		s.pieces = s.pieces[:0]
		if m.d.options.Reference {
			s.marks = ^uint8(deeper)
		}
		return m.d.Text(ctx, s, text)
	}
	if err := m.searchNew(ctx, s, text); err != nil {
		return nil, err
	}
	return m.collect(ctx, s, text, pointless)
}

// collect puts together what the sections of a text hold.
func (m *Memory) collect(ctx context.Context, s *Scratch, text []byte, pointless func(*rules.Rule) bool) ([]Match, error) {
	var found []Match
	rest := s.rest[:0]
	for _, r := range m.d.alwaysRules {
		rest = append(rest, putOff{rule: r, depths: 0xff})
	}
	for i := range s.pieces {
		p := &s.pieces[i]
		s.marks |= p.section.marks
		if p.section.quiet {
			continue
		}
		found = appendMoved(found, p.section.found, int(p.from))
		rest = append(rest, p.section.rest...)
		if len(p.section.open) > 0 {
			wide, err := m.widen(ctx, s, text, p.in(text), p.section.open)
			if err != nil {
				return nil, err
			}
			found = appendMoved(found, wide.found, int(p.from))
			rest = append(rest, wide.rest...)
		}
	}
	s.rest = rest
	if pointless != nil {
		rest = slices.DeleteFunc(rest, func(o putOff) bool { return pointless(m.d.rules[o.rule].Rule) })
	}
	if len(rest) > 0 {
		var err error
		if found, err = m.others(ctx, s, text, found, union(rest)); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	newLines(text).number(found)
	return distinct(found), nil
}

// piece is a section of a text and the region that is searched with it.
type piece struct {
	region    []byte
	from, end int    // of the section in the text
	last      bool   // the region ends with the text
	wide      uint64 // 0, or for a wide region which rules it is searched for, see setOf
}

// before is how many bytes of the region stand before the section.
func (p piece) before() int { return min(p.from, 1) }

// placed is a section at its place in a text, nil while it is not known.
type placed struct {
	from, end, to int32 // to is where its region ends
	section       *section
}

// in is the piece of the text that a section was placed in.
func (p placed) in(text []byte) piece {
	return piece{region: text[max(0, p.from-1):p.to], from: int(p.from), end: int(p.end), last: int(p.to) == len(text)}
}

// maxApart is the longest text that is taken apart, in bytes.
const maxApart = 1 << 30

// takeApart finds the sections of a text. It returns false for a text that
// cannot be taken apart.
func (m *Memory) takeApart(s *Scratch, text []byte, over *Overlay) bool {
	if len(text) > maxApart {
		return false
	}
	at := over.cursor(len(text))
	s.fresh = s.fresh[:0]
	for from := 0; from < len(text); {
		p, known := at.known(from)
		if !known {
			p.from, p.end = int32(from), int32(cut(text, from))
			to, ok := behind(text, int(p.end))
			if !ok {
				return false
			}
			p.to = int32(to)
			key := m.key(p.in(text))
			if p.section = m.recall(key); p.section == nil {
				s.fresh = append(s.fresh, key)
			}
		}
		s.pieces = append(s.pieces, p)
		from = int(p.end)
	}
	return true
}

// searchNew searches the sections of a text that are not known, those that lie
// side by side together.
func (m *Memory) searchNew(ctx context.Context, s *Scratch, text []byte) error {
	keys := s.fresh
	for i := 0; i < len(s.pieces); i++ {
		n := i
		for n < len(s.pieces) && s.pieces[n].section == nil && (n == i || s.pieces[n].end-s.pieces[i].from <= maxRun) {
			n++
		}
		if n == i {
			continue
		}
		if err := m.d.searchRun(ctx, s, text, s.pieces[i:n]); err != nil {
			return err
		}
		for j, p := range s.pieces[i:n] {
			m.keep(keys[j], p.section)
		}
		keys = keys[n-i:]
		i = n - 1
	}
	return nil
}

// recall gives what is known of a section, nil for nothing.
func (m *Memory) recall(key sectionKey) *section { return m.shard(key).get(key) }

// maxKept is how many matches a section may hold that is remembered.
const maxKept = 1000

func (m *Memory) keep(key sectionKey, sec *section) {
	if len(sec.found) <= maxKept {
		m.shard(key).put(key, sec)
	}
}

// key mixes each of two numbers into a hash so that different ones give different keys.
func (m *Memory) key(p piece) sectionKey {
	const odd = 0x9e3779b97f4a7c15
	place := uint64(p.end-p.from) << 2
	if p.from == 0 {
		place |= 1
	}
	if p.last {
		place |= 2
	}
	return sectionKey{maphash.Bytes(m.seeds[0], p.region) ^ place*odd, maphash.Bytes(m.seeds[1], p.region) ^ p.wide*odd}
}

func (m *Memory) shard(key sectionKey) *shard { return &m.shards[key[0]%memoryShards] }

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
