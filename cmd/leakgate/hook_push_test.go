package main

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// server is a bare repository behind git http-backend on loopback, with leakgate
// as its pre-receive hook, and a clone of it.
type server struct {
	t     *testing.T
	bare  string
	clone *gittest.Repo
}

func newServer(t *testing.T, init ...string) *server {
	t.Helper()
	clone := gittest.New(t, init...)
	backend := filepath.Join(clone.Git("--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("this test needs git http-backend")
	}
	root := t.TempDir()
	s := &server{t: t, bare: filepath.Join(root, "r.git"), clone: clone}
	clone.Git(append([]string{"init", "-q", "--bare", "-b", "main", s.bare}, init...)...)
	clone.Git("-C", s.bare, "config", "http.receivepack", "true")
	if out, err := exec.Command("leakgate", "hook", "install", "--type", "pre-receive", s.bare).CombinedOutput(); err != nil {
		t.Fatalf("install the hook: %v\n%s", err, out)
	}
	web := httptest.NewServer(&cgi.Handler{
		Path: backend, Dir: root, InheritEnv: []string{"PATH", "HOME", "TMPDIR"},
		Env: append(gittest.Environment()[len(os.Environ()):], "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1",
			keyVariable+"="+strings.Repeat("0123456789abcdef", 4)),
	})
	t.Cleanup(web.Close)
	clone.Git("remote", "add", "origin", web.URL+"/r.git")
	return s
}

// push pushes and tells what the pusher sees.
func (s *server) push(args ...string) (accepted bool, said string) {
	cmd := exec.Command("git", append([]string{"push", "origin"}, args...)...)
	cmd.Dir, cmd.Env = s.clone.Dir, gittest.Environment()
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// tip is what a ref of the server names, "" for none.
func (s *server) tip(ref string) string {
	id, _, _ := strings.Cut(s.clone.Git("ls-remote", "origin", ref), "\t")
	return id
}

func (s *server) accepts(args ...string) {
	s.t.Helper()
	if ok, said := s.push(args...); !ok || strings.Contains(said, "leakgate") {
		s.t.Fatalf("push %v: accepted %v, said\n%s", args, ok, said)
	}
}

// refuses checks that a push is refused with words that name what is meant, and
// that no value is among them.
func (s *server) refuses(value string, args []string, words ...string) {
	s.t.Helper()
	ok, said := s.push(args...)
	if ok {
		s.t.Fatalf("push %v was accepted:\n%s", args, said)
	}
	for _, word := range append(words, "remote: leakgate: nothing was accepted", "pre-receive hook declined") {
		if !strings.Contains(said, word) {
			s.t.Errorf("push %v: %q is not said in\n%s", args, word, said)
		}
	}
	for _, form := range secret.Forms(secret.New(value)) {
		if strings.Contains(said, form) {
			s.t.Errorf("push %v shows the value", args)
		}
	}
}

func TestAPushWithASecretIsRefusedAndACleanOneIsAccepted(t *testing.T) {
	for name, init := range map[string][]string{"sha1": nil, "sha256": {"--object-format=sha256"}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, init...)
			first := s.clone.File("a.txt", "hello\n")
			s.accepts("main")

			token := gittest.Token()
			leak := s.clone.File("b.txt", "token: "+token+"\n")
			s.clone.File("b.txt", "gone\n")
			s.refuses(token, []string{"main"}, "Blocked: 1 credential", "b.txt:1:8", leak[:10])
			s.refuses(token, []string{"HEAD:refs/heads/new"}, "b.txt:1:8", leak[:10])
			if tip := s.tip("main"); tip != first || s.tip("new") != "" {
				t.Errorf("the refs moved: %s", tip)
			}

			s.clone.Git("reset", "-q", "--hard", first)
			s.clone.Git("tag", "-a", "-m", "use "+token, "v1")
			s.refuses(token, []string{"v1"}, "message, line 1")
			s.clone.Git("tag", "-d", "v1")
			s.clone.Git("tag", "-a", "-m", "all is well", "v1")
			s.accepts("v1")
			s.accepts("HEAD:refs/heads/new")
			s.accepts(":new")
		})
	}
}

func TestAPushOfFiftyCommitsIsJudgedAtOnce(t *testing.T) {
	s := newServer(t)
	s.clone.File("a.txt", "hello\n")
	s.accepts("main")
	best := time.Hour
	for range 3 { // the machine may be busy with other tests
		s.grow(50)
		began := time.Now()
		s.accepts("main")
		if best = min(best, time.Since(began)); best < time.Second {
			break
		}
	}
	t.Logf("a push of 50 commits took %v, git and HTTP included", best)
	if best > time.Second {
		t.Errorf("a push of 50 commits took %v", best)
	}
}

// grow adds commits, quickly.
func (s *server) grow(n int) {
	var stream strings.Builder
	for i := range n {
		text := fmt.Sprintf("line %d\n", i)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 6\nChange", 1_800_000_000+i)
		if i == 0 {
			stream.WriteString("\nfrom refs/heads/main^0")
		}
		fmt.Fprintf(&stream, "\nM 644 inline dir%d/f.txt\ndata %d\n%s\n", i%7, len(text), text)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = s.clone.Dir, gittest.Environment(), strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

func TestAPushIsJudgedByThePolicyThatItCannotChange(t *testing.T) {
	s := newServer(t)
	s.clone.File("a.txt", "hello\n")
	s.accepts("main")
	token := gittest.Token()
	s.clone.Write(".leakgate.yaml", "version: 1\nmode: audit\n")
	s.clone.File("b.txt", "token: "+token+" # leakgate:allow\n")
	s.refuses(token, []string{"main"}, "b.txt:1:8", "only audits")
	s.refuses(token, []string{"HEAD:refs/heads/new"}, "b.txt:1:8", "only audits")
	s.clone.Git("reset", "-q", "--hard", "HEAD~1")
	s.clone.File(".leakgate.yaml", "version: 1\nmodus: audit\n")
	s.refuses(token, []string{"main"}, ".leakgate.yaml:2:1", "cannot be read")
}

func TestAPushOfManyNewBranchesIsJudgedByTheStrictestOfThem(t *testing.T) {
	s := newServer(t)
	s.clone.File(".leakgate.yaml", `version: 1
fail_on: [critical]
environments:
  prod: {branches: ["release/*"], severity: critical}
`)
	if ok, said := s.push("main"); !ok || !strings.Contains(said, "changes what belongs to prod") {
		t.Fatalf("the first policy: %v\n%s", ok, said)
	}
	token := gittest.Token()
	s.clone.File("b.txt", "token: "+token+"\n")
	s.refuses(token, []string{"HEAD:refs/heads/a", "HEAD:refs/heads/release/1", "HEAD:refs/heads/z"}, "b.txt:1:8")
	if ok, said := s.push("HEAD:refs/heads/a"); !ok || !strings.Contains(said, "warnings") {
		t.Errorf("a branch that only warns: %s", said)
	}
}

func TestWhatGitNeverSaysIsUndecided(t *testing.T) {
	for _, input := range []string{"x\n", "a b c\n", strings.Repeat("0", 40) + " " + strings.Repeat("1", 39) + " refs/heads/x\n",
		strings.Repeat("0", 40) + " " + strings.Repeat("1", 40) + " refs/heads/x\n"} {
		r := gittest.New(t)
		r.File("a.txt", "hello\n")
		t.Chdir(r.Dir)
		code, out, errs := command(t, input, "hook", "pre-receive")
		if code != exitUndecided || out != "" || !strings.Contains(errs, "nothing was accepted") {
			t.Errorf("%q: exit %d\n%s%s", input, code, out, errs)
		}
	}
}
