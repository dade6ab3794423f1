package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// gitLab knows one token, and holds each call that revokes it until it may go on.
type gitLab struct {
	mu      sync.Mutex
	token   string
	dead    bool
	calls   int           // that revoke
	arrived chan struct{} // a value for each of these
	goOn    chan struct{}
}

func (g *gitLab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	live := r.Header.Get("Private-Token") == g.token && !g.dead
	if live && r.Method == http.MethodDelete {
		g.calls++
	}
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case !live:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message":"401 Unauthorized"}`)
	case r.Method == http.MethodDelete:
		g.arrived <- struct{}{}
		<-g.goOn
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = io.WriteString(w, `{"id":7,"name":"deploy","user_id":3,"active":true,"scopes":["api"]}`)
	}
}

// end has the token die, and answers the call that waits.
func (g *gitLab) end() {
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	g.goOn <- struct{}{}
}

func (g *gitLab) called() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// site is a repository with a leaked token, its issuer, and a folder of the user.
type site struct {
	t      *testing.T
	gitLab *gitLab
	repo   string
	home   string
	env    []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	raw := make([]byte, 10)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	g := &gitLab{token: "glpat-" + hex.EncodeToString(raw), arrived: make(chan struct{}), goOn: make(chan struct{})}
	server := httptest.NewTLSServer(g)
	t.Cleanup(server.Close)
	repo := gittest.New(t)
	repo.Write("deploy.conf", "token = \""+g.token+"\"\n")
	repo.Commit("leak")
	host := strings.TrimPrefix(server.URL, "https://")
	s := &site{t: t, gitLab: g, repo: repo.Dir, home: t.TempDir()}
	s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	s.write("operator.toml", "owned = [\"github.com/acme/*\"]\nprivate = [\""+host+"\"]\n[settings.gitlab-token]\nhost = \""+host+"\"\n")
	s.env = append(gittest.Environment(), "USER=ann", "HOME="+s.home, "XDG_STATE_HOME="+s.home, "XDG_CONFIG_HOME="+s.home, "XDG_CACHE_HOME="+s.home,
		"TMPDIR="+s.home, "SSL_CERT_FILE="+filepath.Join(s.home, "ca.pem"), keyVariable+"="+strings.Repeat("0123456789abcdef", 4))
	return s
}

func (s *site) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.home, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start runs the command as a process of its own.
func (s *site) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	s.t.Helper()
	args = append([]string{"remediate", "--operator", filepath.Join(s.home, "operator.toml")}, args...)
	c, out := exec.Command("leakgate", args...), &bytes.Buffer{}
	c.Dir, c.Env, c.Stdout, c.Stderr = s.repo, s.env, out, out
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	return c, out
}

// run runs it to its end.
func (s *site) run(args ...string) (code int, said string) {
	s.t.Helper()
	c, out := s.start(args...)
	code = ended(c)
	s.hides(out.String())
	return code, out.String()
}

func ended(c *exec.Cmd) int {
	if exit, ok := errors.AsType[*exec.ExitError](c.Wait()); ok {
		return exit.ExitCode()
	}
	return 0
}

// plan plans, and gives the digest.
func (s *site) plan() string {
	s.t.Helper()
	code, said := s.run("plan", "--repository", "github.com/acme/app")
	m := regexp.MustCompile(`leakgate remediate apply ([0-9a-f]{64})`).FindStringSubmatch(said)
	if code != exitClean || m == nil {
		s.t.Fatalf("exit %d: %s", code, said)
	}
	return m[1]
}

func (s *site) apply(digest string) []string {
	return []string{"apply", "--repository", "github.com/acme/app", digest}
}

// hides fails when a text holds the token in any spelling.
func (s *site) hides(text string) {
	s.t.Helper()
	for _, form := range secret.Forms(secret.New(s.gitLab.token)) {
		if strings.Contains(text, form) {
			s.t.Error("the token is visible")
		}
	}
}

// hidesFiles looks into all that was written for the user.
func (s *site) hidesFiles() {
	s.t.Helper()
	for _, text := range files(s.t, s.home) {
		s.hides(text)
	}
}

func TestTwoAppliersAtOnceMakeOneCall(t *testing.T) {
	s := newSite(t)
	digest := s.plan()
	first, said := s.start(s.apply(digest)...)
	<-s.gitLab.arrived // the first process is at the call until it may go on
	for _, args := range [][]string{s.apply(digest), {"undo", "--repository", "github.com/acme/app", digest}} {
		if code, out := s.run(args...); code != exitUndecided || !strings.Contains(out, "somebody else is at it") {
			t.Errorf("%s beside another process: exit %d: %s", args[0], code, out)
		}
	}
	if runtime.GOOS == "linux" {
		args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(first.Process.Pid), "cmdline"))
		if err != nil {
			t.Error(err)
		}
		s.hides(string(args))
		s.hidesFiles()
	}
	s.gitLab.end()
	if code := ended(first); code != exitClean || !strings.Contains(said.String(), "dead ") {
		t.Errorf("exit %d: %s", code, said)
	}
	s.hides(said.String())
	if code, out := s.run(s.apply(digest)...); code != exitClean || !strings.Contains(out, "done before") {
		t.Errorf("exit %d: %s", code, out)
	}
	if n := s.gitLab.called(); n != 1 {
		t.Errorf("%d calls", n)
	}
	s.hidesFiles()
}

func TestAKilledProcessIsTakenUpWithOneCall(t *testing.T) {
	s := newSite(t)
	digest := s.plan()
	first, _ := s.start(s.apply(digest)...)
	<-s.gitLab.arrived
	if err := first.Process.Kill(); err != nil { // the call is made, and nobody waits for its answer
		t.Fatal(err)
	}
	ended(first)
	s.gitLab.end()
	if code, out := s.run(s.apply(digest)...); code != exitClean || !strings.Contains(out, "cut off") {
		t.Errorf("exit %d: %s", code, out)
	}
	if n := s.gitLab.called(); n != 1 {
		t.Errorf("%d calls", n)
	}
	s.hidesFiles()
}
