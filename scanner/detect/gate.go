package detect

import (
	"math"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/leakgate/leakgate/rules"
)

// gate follows a rule's expression over the text behind a keyword, to learn
// whether a match can go through that keyword. It is a lazily built
// deterministic automaton over the instructions of the expression. Assertions
// such as \b are taken to hold, and characters beyond ASCII are one symbol, so a
// gate may let too much pass, but what it stops is no match.
//
// It is safe for concurrent use: it is read without a lock, and grows under one.
type gate struct {
	proof   *rules.Proof
	wide    int     // column of characters beyond ASCII
	stride  int     // columns
	entries []entry // keyword → where the gate is entered behind it

	// next holds, at state*stride + column, the state behind it shifted left by
	// one, plus 1 when a match may end there; unknown is what was not built. It is
	// longer than what is in use. State 0 is none.
	next atomic.Pointer[[]int32]

	mu      sync.Mutex // guards what follows, and the writing of next
	states  [][]uint32 // state → its instructions, sorted
	ids     map[string]int32
	key     []byte
	reach   [][]uint32 // instruction → its closure
	example []uint8    // class → one ASCII character of it
	set     []uint32
	marks   []bool
}

// entry is the state behind a keyword.
type entry struct {
	state int32
	ends  bool // a match may end there
}

const (
	unknown = int32(0)
	// dead is the state without instructions.
	dead = int32(-1)

	firstStates = 16
	maxStates   = 4000 // of a gate; then another takes its place
)

// glance is how many characters behind a keyword a gate looks at. Nearly all
// keywords that are part of no match show it in fewer.
const glance = 128

// passes reports whether a match may go through a keyword that ends at end. It
// builds no more than allowance states, and returns how many it built; when
// there is a need for more, the keyword passes.
func (g *gate) passes(text []byte, keyword, end, allowance int) (passes bool, built int) {
	e := g.entries[keyword]
	if e.ends {
		return true, 0
	}
	class, next, state := &g.proof.Symbols.Class, *g.next.Load(), e.state
	for at, n := end, 0; at < len(text) && n < glance && state != dead; n++ {
		column, size := g.wide, 1
		if b := text[at]; b < utf8.RuneSelf {
			column = int(class[b])
		} else {
			_, size = utf8.DecodeRune(text[at:])
		}
		v := atomic.LoadInt32(&next[int(state)*g.stride+column])
		if v == unknown {
			if built++; built > allowance {
				return true, built
			}
			v = g.build(state, column)
			next = *g.next.Load()
		}
		if v&1 != 0 {
			return true, built
		}
		state = v >> 1
		at += size
	}
	return state != dead, built
}

// matchPC stands for "a match may end here".
const matchPC = math.MaxUint32

func newGate(p *rules.Proof, keywords []string) *gate {
	g := &gate{proof: p, wide: p.Symbols.Classes, ids: map[string]int32{}, states: make([][]uint32, 1)}
	g.stride = g.wide + 1
	g.marks = make([]bool, len(p.Prog.Inst))
	g.reach = make([][]uint32, len(p.Prog.Inst))
	g.example = make([]uint8, p.Symbols.Classes)
	for c, class := range p.Symbols.Class {
		g.example[class] = uint8(c)
	}
	next := make([]int32, firstStates*g.stride)
	g.next.Store(&next)
	for _, k := range keywords {
		g.entries = append(g.entries, g.enter(p.After[k]))
	}
	return g
}

// enter is the entry behind a keyword, after which some instructions may follow.
func (g *gate) enter(after []uint32) (e entry) {
	g.set = g.set[:0]
	for _, pc := range after {
		e.ends = g.take(g.closure(pc)) || e.ends
	}
	e.state = g.settle()
	return e
}

// full reports whether another gate should take this one's place.
func (g *gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.states) > maxStates
}

// build returns state<<1|accepting behind one column, and keeps it.
func (g *gate) build(state int32, column int) int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := (*g.next.Load())[int(state)*g.stride+column]; v != unknown {
		return v
	}
	g.set = g.set[:0]
	accepting := int32(0)
	for _, pc := range g.states[state] {
		if g.reads(pc, column) && g.take(g.closure(g.proof.Prog.Inst[pc].Out)) {
			accepting = 1
		}
	}
	to := g.settle()<<1 | accepting
	atomic.StoreInt32(&(*g.next.Load())[int(state)*g.stride+column], to)
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
	if len(g.set) == 0 {
		return dead
	}
	slices.Sort(g.set)
	g.key = g.key[:0]
	for _, pc := range g.set {
		g.key = append(g.key, byte(pc), byte(pc>>8), byte(pc>>16))
	}
	if id, ok := g.ids[string(g.key)]; ok {
		return id
	}
	id := int32(len(g.states))
	g.ids[string(g.key)] = id
	g.states = append(g.states, slices.Clone(g.set))
	if next := *g.next.Load(); len(g.states)*g.stride > len(next) {
		more := make([]int32, 2*len(next))
		copy(more, next)
		g.next.Store(&more)
	}
	return id
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
