// Package dfa finds what Go's regexp finds, several times faster, in texts of
// mostly ASCII characters: a deterministic automaton is built state by state as texts
// call for it, one to find where the leftmost match ends and one, of the
// expression read backwards, to find where it begins (as RE2 does, see
// https://swtch.com/~rsc/regexp/regexp3.html). It may decline a text;
// whoever calls it then asks regexp.
package dfa

import (
	"errors"
	"regexp/syntax"
	"sync/atomic"
	"unicode/utf8"
)

// Program is an expression that was prepared, with the automata that its
// machines build and share, up to some hundred kilobytes.
type Program struct {
	ends, begins atomic.Pointer[states]

	forward, backward *program
	class             [128]uint8 // ASCII character → class; no instruction tells the characters of a class apart
	sample            []rune     // class → one of its characters
	wide              bool       // the expression tells no characters beyond ASCII apart but the folds
	foreign           uint8      // their class
	folds             [len(folds)]uint8
	kind              []kind // class → what it is to an assertion before it
	edge              kind   // what the start or end of the text is
	prefix            []byte // with which every match begins
}

// kind is what an assertion can see of a neighbouring character.
type kind uint8

const (
	other kind = iota
	word
	newline
	textEdge
	kinds
)

// look stands for a kind in [syntax.EmptyOpContext].
var look = [kinds]rune{other: ' ', word: 'a', newline: '\n', textEdge: -1}

// maxInstructions bounds the size of an expression; each state holds up to that many.
const maxInstructions = 3000

// ErrUnsuitable is for expressions that match the empty text or are too large.
var ErrUnsuitable = errors.New("the expression suits no automaton")

// Compile prepares an expression in Go's syntax. The error is that of the
// syntax, or [ErrUnsuitable].
func Compile(expression string) (*Program, error) {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if mayBeEmpty(re) {
		return nil, ErrUnsuitable
	}
	p := &Program{}
	if p.forward, err = compile(re); err == nil {
		p.backward, err = compile(reversed(re))
	}
	if err != nil {
		return nil, err
	}
	p.classify()
	if len(p.sample) > 64 {
		return nil, ErrUnsuitable
	}
	p.forward.read(p.sample)
	p.backward.read(p.sample)
	if prefix, _ := p.forward.Prefix(); len(prefix) > 1 {
		p.prefix = []byte(prefix)
	}
	p.ends.Store(newStates(p, p.forward, false))
	p.begins.Store(newStates(p, p.backward, true))
	return p, nil
}

// replace lets a new automaton take the place of a full one.
func (p *Program) replace(full, fresh *states) {
	if !p.ends.CompareAndSwap(full, fresh) {
		p.begins.CompareAndSwap(full, fresh)
	}
}

// program is one that regexp/syntax compiled.
type program struct {
	*syntax.Prog
	set   []int32    // instruction → what it reads, -1 for none
	sets  []*readSet // each thing that is read, once
	reads []uint64   // instruction → the classes it reads, as bits
}

// readSet is what some instructions read.
type readSet struct {
	in      *syntax.Inst // one of them
	classes uint64
}

func compile(re *syntax.Regexp) (*program, error) {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	if len(prog.Inst) > maxInstructions {
		return nil, ErrUnsuitable
	}
	p := &program{Prog: prog, set: make([]int32, len(prog.Inst)), reads: make([]uint64, len(prog.Inst))}
	known := map[string]int32{}
	for i := range prog.Inst {
		in := &prog.Inst[i]
		p.set[i] = -1
		if in.Op != syntax.InstRune && in.Op != syntax.InstRune1 && in.Op != syntax.InstRuneAny && in.Op != syntax.InstRuneAnyNotNL {
			continue
		}
		key := string(append([]rune{rune(in.Op), rune(in.Arg)}, in.Rune...))
		n, ok := known[key]
		if !ok {
			n = int32(len(p.sets))
			known[key] = n
			p.sets = append(p.sets, &readSet{in: in})
		}
		p.set[i] = n
	}
	return p, nil
}

// read finds out which classes each instruction reads.
func (p *program) read(sample []rune) {
	for _, set := range p.sets {
		for class, r := range sample {
			if set.in.MatchRune(r) {
				set.classes |= 1 << class
			}
		}
	}
	for i, n := range p.set {
		if n >= 0 {
			p.reads[i] = p.sets[n].classes
		}
	}
}

// folds are the characters beyond ASCII that a letter stands for where case does
// not matter. All others are alike to most expressions, as anyForeign is.
var folds = [...]rune{'\u017f', '\u212a'}

const anyForeign = utf8.RuneError

// alike reports whether an instruction tells no characters beyond ASCII apart but the folds.
func alike(in *syntax.Inst) bool {
	if in.Op == syntax.InstRuneAny || in.Op == syntax.InstRuneAnyNotNL {
		return true
	}
	if len(in.Rune) == 1 {
		return in.Rune[0] < utf8.RuneSelf
	}
	read := rune(0)
	for i := 0; i+1 < len(in.Rune); i += 2 {
		lo, hi := max(in.Rune[i], utf8.RuneSelf), in.Rune[i+1]
		read += max(0, hi-lo+1)
		for _, fold := range folds {
			if lo <= fold && fold <= hi {
				read--
			}
		}
	}
	return read == 0 || read == utf8.MaxRune-utf8.RuneSelf+1-rune(len(folds))
}

// classAt is the class and the size of the first character of a text.
func (p *Program) classAt(text []byte) (class, size int) {
	if text[0] < utf8.RuneSelf {
		return int(p.class[text[0]]), 1
	}
	r, size := utf8.DecodeRune(text)
	return p.classOf(r), size
}

// classBefore is the class and the size of the last character of a text.
func (p *Program) classBefore(text []byte) (class, size int) {
	if last := text[len(text)-1]; last < utf8.RuneSelf {
		return int(p.class[last]), 1
	}
	r, size := utf8.DecodeLastRune(text)
	return p.classOf(r), size
}

func (p *Program) classOf(r rune) int {
	for i, fold := range folds {
		if r == fold {
			return int(p.folds[i])
		}
	}
	return int(p.foreign)
}

// classify divides the characters by what the instructions tell apart.
func (p *Program) classify() {
	p.sample = []rune{0}
	p.edge, p.wide = other, true
	for _, set := range p.forward.sets {
		p.split(set.in.MatchRune)
		p.wide = p.wide && alike(set.in)
	}
	assertions := syntax.EmptyOp(0)
	for i := range p.forward.Inst {
		if in := &p.forward.Inst[i]; in.Op == syntax.InstEmptyWidth {
			assertions |= syntax.EmptyOp(in.Arg)
		}
	}
	p.assertion(assertions)
	p.name(assertions)
}

// assertion divides the characters by what an assertion sees of them.
func (p *Program) assertion(op syntax.EmptyOp) {
	if op&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
		p.split(syntax.IsWordChar)
	}
	if op&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0 {
		p.split(func(r rune) bool { return r == '\n' })
		p.edge = max(p.edge, newline)
	}
	if op&(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
		p.edge = textEdge
	}
}

// split makes every class lie within or outside of a set.
func (p *Program) split(in func(rune) bool) {
	inside := make([]bool, len(p.sample)) // class → its sample is in the set
	for class, c := range p.sample {
		inside[class] = in(c)
	}
	var moved [256]uint8 // class → that of its members which are not where its sample is
	move := func(class *uint8, c rune) {
		if in(c) == inside[*class] {
			return
		}
		if moved[*class] == 0 {
			moved[*class] = uint8(len(p.sample))
			p.sample = append(p.sample, c)
		}
		*class = moved[*class]
	}
	for c := range p.class {
		move(&p.class[c], rune(c))
	}
	move(&p.foreign, anyForeign)
	for i, c := range folds {
		move(&p.folds[i], c)
	}
}

// name finds out what each class is to the assertions that the expression has.
func (p *Program) name(assertions syntax.EmptyOp) {
	seesWord := assertions&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0
	seesLine := assertions&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0
	p.kind = make([]kind, len(p.sample))
	for class, r := range p.sample {
		switch {
		case seesLine && r == '\n':
			p.kind[class] = newline
		case seesWord && syntax.IsWordChar(r):
			p.kind[class] = word
		}
	}
}
