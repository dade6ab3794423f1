package gate

import (
	"slices"
	"time"

	"github.com/leakgate/leakgate/rules"
)

// PolicyFile is the name of the policy at the root of a repository or folder.
const PolicyFile = ".leakgate.yaml"

// GitHubPolicyFile is where it is looked for when there is none at the root.
const GitHubPolicyFile = ".github/.leakgate.yaml"

// Policy says what is looked at, what blocks and what is excepted. The zero
// Policy is none at all and decides nothing; start from [Defaults] or
// [ParsePolicy]. It is not changed after it was made.
type Policy struct {
	Name         string             // the file it was read from; "" for the built-in defaults
	Audit        bool               // mode: audit, where everything that would block warns
	FailOn       []rules.Severity   // severities that may block
	Block        []rules.Confidence // confidences that block; the others warn
	Paths        Paths
	Rules        RuleChoice
	Limits       Limits
	Environments []Environment // the strictest first: prod, staging, dev
	Exceptions   []Exception
	Kubernetes   *Kubernetes // nil where the policy says nothing of clusters
	App          App
	Sections     map[string]bool // sections of other doors that are present: "remediate", "app"

	lines        map[string]int    // where each key was read
	from         map[string]string // the file of a key that is not of Name
	organisation *Organisation     // under which it stands: see [Merge]
}

// App is how the GitHub App tells what it found. The zero value is the default.
type App struct {
	PublicDetail   bool // where everybody can read, also the places of active credentials are told
	NoComment      bool // the check run is all
	NoCodeScanning bool
}

// Paths narrows what is scanned. What it leaves out is listed as excluded.
type Paths struct {
	Exclude []Glob
}

// RuleChoice narrows and weighs the rules.
type RuleChoice struct {
	Disable  []string
	Only     []string // empty: every rule
	Severity map[string]rules.Severity
}

// Limits are caps that the policy itself names, so that what lies above them is
// excluded and not missed. nil leaves a limit to the scanner. Sizes are in bytes.
type Limits struct {
	MaxBlob      *int64
	ArchiveDepth *int64
	ArchiveBytes *int64
	DecodeDepth  *int64
}

// Environment says which findings belong to one of dev, staging and prod: any
// one of the patterns is enough.
type Environment struct {
	Name       string
	Paths      []Glob
	Branches   []Glob
	Namespaces []Glob
	Severity   Shift
}

// Place is where a value stood: a public fingerprint and the object in which
// the value can be read again, so that a place is bound to one value without
// the value or a hash of it being written down.
type Place struct {
	Fingerprint string
	Blob        string // object id in hexadecimal
	Rule        string
	Path        string
}

// Exception allows one value at one place until a day, or without a fingerprint
// what a rule says of the form of manifests.
type Exception struct {
	Place // Rule and Path are optional, and must match where given

	// Of a form, beside Rule: every list that is not empty has to match.
	Paths      []Glob // of files
	Namespaces []Glob // of objects
	Names      []Glob

	Reason string
	Owner  string
	// Expires is the last day, in UTC, on which the exception holds.
	Expires time.Time
	Line    int    // in the policy file
	File    string // where that is not the policy's own
}

// Defaults is the policy where there is no policy file: certain and likely
// findings of every severity block, possible ones warn.
func Defaults() Policy {
	return Policy{
		FailOn: []rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical},
		Block:  []rules.Confidence{rules.Likely, rules.Certain},
	}
}

// Excludes reports whether the policy leaves a path out of every scan.
func (p Policy) Excludes(path string) bool { return matchAny(p.Paths.Exclude, path) }

// Wants reports whether the policy uses a rule.
func (p Policy) Wants(rule string) bool {
	if slices.Contains(p.Rules.Disable, rule) {
		return false
	}
	return len(p.Rules.Only) == 0 || slices.Contains(p.Rules.Only, rule)
}

// UnknownRules is a notice for every rule that the policy names and known
// denies, because a misspelt name disables nothing.
func (p Policy) UnknownRules(known func(rule string) bool) []Notice {
	var out []Notice
	report := func(key, rule string) {
		if !known(rule) {
			out = append(out, p.notice(key, quote("the policy names a rule that does not exist: ", rule)))
		}
	}
	for _, rule := range p.Rules.Disable {
		report("rules.disable", rule)
	}
	for _, rule := range p.Rules.Only {
		report("rules.only", rule)
	}
	for _, rule := range sortedKeys(p.Rules.Severity) {
		report("rules.severity."+rule, rule)
	}
	return out
}

// notice is about a key of this policy.
func (p Policy) notice(key, text string) Notice {
	return Notice{Text: text, Path: p.file(key), Line: p.lines[key]}
}

// file is where a key was read.
func (p Policy) file(key string) string {
	if name := p.from[key]; name != "" {
		return name
	}
	return p.Name
}

// Expired reports whether the last day of the exception is over.
func (e Exception) Expired(now time.Time) bool { return !now.Before(e.Expires.AddDate(0, 0, 1)) }

func matchAny(globs []Glob, name string) bool {
	return slices.ContainsFunc(globs, func(g Glob) bool { return g.Match(name) })
}
