package detect

import (
	"unicode/utf8"

	"github.com/leakgate/leakgate/rules"
)

// maxReverse bounds the walk to the left of one keyword, in characters.
const maxReverse = 4096

// reverse follows a rule's expression over the text before a keyword, for rules
// in which the way to the first keyword has no longest form. It tells whether a
// match can begin there at all, and from where.
type reverse struct {
	proof  *rules.Proof
	before [][]uint32 // instruction that reads → instructions that may have read the character before
	starts []bool     // instruction that reads → it may read the first character of a match
}

func newReverse(p *rules.Proof) *reverse {
	r := &reverse{proof: p, before: make([][]uint32, len(p.Prog.Inst)), starts: make([]bool, len(p.Prog.Inst))}
	for _, pc := range closure(p.Prog, uint32(p.Prog.Start)) {
		if r.reads(pc) {
			r.starts[pc] = true
		}
	}
	for pc := range p.Prog.Inst {
		if !r.reads(uint32(pc)) {
			continue
		}
		for _, next := range closure(p.Prog, p.Prog.Inst[pc].Out) {
			if r.reads(next) {
				r.before[next] = append(r.before[next], uint32(pc))
			}
		}
	}
	return r
}

func (r *reverse) reads(pc uint32) bool { return pc != matchPC && r.proof.Symbols.Set[pc] >= 0 }

// earliest is the first position at which a match can begin whose first keyword
// is read last by one of the instructions in last and ends at end. It is 0 when
// the walk was too long to tell.
func (r *reverse) earliest(text []byte, end int, last []uint32) (start int, ok bool) {
	current := append([]uint32(nil), last...)
	seen := map[uint32]bool{}
	at := end
	for range maxReverse {
		if at == 0 || len(current) == 0 {
			return start, ok
		}
		size := 1
		wide := text[at-1] >= utf8.RuneSelf
		if wide {
			_, size = utf8.DecodeLastRune(text[:at])
		}
		at -= size
		var next []uint32
		clear(seen)
		for _, pc := range current {
			set := &r.proof.Symbols.Sets[r.proof.Symbols.Set[pc]]
			if wide && !set.Wide || !wide && !set.ASCII[text[at]] {
				continue
			}
			if r.starts[pc] {
				start, ok = at, true
			}
			for _, p := range r.before[pc] {
				if !seen[p] {
					seen[p] = true
					next = append(next, p)
				}
			}
		}
		current = next
	}
	return 0, true
}
