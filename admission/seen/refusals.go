package seen

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RefusalField is the key of the ConfigMap under which the refusals stand.
const RefusalField = "refusals"

// Refusal is how often a rule refused in a namespace, or would have.
type Refusal struct {
	Namespace, Rule string
	Count           int
	Last            time.Time
}

// String is what is told of it.
func (r Refusal) String() string {
	if r.Namespace == others {
		return fmt.Sprintf("in namespaces that are no longer told apart, %d times, the last at %s", r.Count, r.Last.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("%s: %s, %d times, the last at %s", r.Namespace, r.Rule, r.Count, r.Last.UTC().Format(time.RFC3339))
}

// Refusals are those of all namespaces, one for a namespace and rule.
type Refusals []Refusal

// maxRefusals keeps the ConfigMap small, whatever is sent to the port.
const maxRefusals = 2000

// others stands for every namespace, where there was no more room: so that nobody
// hides a refusal behind many.
const others = "*"

var (
	namespacePattern = regexp.MustCompile(`^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$`)
	rulePattern      = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
)

// Add is the refusals with some more of one namespace and rule; s is not used any
// more. What has no name that an API server knows is not written down.
func (s Refusals) Add(more Refusal) Refusals {
	if more.Namespace != others && !namespacePattern.MatchString(more.Namespace) || more.Namespace != others && !rulePattern.MatchString(more.Rule) {
		return s
	}
	at := slices.IndexFunc(s, func(r Refusal) bool { return r.Namespace == more.Namespace && r.Rule == more.Rule })
	if at < 0 {
		return append(s, more).bounded()
	}
	s[at].Count += more.Count
	s[at].Last = later(s[at].Last, more.Last)
	return s
}

// bounded puts the oldest quarter together when there are too many.
func (s Refusals) bounded() Refusals {
	if len(s) <= maxRefusals {
		return s
	}
	slices.SortFunc(s, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.Last.Compare(a.Last))
	})
	rest := Refusal{Namespace: others, Rule: others}
	const kept = maxRefusals * 3 / 4
	for _, r := range s[kept:] {
		rest.Count += r.Count
		rest.Last = later(rest.Last, r.Last)
	}
	return append(slices.Clone(s[:kept]), rest)
}

// rank puts what stands for others last.
func rank(r Refusal) int {
	if r.Namespace == others {
		return 1
	}
	return 0
}

// Of are those of a namespace since a time, with what may be of it.
func (s Refusals) Of(namespace string, since time.Time) (out Refusals) {
	for _, r := range s {
		if (r.Namespace == namespace || r.Namespace == others) && !r.Last.Before(since) {
			out = append(out, r)
		}
	}
	return out
}

// Text is a line for each, sorted.
func (s Refusals) Text() string {
	sorted := slices.Clone(s)
	slices.SortFunc(sorted, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Rule, b.Rule))
	})
	var b strings.Builder
	for _, r := range sorted {
		fmt.Fprintf(&b, "%s %s %d %s\n", r.Namespace, r.Rule, r.Count, r.Last.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// ParseRefusals reads what Text writes.
func ParseRefusals(text string) (Refusals, error) {
	out := Refusals{}
	for line := range strings.Lines(text) {
		var r Refusal
		var last string
		if _, err := fmt.Sscanf(line, "%s %s %d %s\n", &r.Namespace, &r.Rule, &r.Count, &last); err != nil || r.Count < 0 {
			return nil, fmt.Errorf("%q is no namespace, rule, number and time", clip(line))
		}
		at, err := time.Parse(time.RFC3339, last)
		if err != nil {
			return nil, fmt.Errorf("%q is no namespace, rule, number and time", clip(line))
		}
		r.Last = at
		if out = append(out, r); len(out) > 2*maxRefusals {
			return nil, fmt.Errorf("there are more than %d lines", 2*maxRefusals)
		}
	}
	return out, nil
}
