package detect

import (
	"math"
	"regexp/syntax"
	"slices"
	"unicode/utf8"

	"github.com/leakgate/leakgate/rules"
)

// gate follows a rule's expression over the text behind a keyword, to learn
// whether a match can go through that keyword. It is a lazily built
// deterministic automaton over the instructions of the expression. Assertions
// such as \b are taken to hold, and characters beyond ASCII are one symbol, so a
// gate may let too much pass, but what it stops is no match.
//
// A gate belongs to one goroutine.
type gate struct {
	table
	proof   *rules.Proof
	wide    int        // column of characters beyond ASCII
	entries []entry    // keyword → where the gate is entered behind it
	reach   [][]uint32 // instruction → its closure
	example []uint8    // class → one ASCII character of it
	set     []uint32
	marks   []bool
}

// entry is the state behind a keyword.
type entry struct {
	after []uint32 // its instructions
	state int32
	known bool
	ends  bool // a match may end there
}

// glance is how many characters behind a keyword a gate looks at. Nearly all
// keywords that are part of no match show it in fewer.
const glance = 128

// passes reports whether a match may go through a keyword that ends at end. It
// builds no more than allowance states, and returns how many it built; when
// there is a need for more, the keyword passes.
func (g *gate) passes(text []byte, keyword, end, allowance int) (passes bool, built int) {
	if g.full() {
		g.reset()
		for i := range g.entries {
			g.entries[i].known = false
		}
	}
	e := g.enter(keyword)
	if e.ends {
		return true, 0
	}
	class, state := &g.proof.Symbols.Class, e.state
	for at, n := end, 0; at < len(text) && n < glance && state != dead; n++ {
		column, size := g.wide, 1
		if b := text[at]; b < utf8.RuneSelf {
			column = int(class[b])
		} else {
			_, size = utf8.DecodeRune(text[at:])
		}
		v := g.next[int(state)*g.stride+column]
		if v == unknown {
			if built++; built > allowance {
				return true, built
			}
			v = g.build(state, column)
		}
		if v&1 != 0 {
			return true, built
		}
		state = v >> 1
		at += size
	}
	return state != dead, built
}

func (g *gate) enter(keyword int) *entry {
	e := &g.entries[keyword]
	if !e.known {
		g.set, e.ends = g.set[:0], false
		for _, pc := range e.after {
			e.ends = g.take(g.closure(pc)) || e.ends
		}
		e.state, e.known = g.settle(), true
	}
	return e
}

// matchPC stands for "a match may end here".
const matchPC = math.MaxUint32

func newGate(p *rules.Proof, keywords []string) *gate {
	g := &gate{proof: p, wide: p.Symbols.Classes}
	g.stride = g.wide + 1
	g.marks = make([]bool, len(p.Prog.Inst))
	g.reach = make([][]uint32, len(p.Prog.Inst))
	g.example = make([]uint8, p.Symbols.Classes)
	for c, class := range p.Symbols.Class {
		g.example[class] = uint8(c)
	}
	for _, k := range keywords {
		g.entries = append(g.entries, entry{after: p.After[k]})
	}
	g.reset()
	return g
}

// build returns state<<1|accepting behind one column, and keeps it.
func (g *gate) build(state int32, column int) int32 {
	g.set = g.set[:0]
	accepting := int32(0)
	for _, pc := range g.states[state] {
		if g.reads(pc, column) && g.take(g.closure(g.proof.Prog.Inst[pc].Out)) {
			accepting = 1
		}
	}
	to := g.settle()<<1 | accepting
	g.next[int(state)*g.stride+column] = to
	return to
}

// take adds instructions to the set, and reports whether a match may end here.
func (g *gate) take(list []uint32) (ends bool) {
	for _, pc := range list {
		if pc == matchPC {
			ends = true
		} else if !g.marks[pc] {
			g.marks[pc] = true
			g.set = append(g.set, pc)
		}
	}
	return ends
}

// settle gives the set a state.
func (g *gate) settle() int32 {
	for _, pc := range g.set {
		g.marks[pc] = false
	}
	slices.Sort(g.set)
	return g.add(g.set)
}

func (g *gate) reads(pc uint32, column int) bool {
	id := g.proof.Symbols.Set[pc]
	if id < 0 {
		return false // waits for the end of the text
	}
	set := &g.proof.Symbols.Sets[id]
	if column == g.wide {
		return set.Wide || set.Special
	}
	// Every character of a class is in the set or none is.
	return set.ASCII[g.example[column]]
}

// closure lists the instructions that read a character and can be reached from
// pc without reading one. The end of the text is left out: a path that waits
// for it dies on any further character, and at the end all live paths count.
func (g *gate) closure(pc uint32) []uint32 {
	if g.reach[pc] == nil {
		g.reach[pc] = closure(g.proof.Prog, pc)
	}
	return g.reach[pc]
}

func closure(prog *syntax.Prog, from uint32) []uint32 {
	list := []uint32{}
	seen := map[uint32]bool{}
	stack := []uint32{from}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		in := &prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.Out, in.Arg)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&syntax.EmptyEndText == 0 {
				stack = append(stack, in.Out)
			} else {
				list = append(list, pc)
			}
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, in.Out)
		case syntax.InstMatch:
			list = append(list, matchPC)
		case syntax.InstFail:
		default:
			list = append(list, pc)
		}
	}
	return list
}
