package action

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/gittest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// placeholders stand for what differs from run to run in a golden log.
func placeholders(text, token string) string {
	return strings.ReplaceAll(text, fmt.Sprintf("%s…(%d)", token[:4], len(token)), "PREVIEW")
}

func TestAnnotationsPointAtTheLineAtHead(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) {
		r.File("conf/a b, 100%: x.env", "first\nsecond\n  token: "+token+"\n")
		r.File("conf/a b, 100%: x.env", "above\nabove\nfirst\nsecond\n  token: "+token+"\nbelow\n")
	}, nil)
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1, "blocked=1")
	o.hides(t, token)
	got := placeholders(strings.Join(o.commandsIn(), "\n")+"\n", token)
	const golden = "testdata/annotations.golden"
	if *update {
		os.WriteFile(golden, []byte(got), 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestAtMostTenErrorsAreAnnotated(t *testing.T) {
	var tokens []string
	p := propose(t, func(r *gittest.Repo) {
		for i := range maxAnnotations + 5 {
			tokens = append(tokens, gittest.Token())
			r.Write(fmt.Sprintf("%02d.env", i), "token: "+tokens[i]+"\n")
		}
		r.Commit("Add them all")
	}, nil)
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1, "blocked=15", "findings=15")
	o.hides(t, tokens...)
	commands := o.commandsIn()
	if n := strings.Count(strings.Join(commands, "\n"), "::error "); n != maxAnnotations {
		t.Errorf("%d errors", n)
	}
	if last := commands[len(commands)-1]; last != "::notice title=leakgate::and 5 more, see the summary" {
		t.Error(last)
	}
}

func TestAPathThatHoldsAValueIsNotAnnotated(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) { r.File(token+".env", "token: "+token+"\n") }, nil)
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1)
	o.hides(t, token)
	if commands := strings.Join(o.commandsIn(), "\n"); !strings.Contains(commands, "::error title=") {
		t.Error(commands)
	}
}

func TestTextOfARepositoryDoesNotCommandTheRunner(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) {
		r.File("::add-path::x", "token: "+token+"\n")
		r.File("##[add-path]x", "token: "+token+"\n")
		r.File("a\n::set-env name=X::y", "token: "+token+"\n")
	}, nil)
	p.Git("config", "user.name", "x")
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1, "blocked=3")
	for _, line := range o.commandsIn() {
		if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::notice ") {
			t.Errorf("a command that nobody gave: %q", line)
		}
	}
	for line := range strings.Lines(o.log) {
		ours := strings.HasPrefix(line, "::error ") || strings.HasPrefix(line, "::notice ")
		if !ours && commands(line) || strings.Contains(line, "##[") && !ours {
			t.Errorf("a runner may obey %q", line)
		}
	}
}
