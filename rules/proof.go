package rules

import (
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Window says whether a rule may be run on the neighbourhood of its keywords
// instead of the whole text without losing a match, and how far a match can
// reach. Lengths are in bytes; a negative one means that there is no bound.
type Window struct {
	Guaranteed bool // every match contains one of the rule's keywords
	Proven     bool // Guaranteed, and the proof did not exceed its own limits
	Left       int  // from the start of a match to the end of the first keyword in it
	Right      int  // the longest match
	Reason     string
}

// Proof is a Window with the facts that an engine needs to use it: the program
// of the expression and the places in it where the first keyword of a match ends.
//
// It holds for texts in which U+017F and U+212A are looked for as "s" and "k",
// as which a case-insensitive expression matches them.
type Proof struct {
	Window
	Prog    *syntax.Prog
	Symbols *Symbols
	After   map[string][]uint32 // keyword → instructions that may follow its last character
	Words   []string            // literals in lower case, all of which every match contains in some case
}

// Limits of a proof. An expression beyond them runs on whole texts.
const (
	maxProgram = 20_000  // instructions
	maxProduct = 150_000 // pairs of instruction and keyword state
	unbounded  = 1 << 40
)

// Window is the short form of [Rule.Prove].
func (r *Rule) Window() Window { return r.Prove().Window }

// Prove examines the rule's expression. It takes well under a millisecond for
// usual rules; the caller keeps the result.
func (r *Rule) Prove() *Proof {
	if r.Regex == nil {
		return unproven("the rule looks at paths only")
	}
	keywords := distinctLower(r.Keywords)
	if len(keywords) == 0 {
		return unproven("the rule has no keywords")
	}
	for _, k := range keywords {
		if !isASCII(k) {
			return unproven("a keyword is not ASCII")
		}
	}
	parsed, err := syntax.Parse(r.Regex.String(), syntax.Perl)
	if err != nil {
		return unproven("the expression does not parse")
	}
	literals := slices.Sorted(maps.Keys(words(parsed)))
	longest := min(maxLen(parsed), unbounded)
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return unproven("the expression is too large")
	}
	p := proveProgram(prog, keywords, longest)
	p.Words = literals
	return p
}

func proveProgram(prog *syntax.Prog, keywords []string, longest int) *Proof {
	p := &Proof{Prog: prog, Symbols: newSymbols(prog)}
	p.Right = longest
	if longest >= unbounded {
		p.Right = -1
	}
	walk := newProduct(prog, p.Symbols, keywords)
	left := walk.longest(uint32(prog.Start), 0)
	switch {
	case walk.escaped:
		p.Reason = "a match need not contain a keyword"
		return p
	case walk.full:
		p.Reason = "the expression is too large"
		return p
	}
	p.Guaranteed, p.Proven, p.Left = true, true, left
	if walk.cycle {
		p.Left = -1
	}
	p.After = walk.after()
	return p
}

func unproven(reason string) *Proof { return &Proof{Window: Window{Reason: reason}} }

func distinctLower(words []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, w := range words {
		if w = strings.ToLower(w); w != "" && !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// maxLen is the length of the longest match in bytes, at least unbounded when there is no limit.
func maxLen(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		n := 0
		for _, r := range re.Rune {
			n += widestFold(r, re.Flags&syntax.FoldCase != 0)
		}
		return n
	case syntax.OpCharClass:
		n := 1
		for i := 1; i < len(re.Rune); i += 2 {
			n = max(n, runeWidth(re.Rune[i]))
		}
		return n
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpCapture, syntax.OpQuest:
		return maxLen(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus:
		return repeated(maxLen(re.Sub[0]), unbounded)
	case syntax.OpRepeat:
		if re.Max < 0 {
			return repeated(maxLen(re.Sub[0]), unbounded)
		}
		return repeated(maxLen(re.Sub[0]), re.Max)
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n = min(unbounded, n+maxLen(sub))
		}
		return n
	case syntax.OpAlternate:
		n := 0
		for _, sub := range re.Sub {
			n = max(n, maxLen(sub))
		}
		return n
	}
	return 0 // the operators that consume nothing
}

func repeated(length, times int) int {
	if length == 0 || times == 0 {
		return 0
	}
	if length >= unbounded/times {
		return unbounded
	}
	return length * times
}
