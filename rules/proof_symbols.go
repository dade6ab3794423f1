package rules

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// Symbols describes which characters each instruction of a program reads.
// Instructions that read the same characters share one set, and ASCII
// characters that no set tells apart share one class.
type Symbols struct {
	Set     []int // instruction → its set, -1 where nothing is read
	Sets    []SymbolSet
	Class   [128]uint8 // ASCII character → class
	Classes int
}

// SymbolSet is the characters that an instruction reads. U+017F and U+212A count
// as the letters they stand for, as [Proof] says, but for their width.
type SymbolSet struct {
	ASCII   [128]bool
	Wide    bool // some character beyond ASCII, or an invalid byte
	Special bool // U+017F or U+212A, beside the letter that it stands for
	Width   int  // most bytes of one of the characters
}

const (
	longS  = 0x17F
	kelvin = 0x212A
)

func newSymbols(prog *syntax.Prog) *Symbols {
	s := &Symbols{Set: make([]int, len(prog.Inst)), Classes: 1}
	known := map[string]int{}
	for pc := range prog.Inst {
		in := &prog.Inst[pc]
		s.Set[pc] = -1
		if !reads(in.Op) {
			continue
		}
		key := setKey(in)
		id, ok := known[key]
		if !ok {
			id = len(s.Sets)
			known[key] = id
			s.Sets = append(s.Sets, newSymbolSet(in))
			s.split(&s.Sets[id].ASCII)
		}
		s.Set[pc] = id
	}
	return s
}

func reads(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

func setKey(in *syntax.Inst) string {
	fold := rune('0')
	if in.Op == syntax.InstRune && syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
		fold = '1'
	}
	return string(append([]rune{rune('a' + in.Op), fold}, in.Rune...))
}

// split divides the classes so that set is a union of classes.
func (s *Symbols) split(set *[128]bool) {
	var inside [128]int // class → the new class of its members in set, 0: none yet
	var outside [128]bool
	for c := range set {
		if !set[c] {
			outside[s.Class[c]] = true
		}
	}
	for c := range set {
		old := s.Class[c]
		if !set[c] || !outside[old] {
			continue
		}
		if inside[old] == 0 {
			inside[old] = s.Classes
			s.Classes++
		}
		s.Class[c] = uint8(inside[old])
	}
}

func newSymbolSet(in *syntax.Inst) SymbolSet {
	set := SymbolSet{Width: 1}
	for c := range set.ASCII {
		set.ASCII[c] = in.MatchRune(rune(c))
	}
	switch {
	case in.Op == syntax.InstRuneAny || in.Op == syntax.InstRuneAnyNotNL:
		set.Wide, set.Width = true, utf8.UTFMax
	case len(in.Rune) == 1:
		set.addFolds(in.Rune[0], in.Op == syntax.InstRune && syntax.Flags(in.Arg)&syntax.FoldCase != 0)
	default:
		for i := 0; i+1 < len(in.Rune); i += 2 {
			set.addRange(in.Rune[i], in.Rune[i+1])
		}
	}
	return set
}

func (set *SymbolSet) addFolds(r rune, fold bool) {
	set.addRange(r, r)
	if !fold {
		return
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		set.addRange(f, f)
	}
}

func (set *SymbolSet) addRange(lo, hi rune) {
	if hi < utf8.RuneSelf {
		return
	}
	if lo == hi && (lo == longS || lo == kelvin) {
		set.Special = true
	} else {
		set.Wide = true
	}
	set.Width = max(set.Width, runeWidth(hi))
}

// widestFold is the most bytes that r, or a letter it folds to, takes.
func widestFold(r rune, fold bool) int {
	n := runeWidth(r)
	if fold {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			n = max(n, runeWidth(f))
		}
	}
	return n
}

// runeWidth counts what UTF-8 needs. A set that ends inside the surrogates
// matches at most the three bytes of their neighbours.
func runeWidth(r rune) int {
	if n := utf8.RuneLen(r); n > 0 {
		return n
	}
	return 3
}
