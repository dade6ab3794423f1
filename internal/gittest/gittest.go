// Package gittest makes real git repositories for tests, with the git binary and
// apart from the user's own configuration.
package gittest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repo is a repository in a temporary folder.
type Repo struct {
	t   testing.TB
	Dir string
}

// New makes an empty repository. The test is skipped where there is no git.
func New(t testing.TB, init ...string) *Repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("this test needs the git binary: apt-get install git")
		}
		t.Skip("this test needs the git binary")
	}
	r := &Repo{t: t, Dir: t.TempDir()}
	r.Git(append([]string{"init", "-q", "-b", "main"}, init...)...)
	return r
}

// Git runs git in the repository and returns what it prints, trimmed.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return r.Pipe("", args...)
}

// Pipe is Git with a standard input.
func (r *Repo) Pipe(input string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, Environment(), strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Try runs git and reports whether it succeeded.
func (r *Repo) Try(args ...string) bool {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.Dir, Environment()
	return cmd.Run() == nil
}

// Environment is that of a git which reads no configuration but the repository's
// own, with a fixed author and date.
func Environment() []string {
	return append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
}

// Write puts a file into the working tree.
func (r *Repo) Write(path, content string) {
	r.t.Helper()
	full := filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits everything in the working tree and returns the commit's id.
func (r *Repo) Commit(message string) string {
	r.t.Helper()
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return r.Git("rev-parse", "HEAD")
}

// File writes one file and commits it.
func (r *Repo) File(path, content string) string {
	r.t.Helper()
	r.Write(path, content)
	return r.Commit("Change " + path)
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Letters is random text of letters and digits, with at least one of each kind.
func Letters(n int) string {
	out := []byte("aZ3")
	for len(out) < n {
		out = append(out, letters[rand.N(len(letters))])
	}
	return string(out[:n])
}

// Token is a random value in the shape of a Slack bot token, which gitleaks and
// leakgate both know by its prefix.
func Token() string {
	digits := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte('0' + rand.N(10))
		}
		return string(out)
	}
	return "xox" + "b-" + digits(12) + "-" + digits(12) + "-" + Letters(24)
}
