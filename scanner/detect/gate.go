package detect

import (
	"math"
	"regexp/syntax"
	"slices"

	"github.com/leakgate/leakgate/rules"
)

// gate follows a rule's expression over the text behind a keyword, to learn
// whether a match can go through that keyword and where it must end. It is a
// lazily built deterministic automaton over the instructions of the
// expression. Assertions such as \b are taken to hold, and characters beyond
// ASCII are one symbol, so a gate may let too much pass, but what it stops is
// no match.
//
// A gate belongs to one goroutine.
type gate struct {
	table
	proof   *rules.Proof
	wide    int        // column of characters beyond ASCII
	inject  int        // first column of the keywords: the state joined with what follows the keyword
	after   [][]uint32 // keyword → its instructions, sorted
	reach   [][]uint32 // instruction → its closure
	example []uint8    // class → one ASCII character of it
	set     []uint32
	marks   []bool
}

// matchPC stands for "a match may end here".
const matchPC = math.MaxUint32

func newGate(p *rules.Proof, keywords []string) *gate {
	g := &gate{proof: p, wide: p.Symbols.Classes, inject: p.Symbols.Classes + 1}
	g.stride = g.inject + len(keywords)
	g.marks = make([]bool, len(p.Prog.Inst))
	g.reach = make([][]uint32, len(p.Prog.Inst))
	g.example = make([]uint8, p.Symbols.Classes)
	for c, class := range p.Symbols.Class {
		g.example[class] = uint8(c)
	}
	for _, k := range keywords {
		g.after = append(g.after, p.After[k])
	}
	g.reset()
	return g
}

// build returns state<<1|accepting behind one column, and keeps it.
func (g *gate) build(state int32, column int) int32 {
	g.set = g.set[:0]
	accepting := int32(0)
	take := func(list []uint32) {
		for _, pc := range list {
			if pc == matchPC {
				accepting = 1
			} else if !g.marks[pc] {
				g.marks[pc] = true
				g.set = append(g.set, pc)
			}
		}
	}
	if column >= g.inject {
		take(g.states[state])
		for _, pc := range g.after[column-g.inject] {
			take(g.closure(pc))
		}
	} else {
		for _, pc := range g.states[state] {
			if g.reads(pc, column) {
				take(g.closure(g.proof.Prog.Inst[pc].Out))
			}
		}
	}
	for _, pc := range g.set {
		g.marks[pc] = false
	}
	slices.Sort(g.set)
	to := g.add(g.set)<<1 | accepting
	g.next[int(state)*g.stride+column] = to
	return to
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
