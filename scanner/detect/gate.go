package detect

import (
	"math"
	"regexp/syntax"
	"slices"
	"unicode/utf8"

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
	proof  *rules.Proof
	wide   int // column of characters beyond ASCII
	inject int // first column of the keywords: the state joined with what follows the keyword
	stride int
	after  [][]uint32 // keyword → its instructions, sorted
	before [][]uint32

	states  []([]uint32) // state → its instructions, sorted
	next    []int32      // state*stride + column → state<<1 | accepting, or unknown
	ids     map[string]int32
	key     []byte
	set     []uint32
	marks   []bool
	example []uint8    // class → one ASCII character of it
	reach   [][]uint32 // instruction → closure of its successor, as readers and matchPC
	walked  int        // characters since the table was emptied
}

const (
	unknown   = int32(-1)
	maxStates = 1500
	matchPC   = math.MaxUint32 // stands for "a match may end here"
)

// dead is the state without instructions.
const dead = int32(0)

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
		g.before = append(g.before, p.Before[k])
	}
	g.reset()
	return g
}

func (g *gate) reset() {
	g.walked = 0
	g.states, g.next, g.ids = g.states[:0], g.next[:0], map[string]int32{}
	g.add(nil)
}

// add returns the state of a sorted set.
func (g *gate) add(set []uint32) int32 {
	g.key = g.key[:0]
	for _, pc := range set {
		g.key = append(g.key, byte(pc), byte(pc>>8), byte(pc>>16))
	}
	if id, ok := g.ids[string(g.key)]; ok {
		return id
	}
	id := int32(len(g.states))
	g.ids[string(g.key)] = id
	g.states = append(g.states, slices.Clone(set))
	for range g.stride {
		g.next = append(g.next, unknown)
	}
	return id
}

// step returns state<<1|accepting behind one column.
func (g *gate) step(state int32, column int) int32 {
	if v := g.next[int(state)*g.stride+column]; v != unknown {
		return v
	}
	return g.build(state, column)
}

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

// full reports whether the table should be emptied; the caller then keeps its
// state with move.
func (g *gate) full() bool { return len(g.states) > maxStates }

// move empties the table and returns the new number of state.
func (g *gate) move(state int32) int32 {
	set := slices.Clone(g.states[state])
	g.reset()
	return g.add(set)
}

func (g *gate) reads(pc uint32, column int) bool {
	id := g.proof.Symbols.Set[pc]
	if id < 0 {
		return false // waits for the end of the text
	}
	set := &g.proof.Symbols.Sets[id]
	if column == g.wide {
		return set.Wide
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

// column returns the column and the length of the character at the front of text.
func (g *gate) column(text []byte) (column, size int) {
	if b := text[0]; b < utf8.RuneSelf {
		return int(g.proof.Symbols.Class[b]), 1
	}
	_, size = utf8.DecodeRune(text)
	return g.wide, size
}
