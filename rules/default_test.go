package rules

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/zricethezav/gitleaks/v8/config"
)

func TestGitleaksDefaultsAreReadAsGitleaksReadsThem(t *testing.T) {
	want := askGitleaks(t, map[string]string{".gitleaks.toml": config.DefaultConfig})
	c, err := gitleaksCollection()
	if err != nil {
		t.Fatal(err)
	}
	got := plainSet(c.set(nil))
	if len(got.Rules) != 222 {
		t.Errorf("%d rules, want 222", len(got.Rules))
	}
	if diff := cmp.Diff(want.Rules, got.Rules, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rules differ from gitleaks (-gitleaks +ours):\n%s", diff)
	}
	checkGlobalAllowlists(t, want.Allowlists, c.allowlists)
}

// checkGlobalAllowlists compares the one list of gitleaks with the two it is
// split into, and the one pattern that differs on purpose.
func checkGlobalAllowlists(t *testing.T, want []plainAllowlist, got []*Allowlist) {
	t.Helper()
	if len(want) != 1 || len(got) != 2 {
		t.Fatalf("gitleaks has %d global lists and we %d, want 1 and 2", len(want), len(got))
	}
	paths, contents := got[0], got[1]
	if !paths.Default || contents.Default {
		t.Errorf("Default is %v for the paths and %v for the contents, want true and false", paths.Default, contents.Default)
	}
	joined := want[0]
	joined.Regexes = strings.Replace(joined.Regexes, "(?i)^true|false|null$", "(?i)^(?:true|false|null)$", 1)
	both := ownLists([]*Allowlist{{
		Description: paths.Description, Paths: paths.Paths, Regexes: contents.Regexes, StopWords: contents.StopWords,
	}})[0]
	if diff := cmp.Diff(joined, both, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("global allowlist (-gitleaks +ours):\n%s", diff)
	}
}

func TestDefaultAllowlistKeepsValuesThatContainFalse(t *testing.T) {
	s := mustDefault(t)
	allowed := func(value string) bool {
		for _, a := range s.Allowlists {
			if a.Content(value, value, value) == Yes {
				return true
			}
		}
		return false
	}
	for _, word := range []string{"true", "FALSE", "null", "aaaa", "${NAME}"} {
		if !allowed(word) {
			t.Errorf("%q is not allowed", word)
		}
	}
	for _, value := range []string{"x" + "FALSE" + "7hdk2", "truex9", "9xnull"} {
		if allowed(value) {
			t.Errorf("%q is allowed", value)
		}
	}
}

func TestDefaultIsCompleteAndCompiles(t *testing.T) {
	s := mustDefault(t)
	if len(s.Rules) < 222 || s.Digest == "" || len(s.Warnings) > 0 {
		t.Errorf("%d rules, digest %q, warnings %q", len(s.Rules), s.Digest, s.Warnings)
	}
	for _, r := range s.Rules {
		for _, p := range append(listPatterns(r.Allowlists), r.Regex, r.Path) {
			mustParse(t, r.ID, p)
		}
	}
	for _, p := range listPatterns(s.Allowlists) {
		mustParse(t, "global allowlist", p)
	}
}

func listPatterns(lists []*Allowlist) []*Pattern {
	var patterns []*Pattern
	for _, a := range lists {
		patterns = append(patterns, a.Paths, a.Regexes)
	}
	return patterns
}

func mustParse(t *testing.T, where string, p *Pattern) {
	t.Helper()
	if p == nil {
		return
	}
	if _, err := regexp.Compile(p.String()); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

func mustDefault(t *testing.T) *Set {
	t.Helper()
	s, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The budget is 15 ms: a hook on a small commit reads the rules every time.
func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		c, err := readDefaults()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (&loader{}).finish(c.clone()); err != nil {
			b.Fatal(err)
		}
	}
}
