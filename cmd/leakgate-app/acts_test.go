package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/dashboard"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// gitLab is the issuer of one token, on a listener of its own.
type gitLab struct {
	*httptest.Server
	host, token string

	mu    sync.Mutex
	mood  string
	left  chan struct{} // closed when the mood changes
	calls map[string]int
}

// The moods of an issuer.
const (
	well   = "well"   // the token lives
	over   = "over"   // it was revoked
	busy   = "busy"   // fewer calls are asked for
	broken = "broken" // 500
	portal = "portal" // something in between asks for a login
	mute   = "mute"   // 200 and nothing
	cut    = "cut"    // half an answer
	slow   = "slow"   // half an answer, and the rest never
	away   = "away"   // nobody listens
)

func newGitLab(t *testing.T) *gitLab {
	t.Helper()
	raw := make([]byte, 10)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	g := &gitLab{token: "glp" + "at-" + hex.EncodeToString(raw), mood: well, left: make(chan struct{}), calls: map[string]int{}}
	g.Server = httptest.NewUnstartedServer(g)
	g.Listener = absent{g.Listener, g}
	g.StartTLS()
	g.host = strings.TrimPrefix(g.URL, "https://")
	t.Cleanup(func() { g.be(well); g.Close() })
	return g
}

// absent is a listener that nobody answers at while its issuer is away.
type absent struct {
	net.Listener
	g *gitLab
}

func (a absent) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if mood, _ := a.g.now(); err == nil && mood == away {
		a.g.count(away)
		_ = c.Close() // nobody is there
	}
	return c, err
}

// be changes the mood. Who waits for an answer gets none.
func (g *gitLab) be(mood string) {
	g.mu.Lock()
	g.mood = mood
	close(g.left)
	g.left = make(chan struct{})
	g.mu.Unlock()
	g.CloseClientConnections()
}

func (g *gitLab) now() (mood string, left <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mood, g.left
}

func (g *gitLab) count(what string) { g.mu.Lock(); defer g.mu.Unlock(); g.calls[what]++ }

func (g *gitLab) counted(what string) int { g.mu.Lock(); defer g.mu.Unlock(); return g.calls[what] }

func (g *gitLab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mood, left := g.now()
	g.count(mood)
	if r.Header.Get("Private-Token") != g.token {
		mood = over
	}
	say := func(status int, text string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
	const about = `{"id":7,"name":"deploy","user_id":3,"active":true,"scopes":["api"]}`
	switch {
	case mood == well && r.Method == http.MethodDelete:
		g.count(http.MethodDelete)
		g.mu.Lock()
		g.mood = over
		g.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case mood == well:
		say(http.StatusOK, about)
	case mood == over:
		say(http.StatusUnauthorized, `{"message":"401 Unauthorized"}`)
	case mood == busy:
		w.Header().Set("Retry-After", "1")
		say(http.StatusTooManyRequests, `{"message":"401 Unauthorized"}`)
	case mood == broken:
		say(http.StatusInternalServerError, about)
	case mood == portal:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>401 Unauthorized</title>Sign in")
	case mood == mute:
		w.WriteHeader(http.StatusOK)
	default: // cut, slow
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, about[:40])
		_ = http.NewResponseController(w).Flush() // who is gone is gone
		if mood == slow {
			select {
			case <-left:
			case <-r.Context().Done():
			}
		}
		panic(http.ErrAbortHandler)
	}
}

// acting is an App that asks issuers and takes orders, with people and a dashboard.
type acting struct {
	*flooded
	gitLab   *gitLab
	repo     *ghfake.Repo
	local    *gittest.Repo
	front    *httptest.Server
	operator string // file
	said     strings.Builder
}

// newActing has the operator's file say a bit more.
func newActing(t *testing.T, more string) *acting {
	t.Helper()
	w := &acting{gitLab: newGitLab(t), flooded: &flooded{t: t, GitHub: ghfake.New(t, ghfake.Options{Enterprise: true})}}
	w.leaked = []string{w.gitLab.token}
	w.Org("acme")
	var err error
	w.app, err = w.App("leakgate", "http://127.0.0.1/", map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write",
		"security_events": "write", "secret_scanning_alerts": "write"}, "push", "pull_request", "issue_comment", "check_run", "secret_scanning_alert")
	w.must(err)
	w.repo, err = w.Repository("acme/app", true)
	w.must(err)
	w.repo.CodeSecurity = true
	for login, role := range map[string]string{"ada": "admin", "bob": "write", "dan": "write", "eve": "read"} {
		w.User(login)
		w.Collaborator(w.repo, login, role)
		w.Unlimited(login)
	}
	w.local = gittest.New(t)
	w.local.File("a.txt", "one\n")
	w.local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
	w.local.Git("push", "-q", "origin", "main")
	w.Install(w.app, "acme")
	w.Unlimited(w.app.Slug + "[bot]")

	w.front = httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: w.servers[0].address})
	}})
	t.Cleanup(w.front.Close)
	w.app.Callbacks = []string{w.front.URL + dashboard.CallbackPath}
	files := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(files, name)
		w.must(os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	w.operator = write("operator.toml", "")
	w.rule(more)
	authority := write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.gitLab.Certificate().Raw})))
	w.env = []string{"SSL_CERT_FILE=" + authority}
	w.more = []string{"--operator", w.operator, "--dashboard-url", w.front.URL, "--client-id", w.app.ClientID, "--client-secret-file", write("client", w.app.ClientSecret)}
	return w
}

// rule writes the operator's file, with more in front of what is always there.
func (w *acting) rule(more string) {
	w.must(os.WriteFile(w.operator, fmt.Appendf(nil, "%s\n[settings.gitlab-token]\nhost = %q\n",
		strings.NewReplacer("OWNED", strings.TrimPrefix(w.URL, "http://")+"/acme/*", "ISSUER", w.gitLab.host).Replace(more), w.gitLab.host), 0o600))
}

// serve starts the App, and has GitHub deliver until the test ends.
func (w *acting) serve(weather ghfake.Weather, more ...string) *store.Store {
	w.t.Helper()
	w.more = append(w.more, more...)
	w.start(1, "", "")
	s := w.eventuallyOpen(filepath.Join(argument(w.servers[0].args, "--data"), "leakgate.db"))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.deliver(w.t.Context(), func() ghfake.Weather { return weather })
	}()
	w.t.Cleanup(func() { <-ended; s.Close() })
	return s
}

// again kills the App and starts it.
func (w *acting) again() {
	w.t.Helper()
	w.servers[0].kill()
	w.must(w.servers[0].run())
}

func (w *acting) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(4 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

func (w *acting) as(login string) *github.Client {
	w.t.Helper()
	base := w.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT(login)))
	w.must(err)
	return c
}

// incident is the only one there is, once it is there; with what was answered last, and when.
func (w *acting) incident(s *store.Store) (in store.Incident, a store.Answer, at time.Time) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(s.Tx(ctx, func(t *store.Tx) error {
		all, err := t.Incidents(ctx)
		if err != nil || len(all) == 0 {
			return err
		}
		if in = all[0]; len(all) > 1 {
			return errors.New("there are two incidents")
		}
		a, at, err = t.LastAnswer(ctx, in.ID)
		return err
	}))
	return in, a, at
}

// browser is somebody who is signed in to the dashboard.
func (w *acting) browser(login string) (page func(path string) string) {
	w.t.Helper()
	w.SignedIn(login)
	c := *w.front.Client()
	jar, err := cookiejar.New(nil)
	w.must(err)
	c.Jar = jar
	read := func(r *http.Request) string {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := c.Do(r)
		w.must(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		w.must(err)
		w.said.Write(text)
		return string(text)
	}
	form, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.front.URL+"/login", strings.NewReader("next=/health"))
	w.must(err)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	on := regexp.MustCompile(`href="([^"]*/login/oauth/authorize[^"]*)"`).FindStringSubmatch(read(form))
	if on == nil {
		w.t.Fatalf("%s is not sent on to GitHub", login)
	}
	there, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, html.UnescapeString(on[1]), nil)
	w.must(err)
	if text := read(there); !strings.Contains(text, "<h1>Health</h1>") {
		w.t.Fatalf("%s is not signed in: %s", login, text)
	}
	return func(path string) string {
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.front.URL+path, nil)
		w.must(err)
		return read(r)
	}
}

// comments are those at a pull request, the oldest first.
func (w *acting) comments(number int) (all []string) {
	w.t.Helper()
	list, _, err := w.as("ada").Issues.ListComments(w.t.Context(), "acme", "app", number, &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}})
	w.must(err)
	for _, c := range list {
		all = append(all, c.GetBody())
	}
	return all
}

// secretive fails where the token is in anything that the App, its pages or its commands
// wrote, logged or kept.
func (w *acting) secretive(pulls ...int) {
	w.t.Helper()
	for _, n := range pulls {
		w.said.WriteString(strings.Join(w.comments(n), "\n"))
	}
	for _, k := range w.Checks(w.repo) {
		fmt.Fprintf(&w.said, "%+v", k)
	}
	for _, s := range w.Sarifs(w.repo) {
		w.said.Write(s.Log)
	}
	if len(w.said.String()) < 500 {
		w.t.Error("nothing was said")
	}
	w.untold([]byte(w.said.String()))
	var kept []byte
	w.must(filepath.WalkDir(argument(w.servers[0].args, "--data"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, "mirrors") { // a mirror holds what was pushed
			return err
		}
		text, err := os.ReadFile(path)
		kept = append(kept, text...)
		return err
	}))
	for _, form := range secret.Forms(secret.New(w.gitLab.token)) {
		if strings.Contains(string(kept), form) {
			w.t.Errorf("a file holds the value as %q", form)
		}
	}
}
