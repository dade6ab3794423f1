package rewrite

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDatesStay has an expression that matches dates, and one whose replacement it matches again.
func TestDatesStay(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		clean := g.Git("rev-parse", "HEAD")
		g.File("leak", "phone 5551234567\nmode = secret\n")
		g.Git("commit", "-q", "--allow-empty", "--author", "5551234567 <x@example.com>", "-m", "Call 5551234567")
		g.Git("tag", "-am", "not a number", "v1")
		g.File("fine", "mode = none\n")
		g.File("leak", "stashed 5551234567\n")
		before := g.Git("log", "--format=%at %ct", "main")
		spec := &Spec{Patterns: []Pattern{{regexp.MustCompile(`[0-9]{10}`), "NUMBER"}, {regexp.MustCompile(`mode = \w+`), "mode = none"}}}
		r, err := Apply(t.Context(), open(t, g.Dir), spec, Options{}, elsewhere(t))
		if err != nil {
			t.Fatal(err)
		}
		if after := g.Git("log", "--format=%at %ct", "main"); after != before {
			t.Errorf("the dates were\n%s\nand are\n%s", before, after)
		}
		g.Git("fsck", "--strict")
		g.Git("merge-base", "--is-ancestor", clean, "main")
		if got, _ := os.ReadFile(filepath.Join(g.Dir, "leak")); string(got) != "stashed NUMBER\n" {
			t.Errorf("the file is %q", got)
		}
		if got := g.Git("log", "--format=%an %s"); strings.Contains(got, "555") || !strings.Contains(got, "NUMBER Call NUMBER") {
			t.Errorf("the texts are %s", got)
		}
		if len(r.Tainted) != 2 { // the file that says already what is to stand there is none
			t.Errorf("tainted: %v", r.Tainted)
		}
		g.Git("reflog", "expire", "--expire=now", "--all")
		g.Git("gc", "-q", "--prune=now")
		repo := open(t, g.Dir)
		left, err := Verify(t.Context(), repo, spec)
		if err != nil || left.Any() {
			t.Errorf("left: %+v, %v", left, err)
		}
	})
}

// TestReflogs has dates in the log of the stash, too.
func TestReflogs(t *testing.T) {
	e := newEditor(&Spec{Patterns: []Pattern{{regexp.MustCompile(`[0-9]{10}`), "NUMBER"}}})
	ids := strings.Repeat("1", 40) + " " + strings.Repeat("2", 40) + " "
	for line, want := range map[string]string{
		ids + "A <a@b> 1700000000 +0000\tWIP 5551234567\n":        ids + "A <a@b> 1700000000 +0000\tWIP NUMBER\n",
		ids + "5551234567 <a@b> 1700000000 +0000\n":               ids + "NUMBER <a@b> 1700000000 +0000\n",
		ids + "A <a@b> 1700000000 +0000\t> 1700000000 +0000\tx\n": ids + "A <a@b> 1700000000 +0000\t> NUMBER +0000\tx\n",
	} {
		if got, err := e.logLine([]byte(line)); err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v", line, got, err)
		}
	}
}
