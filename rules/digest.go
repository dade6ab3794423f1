package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
)

// digestVersion changes when the meaning of what is digested changes.
const digestVersion = "leakgate rules 2"

// digest is the same for two sets that find the same: it covers patterns,
// allowlists, keywords, entropy, parts, grades, prefixes and checks, in an order
// of its own, and neither descriptions nor where something was read, but for
// whether a rule is one of our own as it is: a doubtful one of those gives way.
func digest(s *Set) string {
	var d digester
	d.text(digestVersion)
	d.list(ruleDigests(s.Rules))
	d.list(allowlistDigests(s.Allowlists))
	return hex.EncodeToString([]byte(d.sum()))
}

// digester collects values so that no two sequences of them look the same.
type digester []byte

func (d *digester) text(s string) {
	*d = strconv.AppendInt(*d, int64(len(s)), 10)
	*d = append(append(*d, ':'), s...)
}

func (d *digester) number(n int) { d.text(strconv.Itoa(n)) }

func (d *digester) flag(on bool) { d.text(strconv.FormatBool(on)) }

// list writes a set of texts.
func (d *digester) list(texts []string) {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	d.number(len(texts))
	for _, t := range texts {
		d.text(t)
	}
}

// pattern tells a missing pattern from an empty one.
func (d *digester) pattern(p *Pattern) {
	d.flag(p != nil)
	if p != nil {
		d.text(p.String())
	}
}

func (d *digester) sum() string {
	sum := sha256.Sum256(*d)
	return string(sum[:])
}

func ruleDigests(list []*Rule) []string {
	sums := make([]string, 0, len(list))
	for _, r := range list {
		var d digester
		d.text(r.ID)
		d.number(int(r.Severity))
		d.number(int(r.Confidence))
		d.text(r.Prefix)
		d.text(r.Check)
		d.pattern(r.Regex)
		d.pattern(r.Path)
		d.number(r.SecretGroup)
		d.text(strconv.FormatUint(math.Float64bits(r.Entropy), 16))
		d.list(r.Keywords)
		d.list(allowlistDigests(r.Allowlists))
		d.list(requiredDigests(r.Required))
		d.flag(r.SkipReport)
		d.flag(r.Origin == "leakgate")
		sums = append(sums, d.sum())
	}
	return sums
}

func requiredDigests(list []Required) []string {
	sums := make([]string, 0, len(list))
	for _, q := range list {
		var d digester
		d.text(q.RuleID)
		for _, n := range []*int{q.WithinLines, q.WithinColumns} {
			d.flag(n != nil)
			if n != nil {
				d.number(*n)
			}
		}
		sums = append(sums, d.sum())
	}
	return sums
}

func allowlistDigests(list []*Allowlist) []string {
	sums := make([]string, 0, len(list))
	for _, a := range list {
		var d digester
		d.flag(a.MatchAll)
		d.list(a.Commits)
		d.pattern(a.Paths)
		d.pattern(a.Regexes)
		d.text(a.RegexTarget)
		d.list(a.StopWords)
		d.flag(a.Default)
		sums = append(sums, d.sum())
	}
	return sums
}
