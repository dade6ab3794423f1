package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/scanner"
)

// drawn is a progress that draws into a buffer, at a time that the test sets.
func drawn(terminal, quiet bool) (p *progress, screen *bytes.Buffer, now *time.Time) {
	screen, now = &bytes.Buffer{}, new(time.Unix(1_800_000_000, 0))
	w := &world{stderr: screen, status: terminal, now: func() time.Time { return *now }}
	return w.newProgress(quiet), screen, now
}

func TestABarIsDrawn(t *testing.T) {
	const begin = "\r\x1b[K"
	for _, c := range []struct {
		at   scanner.Progress
		want string
	}{
		{scanner.Progress{Stage: "done", Done: 0, Total: 1000}, begin + "done     " + strings.Repeat("░", 30) + "   0%  0 of 1000"},
		{scanner.Progress{Stage: "done", Done: 1, Total: 3}, begin + "done     " + strings.Repeat("█", 10) + strings.Repeat("░", 20) + "  33%  1 of 3"},
		{scanner.Progress{Stage: "asked", Done: 999, Total: 1000}, begin + "asked    " + strings.Repeat("█", 29) + "░  99%  999 of 1000"},
		{scanner.Progress{Stage: "asked", Done: 1000, Total: 1000}, begin + "asked    " + strings.Repeat("█", 30) + " 100%  1000 of 1000"},
		{scanner.Progress{Stage: "objects", Done: 7}, begin + "objects  7"},
	} {
		p, screen, _ := drawn(true, false)
		if p.show(c.at); screen.String() != c.want {
			t.Errorf("%v: %q, want %q", c.at, screen, c.want)
		}
		screen.Reset()
		if p.clear(); screen.String() != begin {
			t.Errorf("%v: cleared with %q", c.at, screen)
		}
	}
}

func TestABarIsDrawnTenTimesASecondAtMost(t *testing.T) {
	p, screen, now := drawn(true, false)
	for i := range 1000 { // one a millisecond
		p.show(scanner.Progress{Stage: "done", Done: i, Total: 1000})
		*now = now.Add(time.Millisecond)
	}
	if n := strings.Count(screen.String(), "\r"); n != 10 {
		t.Errorf("%d times", n)
	}
	if !strings.Contains(screen.String(), " 90%  900 of 1000") {
		t.Errorf("%q", screen)
	}
}

func TestNoBarIsDrawnWhereNobodySeesIt(t *testing.T) {
	for name, c := range map[string][2]bool{"no terminal": {false, false}, "quiet": {true, true}} {
		p, screen, _ := drawn(c[0], c[1])
		p.show(scanner.Progress{Stage: "done", Done: 1, Total: 2})
		if p.clear(); screen.Len() > 0 {
			t.Errorf("%s: %q", name, screen)
		}
	}
	p, screen, _ := drawn(true, false) // nothing was shown
	if p.clear(); screen.Len() > 0 {
		t.Errorf("%q", screen)
	}
}

// TestRemediationDrawsItsBar runs plan and apply as on a terminal.
func TestRemediationDrawsItsBar(t *testing.T) {
	repo := gittest.New(t)
	repo.File("deploy.conf", "token = \""+gittest.Token()+"\"\n")
	operator, state := filepath.Join(t.TempDir(), "operator.toml"), t.TempDir()
	if err := os.WriteFile(operator, []byte("owned = [\"acme\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fake := issuers(t.TempDir())
	run := func(args ...string) (stdout, screen string) {
		var out, errs bytes.Buffer
		w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, status: true, issuer: fake, env: func(name string) string {
			return map[string]string{keyVariable: strings.Repeat("0123456789abcdef", 4), "XDG_STATE_HOME": state}[name]
		}}
		args = append([]string{"remediate", "--actor", "ann", "--operator", operator}, args...)
		if code := w.run(t.Context(), args); code != exitClean {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		return out.String(), errs.String()
	}
	full := strings.Repeat("█", barWidth) + " 100%  1 of 1" + clearToTheEnd
	plan, screen := run("plan", "--repository", "acme", repo.Dir)
	if !strings.Contains(screen, clearToTheEnd+"asked    "+full) {
		t.Errorf("plan drew %q", screen)
	}
	_, digest, _ := strings.Cut(plan, "leakgate remediate apply ")
	if _, screen = run("apply", "--repository", "acme", strings.TrimSpace(digest), repo.Dir); !strings.Contains(screen, clearToTheEnd+"done     "+full) {
		t.Errorf("apply drew %q", screen)
	}
}
