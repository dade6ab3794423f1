package gate

import (
	"path"
	"strings"
	"testing"
)

func TestGlobCoversPathsAsGitignoreDoes(t *testing.T) {
	for _, c := range []struct {
		glob, yes, no string // space-separated paths
	}{
		{"vendor", "vendor vendor/a/b x/vendor/a", "vendors a/vendor.go"},
		{"/vendor", "vendor vendor/a", "x/vendor x/vendor/a"},
		{"vendor/", "vendor/a x/vendor/a/b", "vendor x/vendor"},
		{"testdata/**", "testdata/a testdata/a/b", "testdata x/testdata/a"},
		{"a/**/z", "a/z a/b/z a/b/c/z a/z/under", "a b/a/z a/zz"},
		{"**/z", "z a/z a/b/z z/under", "a/zz"},
		{"**", "a a/b", ""},
		{"/**", "a a/b", ""},
		{"**/", "a/b", "a"},
		{"*.md", "a.md docs/a.md a.md/x", "a.mdx md"},
		{"docs/*.md", "docs/a.md", "docs/x/a.md x/docs/a.md"},
		{"/a?c", "abc a-c", "ac abbc a/c"},
		{"[!ab]x", "cx d/cx", "ax bx"},
		{"[a-c]x", "ax cx", "dx"},
		{`\!important`, "!important", "important"},
		{"a/**/**/**/z", "a/z a/b/c/z", "a/b"},
		{"*.zip", "x/a.zip", "x/a.zip!member"},
	} {
		g, err := ParseGlob(c.glob)
		if err != nil {
			t.Errorf("%q: %v", c.glob, err)
		}
		for _, p := range strings.Fields(c.yes) {
			if !g.Match(p) {
				t.Errorf("%q does not cover %q", c.glob, p)
			}
		}
		for _, p := range append(strings.Fields(c.no), "") {
			if g.Match(p) {
				t.Errorf("%q covers %q", c.glob, p)
			}
		}
	}
}

func TestNamePatternMatchesWholeNamesOnly(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"main", "main", true},
		{"main", "feature/main", false},
		{"main", "main/x", false},
		{"release/*", "release/1", true},
		{"release/*", "release/1/x", false},
		{"release/**", "release/1/x", true},
		{"**", "a/b", true},
		{"**/hotfix", "hotfix", true},
		{"main", "", false},
	} {
		g, err := ParseName(c.glob)
		if err != nil || g.Match(c.name) != c.want {
			t.Errorf("%q on %q: %v, %v", c.glob, c.name, g.Match(c.name), err)
		}
	}
}

func TestBadGlobIsRefused(t *testing.T) {
	for _, text := range []string{"[a", "a[b/c]", `a\`, "!a", "a//b", "./a", "a/../b", "", "/", "//"} {
		if g, err := ParseGlob(text); err == nil {
			t.Errorf("%q is accepted as %v", text, g.segments)
		}
	}
	if (Glob{}).Match("a") {
		t.Error("the zero Glob matches")
	}
}

func TestGlobStaysFastOnHostilePatterns(t *testing.T) {
	g, err := ParseGlob("/" + strings.Repeat("**/a/", 200) + "b")
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("a/", 2000) + "c"
	if g.Match(name) { // backtracking over 200 "**" would never end
		t.Error("matches a name that ends in c")
	}
}

func FuzzGlobEqualsBacktracking(f *testing.F) {
	f.Add("a/**/z", "a/b/z")
	f.Add("/*.[ch]", "x.c")
	f.Add("**/x/", "a/x/b")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 40 || len(name) > 60 {
			return // the oracle is exponential
		}
		if g, err := ParseGlob(pattern); err == nil {
			if got, want := g.Match(name), backtrackCovers(g, name); got != want {
				t.Errorf("path pattern %q on %q: %v, want %v", pattern, name, got, want)
			}
		}
		g, err := ParseName(pattern)
		if err != nil || name == "" {
			return
		}
		if got, want := g.Match(name), backtrack(g.segments, strings.Split(name, "/")); got != want {
			t.Errorf("name pattern %q on %q: %v, want %v", pattern, name, got, want)
		}
		if !strings.Contains(pattern, "**") && !strings.Contains(pattern, "[") {
			if want, _ := path.Match(pattern, name); g.Match(name) != want {
				t.Errorf("%q on %q differs from path.Match: want %v", pattern, name, want)
			}
		}
	})
}

// backtrackCovers tries the name and each of its folders.
func backtrackCovers(g Glob, name string) bool {
	names := strings.Split(name, "/")
	for n := 1; n <= len(names) && name != ""; n++ {
		if g.inside && n == len(names) {
			break
		}
		if backtrack(g.segments, names[:n]) {
			return true
		}
	}
	return false
}

func backtrack(pattern, names []string) bool {
	if len(pattern) == 0 || len(names) == 0 {
		return len(pattern) == len(names)
	}
	if pattern[0] == "**" {
		if len(pattern) == 1 {
			return true
		}
		return backtrack(pattern[1:], names) || backtrack(pattern, names[1:])
	}
	ok, _ := path.Match(pattern[0], names[0])
	return ok && backtrack(pattern[1:], names[1:])
}
