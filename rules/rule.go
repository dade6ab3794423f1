// Package rules knows what counts as a secret: gitleaks' default rules, the
// pack of this project and the rules of a user, read into one [Set]. It holds
// data and the small judgements that belong to a rule (its allowlists, its
// checksum); it never searches text, which is the scanner's part.
package rules

import (
	"regexp"
	"sync"

	"github.com/leakgate/leakgate/internal/dfa"
)

// Severity says how much harm a leaked value of a rule can do.
type Severity int

// The zero Severity is Low.
const (
	Low Severity = iota
	Medium
	High
	Critical
)

// Confidence says how sure a match of a rule is to be a credential.
type Confidence int

const (
	// Possible: generic shape and entropy only.
	Possible Confidence = iota
	// Likely: a distinctive prefix or structure of one provider.
	Likely
	// Certain: a checksum or structure verified offline.
	Certain
)

// Rule is one kind of secret.
type Rule struct {
	ID          string
	Description string
	Provider    string // who issues the credential, as in "GitHub"; "" when generic
	Severity    Severity
	Confidence  Confidence
	Advice      string // what to do about a finding, one or two sentences of Markdown
	Prefix      string // public prefix shared by every value of the rule, as in "ghp_"
	Check       string // name of the offline verification, see Rule.Verify; "" for none

	Regex       *Pattern // nil for a rule on paths only
	Path        *Pattern // nil when every path counts
	SecretGroup int      // capture group holding the value; 0: the first group that is not empty
	Entropy     float64  // Shannon entropy in bits per byte that the value must exceed; 0: no test
	Keywords    []string // lower case; text without any of them is not searched; empty: always searched
	Tags        []string
	Allowlists  []*Allowlist
	Required    []Required // composite rule: all of these must match near by
	SkipReport  bool       // only a part of composite rules, never reported by itself

	Examples Examples
	Origin   string // where the rule was read: "gitleaks", "leakgate" or "FILE:LINE"
}

// Required names a rule that has to match near a match of a composite rule.
type Required struct {
	RuleID        string
	WithinLines   *int // greatest distance of the start lines; nil: anywhere in the text
	WithinColumns *int // greatest distance of the start columns
}

// Examples are texts that a rule must and must not find, as templates that a
// test expands, so that no example is itself a value (see ExpandExample).
type Examples struct {
	True  []string
	False []string
}

// Allowlist takes back a match, a path or a commit. Patterns are joined into
// one alternation as gitleaks joins them, where an inline flag of one
// pattern reaches the later ones. An Allowlist is used by its address and not
// changed after its first use.
type Allowlist struct {
	Description string
	MatchAll    bool // every criterion that is set must hold, else one is enough
	Commits     []string
	Paths       *Pattern
	Regexes     *Pattern
	RegexTarget string // what Regexes see: "" the value, "match" or "line"
	StopWords   []string
	Default     bool // built-in list of uninteresting paths, meant for rules of Confidence Possible only

	once  sync.Once
	index allowIndex // made at the first use
}

// Set is a complete, checked collection of rules. It is safe for concurrent use.
type Set struct {
	Rules      []*Rule // sorted by ID, IDs unique
	Allowlists []*Allowlist
	Digest     string   // hexadecimal SHA-256 over everything that can change a finding
	Warnings   []string // what was read but does nothing, as "FILE:LINE:COL: text"
}

// Rule returns the rule of that ID, or nil.
func (s *Set) Rule(id string) *Rule {
	for _, r := range s.Rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Pattern is a regular expression in Go's syntax that is compiled at its first
// use, because a scan of one file needs few of the hundreds of rules.
type Pattern struct {
	source   string
	once     sync.Once
	re       *regexp.Regexp
	prepare  sync.Once
	program  *dfa.Program // nil when the expression suits no automaton
	machines sync.Pool    // of *dfa.Machine
}

// NewPattern keeps a source that is known to parse (the loader checks it).
func NewPattern(source string) *Pattern { return &Pattern{source: source} }

// String is the source of the pattern.
func (p *Pattern) String() string { return p.source }

// Regexp compiles the pattern, once. It panics on a source that the loader
// should have refused.
func (p *Pattern) Regexp() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.source) })
	return p.re
}

// MatchString reports whether the pattern matches anywhere in text; a nil
// Pattern matches nothing.
func (p *Pattern) MatchString(text string) bool {
	if p == nil {
		return false
	}
	if program := p.Automaton(); program != nil {
		m, _ := p.machines.Get().(*dfa.Machine)
		if m == nil {
			m = dfa.New(program)
		}
		defer p.machines.Put(m)
		if found, ok := m.Match([]byte(text)); ok {
			return found
		}
	}
	return p.Regexp().MatchString(text)
}

// Automaton is the pattern as an automaton, nil when it suits none.
func (p *Pattern) Automaton() *dfa.Program {
	p.prepare.Do(func() { p.program, _ = dfa.Compile(p.source) })
	return p.program
}
