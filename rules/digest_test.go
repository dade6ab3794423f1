package rules

import (
	"reflect"
	"slices"
	"testing"
)

// digestRule and digestAllowlist set every field that a digest covers.
func digestAllowlist() *Allowlist {
	return &Allowlist{
		Commits: []string{"c1", "c2"}, Paths: NewPattern("p"), Regexes: NewPattern("r"),
		StopWords: []string{"s1", "s2"},
	}
}

func digestSet() *Set {
	lines := 1
	return &Set{
		Rules: []*Rule{{
			ID: "a", Regex: NewPattern("x"), Path: NewPattern("y"), Keywords: []string{"k1", "k2"},
			Allowlists: []*Allowlist{digestAllowlist(), {StopWords: []string{"w"}}},
			Required:   []Required{{RuleID: "b", WithinLines: &lines}, {RuleID: "c"}},
		}, {ID: "b"}},
		Allowlists: []*Allowlist{digestAllowlist()},
	}
}

var ruleChanges = map[string]func(*Rule){
	"ID":          func(r *Rule) { r.ID = "z" },
	"Severity":    func(r *Rule) { r.Severity++ },
	"Confidence":  func(r *Rule) { r.Confidence++ },
	"Prefix":      func(r *Rule) { r.Prefix = "z" },
	"Check":       func(r *Rule) { r.Check = "z" },
	"Regex":       func(r *Rule) { r.Regex = NewPattern("z") },
	"Path":        func(r *Rule) { r.Path = nil },
	"SecretGroup": func(r *Rule) { r.SecretGroup++ },
	"Entropy":     func(r *Rule) { r.Entropy += 0.001 },
	"Keywords":    func(r *Rule) { r.Keywords = append(r.Keywords, "k3") },
	"Allowlists":  func(r *Rule) { r.Allowlists = r.Allowlists[:1] },
	"Required":    func(r *Rule) { r.Required = r.Required[:1] },
	"SkipReport":  func(r *Rule) { r.SkipReport = true },
	"Origin":      func(r *Rule) { r.Origin = "leakgate" },
}

var allowlistChanges = map[string]func(*Allowlist){
	"MatchAll":    func(a *Allowlist) { a.MatchAll = true },
	"Commits":     func(a *Allowlist) { a.Commits = a.Commits[:1] },
	"Paths":       func(a *Allowlist) { a.Paths = NewPattern("") },
	"Regexes":     func(a *Allowlist) { a.Regexes = nil },
	"RegexTarget": func(a *Allowlist) { a.RegexTarget = "line" },
	"StopWords":   func(a *Allowlist) { a.StopWords = []string{"s1s2"} },
	"Default":     func(a *Allowlist) { a.Default = true },
}

var requiredChanges = map[string]func(*Required){
	"RuleID":        func(q *Required) { q.RuleID = "z" },
	"WithinLines":   func(q *Required) { *q.WithinLines = 0 },
	"WithinColumns": func(q *Required) { q.WithinColumns, q.WithinLines = q.WithinLines, nil },
}

func TestDigestChangesWithEverythingThatChangesAFinding(t *testing.T) {
	before := digest(digestSet())
	seen := map[string]string{before: "no change"}
	check := func(name string, s *Set) {
		t.Helper()
		got := digest(s)
		if other, ok := seen[got]; ok {
			t.Errorf("%s: the digest is that of %s", name, other)
		}
		seen[got] = name
	}
	for name, change := range ruleChanges {
		s := digestSet()
		change(s.Rules[0])
		check("rule "+name, s)
	}
	for name, change := range allowlistChanges {
		s := digestSet()
		change(s.Rules[0].Allowlists[0])
		check("rule allowlist "+name, s)
		s = digestSet()
		change(s.Allowlists[0])
		check("global allowlist "+name, s)
	}
	for name, change := range requiredChanges {
		s := digestSet()
		change(&s.Rules[0].Required[0])
		check("required "+name, s)
	}
}

func TestDigestIgnoresOrderAndDescriptions(t *testing.T) {
	s := digestSet()
	slices.Reverse(s.Rules)
	r := s.Rules[1]
	slices.Reverse(r.Keywords)
	slices.Reverse(r.Allowlists)
	slices.Reverse(r.Required)
	slices.Reverse(s.Allowlists[0].Commits)
	slices.Reverse(s.Allowlists[0].StopWords)
	r.Description, r.Provider, r.Advice, r.Origin = "d", "p", "a", "o"
	r.Tags, r.Examples = []string{"t"}, Examples{True: []string{"x"}}
	s.Allowlists[0].Description = "d"
	s.Warnings = []string{"w"}
	if digest(s) != digest(digestSet()) {
		t.Error("the digest depends on order or on words for people")
	}
}

// A new field belongs into the digest or onto the list of those that change
// no finding.
func TestEveryFieldIsInTheDigestOrKnowinglyLeftOut(t *testing.T) {
	for _, c := range []struct {
		of      any
		changes []string
		left    []string
	}{
		{Rule{}, names(ruleChanges), []string{"Description", "Provider", "Advice", "Tags", "Examples"}},
		{Required{}, names(requiredChanges), nil},
		{allowlistType(), names(allowlistChanges), []string{"Description", "once", "index"}},
	} {
		typ := reflect.TypeOf(c.of)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			if !slices.Contains(c.changes, name) && !slices.Contains(c.left, name) {
				t.Errorf("%s.%s is neither in the digest nor left out", typ, name)
			}
		}
	}
}

func allowlistType() *Allowlist { return nil }

func names[T any](m map[string]func(*T)) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	return list
}
