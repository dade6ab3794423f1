package dfa

import (
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
)

// states is one automaton, as far as it was built. A state is where the threads
// of the expression stand, the first in line first, and what lies behind them.
//
// Machines read it without a lock; whoever misses a transition builds it under one.
type states struct {
	p      *Program
	prog   *program
	sorted bool // the order of the threads does not matter: the longest match is wanted
	row    int  // columns of a state: its classes and the edge of the text

	// next holds, at the row of a state and the column of the character read, the
	// row behind it shifted left by one, plus 1 when a match ends before that
	// character; unbuilt is what is not known. It is longer than what is in use.
	// The first row belongs to no state.
	next atomic.Pointer[[]int32]

	mu      sync.Mutex // guards what follows, and the writing of next
	heir    *states    // takes the place of a full automaton
	threads [][]uint32
	behind  []kind
	hunting []bool // the state: a match may still begin
	ids     map[string]int32
	starts  [kinds]int32

	seen    []uint32 // instruction → step in which it was followed
	taken   []uint32 // instruction → step in which it was added to out
	step    uint32
	stack   []uint32
	out     []uint32
	key     []byte
	matched bool
}

const (
	unbuilt = int32(0)
	gone    = int32(-1) // the row of the state without threads

	firstRows = 8
	maxStates = 3000 // of one automaton; then it begins anew
)

func newStates(p *Program, prog *program, sorted bool) *states {
	s := &states{p: p, prog: prog, sorted: sorted, row: len(p.sample) + 1, ids: map[string]int32{}}
	s.seen, s.taken = make([]uint32, len(prog.Inst)), make([]uint32, len(prog.Inst))
	s.threads, s.behind, s.hunting = make([][]uint32, 1), make([]kind, 1), make([]bool, 1)
	rows := make([]int32, firstRows*s.row)
	s.next.Store(&rows)
	return s
}

// start is the row of the state before the first character.
func (s *states) start(behind kind) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starts[behind] == 0 {
		var threads []uint32
		if s.sorted {
			threads = []uint32{uint32(s.prog.Start)}
		}
		s.starts[behind] = s.add(threads, behind, !s.sorted)
	}
	return s.starts[behind]
}

// add returns the row of a state, a new one if need be.
func (s *states) add(threads []uint32, behind kind, hunting bool) int32 {
	s.key = append(s.key[:0], byte(behind)<<1)
	if hunting {
		s.key[0]++
	}
	for _, pc := range threads {
		s.key = append(s.key, byte(pc), byte(pc>>8))
	}
	if row, ok := s.ids[string(s.key)]; ok {
		return row
	}
	row := int32(len(s.threads) * s.row)
	s.ids[string(s.key)] = row
	s.threads = append(s.threads, slices.Clone(threads))
	s.behind, s.hunting = append(s.behind, behind), append(s.hunting, hunting)
	if rows := *s.next.Load(); int(row)+s.row > len(rows) {
		more := make([]int32, 2*len(rows))
		copy(more, rows)
		s.next.Store(&more)
	}
	return row
}

// follow is the transition of a state at a column, the last one for the edge of
// the text, and how many states had to be built. A full automaton hands over to
// its heir, to which the transition then leads.
func (s *states) follow(row int32, column int) (to *states, v int32, built int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v = (*s.next.Load())[int(row)+column]; v != unbuilt {
		return s, v, 0
	}
	if before := len(s.threads); before <= maxStates {
		v = s.build(row, column)
		return s, v, len(s.threads) - before
	}
	if s.heir == nil {
		s.heir = newStates(s.p, s.prog, s.sorted)
		s.p.replace(s, s.heir)
	}
	state := int(row) / s.row
	to, v, built = s.heir.follow(s.heir.adopt(s.threads[state], s.behind[state], s.hunting[state]), column)
	return to, v, built + 1
}

// adopt is add for whoever does not hold the lock.
func (s *states) adopt(threads []uint32, behind kind, hunting bool) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(threads, behind, hunting)
}

// build fills in what follows a state at one column.
func (s *states) build(row int32, column int) int32 {
	state := int(row) / s.row
	ahead := rune(-1)
	if column < len(s.p.sample) {
		ahead = s.p.sample[column]
	}
	flags := syntax.EmptyOpContext(look[s.behind[state]], ahead)
	s.out, s.matched = s.out[:0], false
	s.step++
	for _, pc := range s.threads[state] {
		if s.advance(pc, flags, column) {
			break
		}
	}
	hunting := s.hunting[state] && !s.matched
	if hunting {
		s.advance(uint32(s.prog.Start), flags, column)
		hunting = !s.matched
	}
	v := s.close(column, hunting)<<1 | bit(s.matched)
	atomic.StoreInt32(&(*s.next.Load())[int(row)+column], v)
	return v
}

// edge is the column of the edge of the text.
func (s *states) edge() int { return s.row - 1 }

// settle is a state in which no further match may begin.
func (s *states) settle(row int32) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := int(row) / s.row
	switch {
	case !s.hunting[state]:
		return row
	case len(s.threads[state]) == 0:
		return gone
	}
	return s.add(s.threads[state], s.behind[state], false)
}

// underWay reports whether a state is in the middle of a match.
func (s *states) underWay(row int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.threads[int(row)/s.row]) > 0
}

// close gives the threads that go on a state.
func (s *states) close(column int, hunting bool) int32 {
	if column == len(s.p.sample) || len(s.out) == 0 && !hunting {
		return gone
	}
	if s.sorted {
		slices.Sort(s.out)
	}
	return s.add(s.out, s.p.kind[column], hunting)
}

// advance moves one thread over a character. It reports true when a match ends
// before the character and hides all threads further back in line.
func (s *states) advance(from uint32, flags syntax.EmptyOp, column int) (stop bool) {
	s.stack = append(s.stack[:0], from)
	for len(s.stack) > 0 {
		pc := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		if s.seen[pc] == s.step {
			continue
		}
		s.seen[pc] = s.step
		switch in := &s.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			s.stack = append(s.stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			s.stack = append(s.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				s.stack = append(s.stack, in.Out)
			}
		case syntax.InstMatch:
			s.matched = true
			if !s.sorted {
				return true
			}
		case syntax.InstFail:
		default:
			if column < s.edge() && s.prog.reads[pc]>>column&1 == 1 && s.taken[in.Out] != s.step {
				s.taken[in.Out] = s.step
				s.out = append(s.out, in.Out)
			}
		}
	}
	return false
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
