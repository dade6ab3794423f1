// Package detect finds the matches of rules in one text. It reads no files and
// knows no commits: a text goes in, and exact matches with their byte offsets
// come out, judged by everything that does not depend on where the text lies.
//
// What gitleaks 8.30.1 finds in the same text with the same rules is found too,
// which the tests check against gitleaks' own detector. More is found on
// purpose: matches that begin inside a match over several lines; values in
// base64 of UTF-16, of text with a byte order mark or beyond ASCII, and in
// percent-encoded lines with such text; values on lines with an allow-comment,
// marked as such; and what only a built-in allowlist would have hidden from a
// rule that is not doubtful.
package detect

import (
	"context"
	"regexp/syntax"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
)

// Options choose how a Detector works. The zero value decodes nothing.
type Options struct {
	// Reference takes the plain path: every rule of which a keyword occurs runs
	// on the whole text. It is slow and is the oracle of the tests.
	Reference bool
	// Marks are words of which the caller wants to know whether a text has them.
	Marks []Mark
	// Depth is how many passes of decoding follow the plain text.
	Depth int
}

// Mark is a word to look for. Holds, if it is not nil, says of what stands behind
// the word whether it counts; it must not look at more than 500 bytes.
type Mark struct {
	Word  string
	Bit   uint8
	Holds func(behind []byte) bool
}

// Match is one value that a rule found.
type Match struct {
	Rule   *rules.Rule
	Secret secret.Secret
	// Match and Span are the bytes of the whole match and of the value in the
	// original text. For a match in decoded text they are the encoded segments
	// that the match, or the value, comes from.
	Match, Span [2]int
	Line        int      // 0-based line on which Match starts
	DecodedFrom []string // encodings undone, from the outside in
	Entropy     float64  // of the value, in bits per character
	Confidence  rules.Confidence
	Context     string // why the confidence is not the rule's, or ""
	Allowed     bool   // an allow-comment stands on a line of the match

	number  int32 // of the rule in its detector
	depth   uint8 // decoding passes before it was found
	column  int   // as gitleaks counts: 1-based in the first line, 2-based in later ones
	pending []*rules.Allowlist
	parts   []part // composite rules: what was found near by
}

// Detector searches texts for the rules of one set. It is safe for concurrent use.
type Detector struct {
	options     Options
	set         *rules.Set
	rules       []*compiled
	always      []int   // rules that run on every text
	alwaysRules []int32 // the same
	byID        map[string]*compiled
	auto        *automaton
	targets     [][]target // what ends, by hit.ends → the keywords of rules
	marks       [][]int32  // by hit.ends: what ends of Options.Marks
	folds       []bool     // by hit.ends: a special character ends there, see fold.go
	scratch     sync.Pool
	anyLine     bool // a list for all rules looks at lines
	verdicts    verdicts
	barred      sync.Map // sets of rules that paths bar, see barredBy
}

// target is one keyword of one rule.
type target struct {
	rule    int32
	keyword int32
	length  int32 // of the keyword, in bytes
}

// compiled is a rule with what is computed at its first use.
type compiled struct {
	*rules.Rule
	number   int32 // index in Detector.rules, -1 for a part of composite rules
	keywords []string
	always   bool // runs on every text
	line     bool // an allowlist of the rule looks at lines
	once     sync.Once
	proof    *rules.Proof

	startOnly bool // see looksForStart
	gate      atomic.Pointer[gate]
}

// gateway is the gate of the rule, nil when no window is proven.
func (c *compiled) gateway() *gate {
	g := c.gate.Load()
	if g != nil && !g.full() {
		return g
	}
	if c.prove(); !c.proof.Proven {
		return nil
	}
	fresh := newGate(c.proof, c.keywords)
	if c.gate.CompareAndSwap(g, fresh) {
		return fresh
	}
	return c.gate.Load()
}

// looksForStart reports whether the expression has a ^ or \\A that only holds at
// the start of a text.
func (c *compiled) looksForStart() bool {
	c.prove()
	return c.startOnly
}

func (c *compiled) prove() {
	c.once.Do(func() {
		c.proof = c.Prove()
		c.startOnly = c.proof.Prog == nil || slices.ContainsFunc(c.proof.Prog.Inst, func(in syntax.Inst) bool {
			return in.Op == syntax.InstEmptyWidth && syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0
		})
	})
}

// New prepares a search. It compiles no expression: that waits for the first
// keyword of a rule.
func New(set *rules.Set, o Options) *Detector {
	d := &Detector{options: o, set: set, byID: map[string]*compiled{}, anyLine: looksAtLines(set.Allowlists)}
	number := map[string]int32{}
	var words []string
	var users [][]target // keyword → rules
	for _, r := range set.Rules {
		c := &compiled{Rule: r, number: -1, line: d.anyLine || looksAtLines(r.Allowlists)}
		d.byID[r.ID] = c
		if r.Regex == nil || r.SkipReport {
			continue
		}
		id := len(d.rules)
		c.number = int32(id)
		d.rules = append(d.rules, c)
		plain := c.fold()
		if len(c.keywords) == 0 || !plain {
			c.always = true
			d.always = append(d.always, id)
			d.alwaysRules = append(d.alwaysRules, int32(id))
			continue
		}
		for k, word := range c.keywords {
			n, ok := number[word]
			if !ok {
				n = int32(len(words))
				number[word] = n
				words, users = append(words, word), append(users, nil)
			}
			users[n] = append(users[n], target{int32(id), int32(k), int32(len(word))})
		}
	}
	d.index(words, users)
	d.scratch.New = func() any { return &Scratch{} }
	d.verdicts.init()
	return d
}

// index builds the automaton of the words, of the marks and of the special
// characters, and says what each state at which some of them end stands for.
func (d *Detector) index(words []string, users [][]target) {
	keywords := len(words)
	for _, m := range d.options.Marks {
		words = append(words, strings.ToLower(m.Word))
	}
	special := len(words)
	for _, s := range specials {
		words = append(words, s.char)
	}
	d.auto = newAutomaton(words)
	for _, ends := range d.auto.ends {
		var here []target
		var marks []int32
		folds := false
		for _, word := range ends {
			switch n := int(word); {
			case n < keywords:
				here = append(here, users[word]...)
			case n < special:
				marks = append(marks, word-int32(keywords))
			default:
				folds = true
			}
		}
		d.targets, d.marks, d.folds = append(d.targets, here), append(d.marks, marks), append(d.folds, folds)
	}
}

// fold lists the distinct keywords in lower case and reports whether all are ASCII.
func (c *compiled) fold() (ascii bool) {
	ascii = true
	seen := map[string]bool{}
	for _, k := range c.Keywords {
		k = strings.ToLower(k)
		if k == "" || !isASCII(k) {
			ascii = false
		}
		if !seen[k] {
			seen[k] = true
			c.keywords = append(c.keywords, k)
		}
	}
	return ascii
}

func looksAtLines(lists []*rules.Allowlist) bool {
	for _, a := range lists {
		if a.RegexTarget == "line" {
			return true
		}
	}
	return false
}

// Text returns every match in text, sorted by position, rule and value. It
// takes back what an allowlist allows wherever the text lies; what depends on
// the place is left to [Detector.Accept]. The Scratch may be nil.
//
// The error is the context's; the matches are then incomplete.
func (d *Detector) Text(ctx context.Context, s *Scratch, text []byte) ([]Match, error) {
	if s == nil {
		s = d.scratch.Get().(*Scratch)
		defer d.scratch.Put(s)
	}
	s.use(d)
	found, err := d.both(ctx, s, text)
	return distinct(found), err
}

// both searches a text as leakgate decodes it and, where that is something
// else, as gitleaks does.
func (d *Detector) both(ctx context.Context, s *Scratch, text []byte) ([]Match, error) {
	found, more, err := d.passes(ctx, s, text, true)
	if err == nil && more {
		// A decoding that gitleaks does not know changed the text of the later
		// passes: look at what gitleaks would have seen as well.
		var plain []Match
		plain, _, err = d.passes(ctx, s, text, false)
		found = append(found, plain...)
	}
	return found, err
}

// distinct sorts the matches and drops those that give the same value at the same place again.
func distinct(found []Match) []Match {
	sort.SliceStable(found, func(i, j int) bool {
		a, b := &found[i], &found[j]
		switch {
		case a.Match != b.Match:
			return a.Match[0] < b.Match[0] || a.Match[0] == b.Match[0] && a.Match[1] < b.Match[1]
		case a.Rule != b.Rule:
			return a.Rule.ID < b.Rule.ID
		}
		return a.Span[0] < b.Span[0]
	})
	type place struct {
		rule  *rules.Rule
		span  [2]int
		from  string
		value string
	}
	seen := make(map[place]bool, len(found))
	out := found[:0]
	for _, m := range found {
		key := place{m.Rule, m.Span, strings.Join(m.DecodedFrom, ","), ""}
		if len(m.DecodedFrom) > 0 {
			key.value = m.Secret.Reveal() // several values can come from one encoded segment
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, m)
		}
	}
	return out
}
