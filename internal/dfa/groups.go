package dfa

import (
	"regexp/syntax"
	"unicode/utf8"
)

// Groups gives the places of the leftmost match in text and of its groups, as
// regexp's FindSubmatchIndex does; nil for no match. ok is false when text is
// too long for the size of the expression.
//
// It tries the alternatives in order and goes back from those that fail, but
// never enters an instruction at the same place twice. regexp does so too, for
// small expressions only, and else follows all alternatives side by side.
func (m *Machine) Groups(text []byte) (groups []int, ok bool) {
	prog := m.p.forward
	if len(prog.Inst)*(len(text)+1) > maxVisits {
		return nil, false
	}
	b := &m.back
	b.prog, b.text = prog.Prog, text
	b.groups = resized(b.groups, prog.NumCap)
	b.visited = resized(b.visited, (len(prog.Inst)*(len(text)+1)+63)/64)
	for at := 0; at <= len(text); {
		for i := range b.groups {
			b.groups[i] = -1
		}
		if b.try(at) {
			return b.groups, true
		}
		if at == len(text) {
			break
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return nil, true
}

// maxVisits bounds the pairs of instruction and place, each of which takes a bit.
const maxVisits = 1 << 20

func resized[T any](list []T, n int) []T {
	if cap(list) < n {
		return make([]T, n)
	}
	list = list[:n]
	clear(list)
	return list
}

// backtracker is the state of one call of Groups.
type backtracker struct {
	prog    *syntax.Prog
	text    []byte
	groups  []int
	visited []uint64
	jobs    []job
}

// job is an instruction to go on from, or a group to take back.
type job struct {
	pc, at int
	undo   int // 1 + number of the group that is set back to at
}

func (b *backtracker) try(start int) bool {
	b.jobs = append(b.jobs[:0], job{pc: b.prog.Start, at: start})
	for len(b.jobs) > 0 {
		j := b.jobs[len(b.jobs)-1]
		b.jobs = b.jobs[:len(b.jobs)-1]
		if j.undo > 0 {
			b.groups[j.undo-1] = j.at
			continue
		}
		if end, matched := b.follow(j.pc, j.at); matched {
			b.groups[0], b.groups[1] = start, end
			return true
		}
	}
	return false
}

// follow goes on as far as one way leads, and leaves the others as jobs.
func (b *backtracker) follow(pc, at int) (end int, matched bool) {
	for {
		bit := pc*(len(b.text)+1) + at
		if b.visited[bit/64]>>(bit%64)&1 == 1 {
			return 0, false
		}
		b.visited[bit/64] |= 1 << (bit % 64)
		in := &b.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			b.jobs = append(b.jobs, job{pc: int(in.Arg), at: at})
		case syntax.InstCapture:
			if n := int(in.Arg); n < len(b.groups) {
				b.jobs = append(b.jobs, job{at: b.groups[n], undo: n + 1})
				b.groups[n] = at
			}
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^b.context(at) != 0 {
				return 0, false
			}
		case syntax.InstMatch:
			return at, true
		case syntax.InstFail:
			return 0, false
		case syntax.InstNop:
		default:
			if at == len(b.text) {
				return 0, false
			}
			r, size := utf8.DecodeRune(b.text[at:])
			if !in.MatchRune(r) {
				return 0, false
			}
			at += size
		}
		pc = int(in.Out)
	}
}

// context is what holds between two characters.
func (b *backtracker) context(at int) syntax.EmptyOp {
	before, behind := rune(-1), rune(-1)
	if at > 0 {
		before, _ = utf8.DecodeLastRune(b.text[:at])
	}
	if at < len(b.text) {
		behind, _ = utf8.DecodeRune(b.text[at:])
	}
	return syntax.EmptyOpContext(before, behind)
}
