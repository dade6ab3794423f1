package hub

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// world is a GitHub with one organisation, two repositories and our App on them.
type world struct {
	*ghfake.GitHub
	t         *testing.T
	app       *App
	there     *ghfake.App // as GitHub knows it
	installed *ghfake.Installation
	repo      *ghfake.Repo
	other     *ghfake.Repo
	local     *gittest.Repo
	clock     *clock
	sent      *record
}

// clock is the time of both sides, moved by a test, and of ours alone.
type clock struct {
	mu          sync.Mutex
	ahead, ours time.Duration
}

func (c *clock) github() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return time.Now().Add(c.ahead) }
func (c *clock) here() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead + c.ours)
}
func (c *clock) add(d time.Duration)  { c.mu.Lock(); defer c.mu.Unlock(); c.ahead += d }
func (c *clock) skew(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.ours = d }

// record is everything that was sent.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}
func (r *record) String() string { r.mu.Lock(); defer r.mu.Unlock(); return r.buf.String() }

// granted is what leakgate asks for when it is installed.
var granted = map[string]string{
	"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write", "security_events": "write", "secret_scanning_alerts": "write",
}

func newWorld(t *testing.T, o ghfake.Options) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}, sent: &record{}}
	o.Clock, o.Record = w.clock.github, w.sent
	w.GitHub = ghfake.New(t, o)
	w.Org("acme")
	for _, login := range []string{"ada", "bob", "eve"} {
		w.User(login)
	}
	var err error
	w.there, err = w.App("leakgate", "", granted, "push", "pull_request", "issue_comment", "secret_scanning_alert")
	w.must(err)
	w.repo, err = w.Repository("acme/app", true)
	w.must(err)
	w.other, err = w.Repository("acme/other", true)
	w.must(err)
	w.Collaborator(w.repo, "ada", "admin")
	w.Collaborator(w.repo, "bob", "write")
	w.installed = w.Install(w.there, "acme")
	w.app = w.newApp(w.key())
	w.local = gittest.New(t)
	w.local.File("a.txt", "one\ntwo\nthree\n")
	w.local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
	w.local.Git("push", "-q", "origin", "main")
	return w
}

// key is the App's, read from a file as products do.
func (w *world) key() Key {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "app.pem")
	w.must(os.WriteFile(path, w.there.Key, 0o600))
	key, err := FileKey(path)
	w.must(err)
	return key
}

func (w *world) newApp(key Key) *App {
	w.t.Helper()
	// A transport of its own, so that no idle connection outlives the server it led to.
	tr := http.DefaultTransport.(*http.Transport).Clone()
	w.t.Cleanup(tr.CloseIdleConnections)
	app, err := New(Options{ID: w.there.ID, Key: key, Server: w.server(), Transport: tr, Now: w.clock.here, Version: "test"})
	w.must(err)
	return app
}

func (w *world) server() Server { return Server{API: w.API + "/", Web: w.URL + "/"} }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// open is a session on acme/app, closed with the test.
func (w *world) open(p Permissions) *Session {
	w.t.Helper()
	s, err := w.app.Open(w.t.Context(), w.installed.ID, w.repo.ID(), p)
	w.must(err)
	return s
}

func (w *world) head() string { return strings.TrimSpace(w.local.Git("rev-parse", "HEAD")) }
