package rules

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someCommit = "0123456789abcdef0123456789abcdef01234567"

const someIgnores = "\xef\xbb\xbf# comment\n\n" +
	"  src/a.go:rule-one:3  \r\n" +
	someCommit + `:win\path\b.go:rule-two:14` + "\n" +
	"odd:name:c.go:rule-one:7\n" +
	someCommit + ":odd:d.go:rule-one:8\n" +
	"key.pem:on-path:0\n" +
	"just-a-path\n" +
	"a.go:rule:many\n" +
	":rule:1\n" +
	"a.go::1\n" +
	"src/a.go:rule-one:3\n" +
	"never.go:rule-one:1\n"

func TestIgnoresTakeBackOneRuleOnOneLine(t *testing.T) {
	g, err := ParseIgnores(".gitleaksignore", []byte(someIgnores))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		commit, path, rule string
		line               int
		want               bool
	}{
		{"", "src/a.go", "rule-one", 3, true},
		{someCommit, "src/a.go", "rule-one", 3, true},
		{"", "src/a.go", "rule-one", 4, false},
		{"", "src/a.go", "rule-two", 3, false},
		{someCommit, "win/path/b.go", "rule-two", 14, true},
		{"", "win/path/b.go", "rule-two", 14, false},
		{strings.Repeat("f", 40), "win/path/b.go", "rule-two", 14, false},
		{"", "odd:name:c.go", "rule-one", 7, true},
		{someCommit, "odd:d.go", "rule-one", 8, true},
		{"", "key.pem", "on-path", 0, true},
		{"", "a.go", "rule", 1, false},
	} {
		if got := g.Match(c.commit, c.path, c.rule, c.line); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	checkLeftovers(t, g)
}

func checkLeftovers(t *testing.T, g *Ignores) {
	t.Helper()
	const hint = ": not an entry; write path:rule:line or commit:path:rule:line"
	warnings := []string{".gitleaksignore:8" + hint, ".gitleaksignore:9" + hint, ".gitleaksignore:10" + hint, ".gitleaksignore:11" + hint}
	if diff := cmp.Diff(warnings, g.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{".gitleaksignore:13: never.go:rule-one:1"}, g.Unused()); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
}

func TestNoIgnoresMatchNothing(t *testing.T) {
	var g *Ignores
	if g.Match("", "a", "b", 1) || g.Unused() != nil {
		t.Error("a nil Ignores matched")
	}
}

func TestIgnoreFileIsBounded(t *testing.T) {
	if _, err := ParseIgnores("f", make([]byte, maxConfigBytes+1)); err == nil {
		t.Error("no error")
	}
}

// Whatever a finding is, the entry that gitleaks prints for it ignores it.
func FuzzIgnores(f *testing.F) {
	f.Add("", "src/a.go", "rule", uint16(3))
	f.Add(someCommit, "a:b/c d.go", "rule", uint16(0))
	f.Fuzz(func(t *testing.T, commit, path, rule string, line uint16) {
		entry := path + ":" + rule + ":" + strconv.Itoa(int(line))
		if commit != "" {
			entry = commit + ":" + entry
		}
		g, err := ParseIgnores("f", []byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		plain := !strings.ContainsAny(commit+path+rule, "\n\\") && !strings.Contains(rule, ":") &&
			rule != "" && path != "" && strings.TrimSpace(entry) == entry && entry[0] != '#' &&
			!strings.HasPrefix(entry, "\xef\xbb\xbf")
		if plain && !g.Match(commit, path, rule, int(line)) {
			t.Errorf("%q does not ignore its finding", entry)
		}
		if g.Match(commit, path, rule, int(line)+1) {
			t.Errorf("%q ignores the next line", entry)
		}
	})
}
