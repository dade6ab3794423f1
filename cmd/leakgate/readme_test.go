package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/rules"
)

var update = flag.Bool("update", false, "rewrite the output shown in the README")

const readme = "../../README.md"

// shown is the README's first example: a command and its output.
var shown = regexp.MustCompile("(?s)```console\n\\$ leakgate scan demo\n(.*?)```")

// duration is the one thing in the output that changes from run to run.
var duration = regexp.MustCompile(`in [0-9.]+(?:ns|µs|ms|s)\b`)

func TestREADMEShowsTheRealOutput(t *testing.T) {
	path, err := filepath.Abs(readme)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := shown.FindSubmatchIndex(text)
	if m == nil {
		t.Fatal("the README does not show `$ leakgate scan demo` and its output")
	}
	t.Chdir(demo(t))
	code, out, errs := command(t, "", "scan", "demo")
	if code != exitBlocked || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	out = duration.ReplaceAllString(out, "in 12ms")
	switch {
	case string(text[m[2]:m[3]]) == out:
	case *update:
		changed := string(text[:m[2]]) + out + string(text[m[3]:])
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the README shows\n%s\nbut the command prints\n%s\n(go test ./cmd/leakgate -run README -update rewrites it)", text[m[2]:m[3]], out)
	}
}

// demo makes the repository of the README, a folder "demo": a token was
// committed, and the next commit removes the line while the token lives on. It
// returns the folder above.
func demo(t *testing.T) string {
	t.Helper()
	repo := gittest.New(t)
	token, err := rules.ExpandExample("xox{lower:0}b-{digit:12}-{digit:12}-{alnum:24}", 7)
	if err != nil {
		t.Fatal(err)
	}
	repo.Write("README.md", "# Shop\n")
	repo.File("deploy/prod.env", "REGION=eu-1\nSLACK_TOKEN="+token+"\n")
	repo.File("deploy/prod.env", "REGION=eu-1\n")
	above := t.TempDir()
	if err := os.Rename(repo.Dir, filepath.Join(above, "demo")); err != nil {
		t.Fatal(err)
	}
	return above
}

func TestExampleCommandsOfTheREADMEExist(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Join(regexp.MustCompile("(?s)```sh\n.*?```").FindAllString(string(text), -1), "\n")
	commands := regexp.MustCompile(`(?m)^leakgate ([a-z-]+)`).FindAllStringSubmatch(blocks, -1)
	if len(commands) < 5 {
		t.Fatalf("only %d commands are shown", len(commands))
	}
	for _, c := range commands {
		args := []string{c[1], "--help"}
		if code, _, errs := command(t, "", args...); code != exitClean {
			t.Errorf("leakgate %s: exit %d, %s", strings.Join(args, " "), code, errs)
		}
	}
}

func TestPolicyOfTheREADMEParses(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n# \\.leakgate\\.yaml\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatal("the README shows no policy")
	}
	if _, err := gate.ParsePolicy(gate.PolicyFile, m[1]); err != nil {
		t.Error(err)
	}
}
