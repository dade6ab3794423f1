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
	"unicode/utf8"
)

// Program is an expression that was prepared. It is never changed, so that
// several machines may share it.
type Program struct {
	forward, backward *syntax.Prog
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
	if prefix, _ := p.forward.Prefix(); len(prefix) > 1 {
		p.prefix = []byte(prefix)
	}
	return p, nil
}

func compile(re *syntax.Regexp) (*syntax.Prog, error) {
	prog, err := syntax.Compile(re.Simplify())
	if err == nil && len(prog.Inst) > maxInstructions {
		err = ErrUnsuitable
	}
	return prog, err
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
	for i := range p.forward.Inst {
		switch in := &p.forward.Inst[i]; in.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			p.split(in.MatchRune)
			p.wide = p.wide && alike(in)
		case syntax.InstEmptyWidth:
			p.assertion(syntax.EmptyOp(in.Arg))
		}
	}
	p.name()
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
	moved := map[uint8]uint8{}
	move := func(class *uint8, c rune) {
		if in(c) == in(p.sample[*class]) {
			return
		}
		if _, ok := moved[*class]; !ok {
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
func (p *Program) name() {
	seesWord, seesLine := false, false
	for i := range p.forward.Inst {
		if in := &p.forward.Inst[i]; in.Op == syntax.InstEmptyWidth {
			op := syntax.EmptyOp(in.Arg)
			seesWord = seesWord || op&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0
			seesLine = seesLine || op&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0
		}
	}
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
