package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

// fetched is a git for steps, and what it was asked to fetch.
type fetched struct {
	calls []string
	fail  bool
}

func (f *fetched) git(ctx context.Context, dir string, args ...string) error {
	f.calls = append(f.calls, strings.Join(args, " "))
	if f.fail {
		return errors.New("fatal: could not read Username")
	}
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = gittest.Environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	return nil
}

// checkout clones one commit of a server as actions/checkout does: by its id,
// with as much history as depth says, 0 for every branch and tag.
func checkout(t *testing.T, server *gittest.Repo, sha string, depth int) string {
	t.Helper()
	return cloneOf(t, server, sha, depth).Dir
}

func cloneOf(t *testing.T, server *gittest.Repo, sha string, depth int) *gittest.Repo {
	t.Helper()
	clone := gittest.New(t)
	clone.Git("remote", "add", "origin", "file://"+server.Dir)
	args := []string{"-c", "protocol.version=2", "fetch", "-q", "--no-tags"}
	if depth > 0 {
		args = append(args, "--depth", "1", "origin", "+"+sha+":refs/remotes/pull/1/merge")
	} else {
		args = append(args, "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", "+"+sha+":refs/remotes/pull/1/merge")
	}
	clone.Git(args...)
	clone.Git("checkout", "-q", "--force", sha)
	return clone
}

// outcome is everything that leaves a step.
type outcome struct {
	code    int
	log     string
	outputs map[string]string
	summary string
	sarif   string
	fetches []string
}

// everything is all text of an outcome.
func (o outcome) everything() string {
	text := o.log + o.summary + o.sarif
	for _, v := range o.outputs {
		text += v + "\n"
	}
	return text
}

// step runs the action in a checkout for an event, with further variables as
// NAME=VALUE. Git that cannot fetch is asked for by "git=none".
func step(t *testing.T, dir, event string, payload any, variables ...string) outcome {
	t.Helper()
	temp := t.TempDir()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(temp, name) }
	if err := os.WriteFile(path("event.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": path("event.json"), "GITHUB_WORKSPACE": dir,
		"GITHUB_OUTPUT": path("output"), "GITHUB_STEP_SUMMARY": path("summary.md"), "RUNNER_TEMP": temp,
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1",
	}
	git := &fetched{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
		git.fail = git.fail || v == "git=none"
	}
	var log bytes.Buffer
	out := outcome{outputs: map[string]string{}}
	out.code = Run(context.Background(), Step{
		Env: func(name string) string { return env[name] }, Stdout: &log, Git: git.git,
		World: surroundings(t),
	})
	out.log, out.fetches = log.String(), git.calls
	read := func(file string) string { text, _ := os.ReadFile(file); return string(text) }
	for _, o := range readOutputs(t, read(path("output"))) {
		out.outputs[o.Name] = o.Value
	}
	out.summary, out.sarif = read(path("summary.md")), read(path("leakgate.sarif"))
	return out
}

func surroundings(t *testing.T) inspect.World {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("0123456789abcdef", 4))
	if err != nil {
		t.Fatal(err)
	}
	return inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "v1.0.0"}
}

// emptyEvent is the file of an event that says nothing.
func emptyEvent(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// expect checks code and outputs, given as NAME=VALUE.
func (o outcome) expect(t *testing.T, code int, outputs ...string) {
	t.Helper()
	bad := o.code != code
	for _, want := range outputs {
		name, value, _ := strings.Cut(want, "=")
		bad = bad || o.outputs[name] != value
	}
	if bad {
		t.Errorf("exit %d and %q, want %d and %q\n%s", o.code, o.outputs, code, outputs, o.log)
	}
}

// commandsIn are the workflow commands of a log.
func (o outcome) commandsIn() []string {
	lines := strings.Split(strings.TrimSpace(o.log), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "::") })
}

// hides fails when a value left the step in any spelling.
func (o outcome) hides(t *testing.T, values ...string) {
	t.Helper()
	text := o.everything()
	for _, v := range values {
		for _, form := range secret.Forms(secret.New(v)) {
			if strings.Contains(text, form) {
				t.Error("a value is visible")
			}
		}
	}
}

// object is a JSON object of a payload.
type object map[string]any
