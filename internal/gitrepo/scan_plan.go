package gitrepo

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// Marks in place of an entry's parent.
const (
	noParent       = -1 // stored whole
	outsideParent  = -2 // a delta of an object that this pack's index does not list
	unreadableHead = -3 // the entry's header cannot be read
)

// packPlan says what to read of one pack: its entries in the order they lie in
// the file, as trees of deltas. It takes 20 bytes for each object of the pack,
// 24 when the wanted ids were listed.
type packPlan struct {
	pack        *pack
	posBits     uint
	keys        []uint64 // offset and index position of each entry, in order
	parent      []int32  // entry that this one is a delta of, or a mark
	first, next []int32  // children of an entry, as a linked list; -1 ends it
	wanted      bitset   // entries to visit
	needed      bitset   // entries to inflate: wanted ones and the bases below them
	index       []int32  // by index position: 1 + position in the wanted ids; nil with All
	bad         []int32  // index positions of wanted objects whose offset is impossible
}

type bitset []uint64

func newBitset(n int) bitset        { return make(bitset, (n+63)/64) }
func (b bitset) has(i int32) bool   { return b[i>>6]>>(i&63)&1 == 1 }
func (b bitset) set(i int32)        { b[i>>6] |= 1 << (i & 63) }
func (p *packPlan) pos(i int32) int { return int(p.keys[i] & (1<<p.posBits - 1)) }
func (p *packPlan) off(i int32) int64 {
	return int64(p.keys[i] >> p.posBits)
}

// planPack orders the entries of a pack. want tells, by index position, which to
// visit; where they are few, the plan knows only them and what they are deltas of.
func planPack(p *pack, index []int32, few bool, want func(pos int) bool) *packPlan {
	plan := &packPlan{pack: p, index: index, posBits: uint(bits.Len(uint(p.idx.count)))}
	if few {
		plan.sortChains(want)
	} else {
		plan.sortEntries(want)
	}
	plan.linkEntries()
	plan.markNeeded(want)
	return plan
}

// fewShare is how many of a pack's objects are few: one in so many.
const fewShare = 16

// sortChains is sortEntries for the wanted entries and the bases below them. Of a
// base that is named by its offset the position is not known, see nowhere.
func (p *packPlan) sortChains(want func(pos int) bool) {
	known := map[int64]int{}
	var scratch []byte
	for pos := range p.pack.idx.count {
		if !want(pos) {
			continue
		}
		off, at := p.pack.idx.offset(pos), pos
		for p.possible(off) {
			if old, ok := known[off]; ok && (old != p.nowhere() || at == p.nowhere()) {
				break
			}
			known[off] = at
			off, at = p.below(off, &scratch)
		}
		if first := p.pack.idx.offset(pos); !p.possible(first) {
			p.bad = append(p.bad, int32(pos))
		}
	}
	p.keys = make([]uint64, 0, len(known))
	for off, pos := range known {
		p.keys = append(p.keys, uint64(off)<<p.posBits|uint64(pos))
	}
	slices.Sort(p.keys)
}

// nowhere stands for the position of an entry of which it was not looked up.
func (p *packPlan) nowhere() int { return p.pack.idx.count }

// possible reports whether an entry may begin at an offset.
func (p *packPlan) possible(off int64) bool { return off >= 12 && off < p.limit() }

// limit is behind the last offset that an entry of this pack may have, and that a
// key has room for.
func (p *packPlan) limit() int64 { return min(p.pack.end(), int64(1)<<min(62, 64-p.posBits)) }

// below is the offset and position of the entry that another is a delta of; the
// offset is 0 where there is none in this pack.
func (p *packPlan) below(off int64, scratch *[]byte) (base int64, pos int) {
	e, err := p.pack.entry(off, scratch)
	switch {
	case err != nil:
	case e.kind == typeOfsDelta:
		return e.base, p.nowhere()
	case e.kind == typeRefDelta:
		if pos := p.pack.idx.find(e.baseID.Bytes()); pos >= 0 {
			return p.pack.idx.offset(pos), pos
		}
	}
	return 0, 0
}

func (p *packPlan) sortEntries(want func(pos int) bool) {
	p.keys = make([]uint64, 0, p.pack.idx.count)
	for pos := range p.pack.idx.count {
		off := p.pack.idx.offset(pos)
		if !p.possible(off) {
			if want(pos) {
				p.bad = append(p.bad, int32(pos))
			}
			continue
		}
		p.keys = append(p.keys, uint64(off)<<p.posBits|uint64(pos))
	}
	slices.Sort(p.keys)
}

// at is the entry that begins at an offset, or outsideParent.
func (p *packPlan) at(off int64) int32 {
	i, _ := slices.BinarySearch(p.keys, uint64(off)<<p.posBits)
	if i < len(p.keys) && p.off(int32(i)) == off {
		return int32(i)
	}
	return outsideParent
}

func (p *packPlan) linkEntries() {
	n := len(p.keys)
	p.parent, p.first, p.next = make([]int32, n), make([]int32, n), make([]int32, n)
	var group sync.WaitGroup
	part := n/runtime.GOMAXPROCS(0) + 1
	for from := 0; from < n; from += part {
		group.Go(func() { p.findParents(from, min(from+part, n)) })
	}
	group.Wait()
	for i := n - 1; i >= 0; i-- {
		p.next[i] = -1
		if base := p.parent[i]; base >= 0 {
			p.next[i], p.first[base] = p.first[base], int32(i)
		}
	}
}

func (p *packPlan) findParents(from, to int) {
	var scratch []byte
	for i := from; i < to; i++ {
		p.parent[i], p.first[i] = p.findParent(p.off(int32(i)), &scratch), -1
	}
}

func (p *packPlan) findParent(off int64, scratch *[]byte) int32 {
	e, err := p.pack.entry(off, scratch)
	switch {
	case err != nil:
		return unreadableHead
	case e.kind == typeOfsDelta:
		return p.at(e.base)
	case e.kind == typeRefDelta:
		if pos := p.pack.idx.find(e.baseID.Bytes()); pos >= 0 {
			return p.at(p.pack.idx.offset(pos))
		}
		return outsideParent
	}
	return noParent
}

func (p *packPlan) markNeeded(want func(pos int) bool) {
	n := len(p.keys)
	p.wanted, p.needed = newBitset(n), newBitset(n)
	for i := range int32(n) {
		if p.pos(i) == p.nowhere() || !want(p.pos(i)) {
			continue
		}
		p.wanted.set(i)
		for at := i; at >= 0 && !p.needed.has(at); at = p.parent[at] {
			p.needed.set(at)
		}
	}
}

// firstNeeded skips children that nobody wants.
func (p *packPlan) firstNeeded(child int32) int32 {
	for child >= 0 && !p.needed.has(child) {
		child = p.next[child]
	}
	return child
}

// id is zero for an entry of which the position was not looked up.
func (p *packPlan) id(i int32) ID {
	if p.pos(i) == p.nowhere() {
		return ID{}
	}
	return p.pack.idx.id(p.pos(i))
}

// exactID looks the position up if need be, which takes its time.
func (p *packPlan) exactID(i int32) ID {
	if p.pos(i) != p.nowhere() {
		return p.id(i)
	}
	for pos := range p.pack.idx.count {
		if p.pack.idx.offset(pos) == p.off(i) {
			return p.pack.idx.id(pos)
		}
	}
	return ID{}
}

func (p *packPlan) wantedIndex(pos int) int {
	if p.index == nil {
		return -1
	}
	return int(p.index[pos]) - 1
}

// duplicates marks the positions of each pack whose object an earlier pack has too.
func duplicates(packs []*pack) []bitset {
	sets := make([]bitset, len(packs))
	for i, p := range packs {
		sets[i] = newBitset(p.idx.count)
		for _, earlier := range packs[:i] { // larger or equal: packs come most objects first
			markShared(p.idx, earlier.idx, sets[i])
		}
	}
	return sets
}

// markShared looks the ids of the smaller index up in the larger.
func markShared(x, larger *packIndex, shared bitset) {
	for pos := range x.count {
		if !shared.has(int32(pos)) && larger.find(x.name(pos)) >= 0 {
			shared.set(int32(pos))
		}
	}
}
