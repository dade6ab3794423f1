package dashboard_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/dashboard"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// world is a GitHub with two organisations that have the App, and its dashboard.
type world struct {
	*ghfake.GitHub
	t         *testing.T
	app       *ghfake.App
	installed map[string]*ghfake.Installation
	repos     map[string]*ghfake.Repo
	store     *store.Store
	key       secret.Key
	web       *httptest.Server
	log       *lines

	mu    sync.Mutex
	ahead time.Duration // of the clock
	from  string        // what the proxy writes into X-Client
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}
func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

func newWorld(t *testing.T, change ...func(*dashboard.Options)) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, GitHub: ghfake.New(t, ghfake.Options{}), installed: map[string]*ghfake.Installation{}, repos: map[string]*ghfake.Repo{}, log: &lines{}}
	var err error
	w.app, err = w.App("leakgate", "http://127.0.0.1/", map[string]string{"metadata": "read", "contents": "read"})
	w.must(err)
	for _, login := range []string{"ada", "bob", "eve"} {
		w.User(login)
	}
	for _, org := range []string{"acme", "zeta"} {
		w.Org(org)
		w.installed[org] = w.Install(w.app, org)
	}
	w.repo("acme/app", "ada")
	w.repo("acme/lib", "ada")
	w.repo("acme/vault") // nobody but the owner
	w.repo("zeta/shop", "bob")
	w.key, err = secret.NewKey()
	w.must(err)
	w.open()
	w.web = httptest.NewUnstartedServer(nil)
	w.web.StartTLS()
	t.Cleanup(w.web.Close)
	w.app.Callbacks = []string{w.web.URL + dashboard.CallbackPath}
	o := dashboard.Options{
		Store: w.store, Key: w.key, URL: w.web.URL, Now: w.now, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Users: &hub.Users{Server: hub.Server{API: w.API + "/", Web: w.URL + "/"}, ClientID: w.app.ClientID, Secret: secret.New(w.app.ClientSecret),
			Callback: w.web.URL + dashboard.CallbackPath, Version: "test"},
	}
	for _, f := range change {
		f(&o)
	}
	pages, err := dashboard.New(o)
	w.must(err)
	w.web.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if from := w.client(); from != "" {
			r.Header.Set("X-Client", from)
		}
		pages.ServeHTTP(rw, r)
	})
	return w
}

// server is the PostgreSQL on which the tests run a second time; "" while they run on SQLite.
var server string

// TestMain runs them on SQLite, and then on PostgreSQL where LEAKGATE_POSTGRES names one
// whose schemas may be made and dropped.
func TestMain(m *testing.M) {
	code := m.Run()
	if server = os.Getenv("LEAKGATE_POSTGRES"); server != "" && code == 0 {
		fmt.Println("and on PostgreSQL:")
		code = m.Run()
	}
	os.Exit(code)
}

// open gives the world a database of its own.
func (w *world) open() {
	place, connections := filepath.Join(w.t.TempDir(), "leakgate.db"), 1
	if server != "" {
		place, connections = w.schema(), 4
	}
	var err error
	w.store, err = store.Open(w.t.Context(), place, store.Options{Key: w.key, Connections: connections, Now: w.now})
	w.must(err)
	w.t.Cleanup(func() { w.store.Close() })
}

// schema makes one in PostgreSQL.
func (w *world) schema() (place string) {
	admin, err := sql.Open("pgx", server)
	w.must(err)
	name := "dashboard_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(w.t.Context(), "CREATE SCHEMA "+name)
	w.must(err)
	w.t.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(w.t.Context()), "DROP SCHEMA "+name+" CASCADE")
		w.must(errors.Join(err, admin.Close()))
	})
	at := "?"
	if strings.Contains(server, "?") {
		at = "&"
	}
	return server + at + "search_path=" + name
}

func (w *world) client() string        { w.mu.Lock(); defer w.mu.Unlock(); return w.from }
func (w *world) comesFrom(text string) { w.mu.Lock(); defer w.mu.Unlock(); w.from = text }

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

// later has time pass.
func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// repo makes a private repository that some people may read.
func (w *world) repo(name string, readers ...string) *ghfake.Repo {
	w.t.Helper()
	r, err := w.Repository(name, true)
	w.must(err)
	for _, login := range readers {
		w.Collaborator(r, login, "read")
	}
	w.repos[name] = r
	return r
}

// number is that of a repository, as places are kept under it.
func (w *world) number(name string) string { return strconv.FormatInt(w.repos[name].ID(), 10) }

// id is that of a credential of a test.
func id(n int) string { return fmt.Sprintf("LG-%016d", n) }

// incident is that of a credential of a test.
func incident(n int) string { return fmt.Sprintf("INC-%016d", n) }

// found records a credential at a place.
func (w *world) found(n int, severity, repository, path string) {
	w.t.Helper()
	w.record(n, severity, repository, map[string]any{"path": path, "line": 7, "commit": strings.Repeat("a", 40), "author": "Ada <ada@example.com>", "at_head": true})
}

func (w *world) record(n int, severity, repository string, body map[string]any) {
	w.t.Helper()
	err := w.store.Tx(w.t.Context(), func(t *store.Tx) error {
		return t.Record(w.t.Context(), "leakgate-app", []store.Sighting{{
			Credential:  store.Credential{ID: id(n), Rule: fmt.Sprintf("rule-%d", n), Preview: "abcd…(40)", Severity: severity},
			Repository:  w.number(repository),
			Fingerprint: fmt.Sprint(n, repository, body["path"]), Body: body,
		}})
	})
	w.must(err)
}

// browser is somebody's, without his having signed in.
type browser struct {
	*http.Client
	w   *world
	jar http.CookieJar
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	w.must(err)
	c := *w.web.Client()
	c.Jar = jar
	return &browser{&c, w, jar}
}

// signIn goes the whole way by GitHub.
func (w *world) signIn(login string) *browser {
	w.t.Helper()
	b := w.browser()
	b.signIn(login)
	return b
}

func (b *browser) signIn(login string) {
	b.w.t.Helper()
	b.w.SignedIn(login)
	status, text := b.read(b.Get(b.away("/health")))
	if status != http.StatusOK || !strings.Contains(text, "<h1>Health</h1>") || !strings.Contains(text, login) {
		b.w.t.Fatalf("%s is not signed in: %d\n%s\n%s", login, status, text, b.w.log)
	}
}

// away begins a sign-in, and gives the address at GitHub to which the page leads, both
// by itself and by its link.
func (b *browser) away(next string) string {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.w.web.URL+"/login", strings.NewReader(url.Values{"next": {next}}.Encode()))
	b.w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.Do(r)
	b.w.must(err)
	status, text := b.read(resp, err)
	address, ok := strings.CutPrefix(resp.Header.Get("Refresh"), "0; url=")
	if status != http.StatusOK || !ok || !strings.Contains(text, `href="`+html.EscapeString(address)+`"`) {
		b.w.t.Fatalf("no way to GitHub: %d %q\n%s", status, address, text)
	}
	return address
}

func (b *browser) get(path string) (int, string) {
	b.w.t.Helper()
	return b.read(b.Get(b.w.web.URL + path))
}

// post sends a form as our own page does.
func (b *browser) post(path string, form url.Values, headers ...string) (int, string) {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.w.web.URL+path, strings.NewReader(form.Encode()))
	b.w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.read(b.Do(r))
}

func (b *browser) read(resp *http.Response, err error) (int, string) {
	b.w.t.Helper()
	b.w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	b.w.must(err)
	return resp.StatusCode, string(text)
}

// cookie is what the browser has of the dashboard's.
func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.w.web.URL)
	b.w.must(err)
	for _, c := range b.jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	at, err := url.Parse(b.w.web.URL)
	b.w.must(err)
	b.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}
