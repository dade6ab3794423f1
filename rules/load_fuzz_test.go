package rules

import (
	"regexp"
	"slices"
	"testing"
)

// Whatever loads has patterns that compile and ids that are unique and sorted,
// and loads to the same digest again; what does not load names its place.
func FuzzLoad(f *testing.F) {
	for _, files := range asGitleaks {
		f.Add([]byte(files[main]), []byte(files["1.toml"]))
	}
	f.Fuzz(func(t *testing.T, text, base []byte) {
		opt := LoadOptions{Open: func(string) ([]byte, error) { return base, nil }}
		s, err := Load(main, text, opt)
		if err != nil {
			e, ok := err.(*ConfigError)
			if !ok || e.Line < 1 || e.Column < 1 || e.File == "" && len(base) == 0 {
				t.Fatalf("%#v", err)
			}
			return
		}
		checkLoaded(t, s)
		again, err := Load(main, text, opt)
		if err != nil || again.Digest != s.Digest {
			t.Fatalf("again: %v", err)
		}
	})
}

func checkLoaded(t *testing.T, s *Set) {
	t.Helper()
	if !slices.IsSortedFunc(s.Rules, func(a, b *Rule) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}) {
		t.Error("ids are not unique and sorted")
	}
	var patterns []*Pattern
	for _, r := range s.Rules {
		if r.Origin == "gitleaks" || r.Origin == "leakgate" {
			continue // as it was, and another test compiles those
		}
		patterns = append(append(patterns, listPatterns(r.Allowlists)...), r.Regex, r.Path)
		if r.Regex != nil && r.SecretGroup > r.Regex.Regexp().NumSubexp() {
			t.Errorf("rule %q: group %d", r.ID, r.SecretGroup)
		}
	}
	for _, a := range s.Allowlists {
		if a.Description != "global allow lists" {
			patterns = append(patterns, a.Paths, a.Regexes)
		}
	}
	for _, p := range patterns {
		if p == nil {
			continue
		}
		if _, err := regexp.Compile(p.String()); err != nil {
			t.Error(err)
		}
	}
}
