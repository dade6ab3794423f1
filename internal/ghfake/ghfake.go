// Package ghfake is a GitHub for tests that cannot drift from the real one: its routes
// come from GitHub's published OpenAPI description, every request and every answer is
// held against it to the last property, what it says of commits and refs is read from
// real git repositories that it also serves, and tokens open no more than on GitHub.
// Product code must not import it.
package ghfake

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
	"github.com/leakgate/leakgate/internal/gitserve"
)

// Options say which GitHub it is. The zero value is github.com.
type Options struct {
	// Enterprise makes it a GitHub Enterprise Server: another description, /api/v3.
	Enterprise bool
	// Report is told of whatever is not as GitHub describes: an unknown route, a request
	// or an answer that the description refuses. By default it fails the test.
	Report func(string)
	// Record is written every request, its line and its body, so that a test can look for
	// what must not leave. What is pushed is in the repositories, a SARIF in Sarifs.
	Record io.Writer
	// Secondary has the secondary limits count, too: 80 creations and 900 points a minute.
	Secondary bool
	// Clock is the time; by default time.Now.
	Clock func() time.Time
}

// GitHub is one server with accounts, apps, repositories and what they hold.
type GitHub struct {
	URL string // of the web and of git: http://127.0.0.1:PORT
	API string // of the REST interface: URL, or URL/api/v3

	options Options
	prefix  string
	spec    *openapi.Spec
	git     *gitserve.Server

	mu       sync.Mutex // held by whatever reads or changes what follows
	last     int64
	accounts map[string]*Account
	apps     []*App
	tokens   map[string]*token
	repos    []*Repo
	outbox   []*Delivery // made and not sent
	sent     []*Delivery
	faults   []*Fault
	limits   map[string]*limit
	revoked  []string
	calls    map[string]int
	blank    map[string]bool // events whose payloads are not told
	stuck    map[string]bool // events whose deliveries are not told
	cap      int             // of a payload, in bytes
	forms    map[string]doc  // manifests that a browser has posted, by code
	grants   map[string]grant
	person   *Account // who sits at the browsers
	watch    func(id string, status int, answer []byte)
	random   *rand.Rand
}

// New starts a GitHub for a test, which is skipped where the description is missing. It
// ends with the test.
func New(t testing.TB, o Options) *GitHub {
	t.Helper()
	profile, prefix := "api.github.com", ""
	if o.Enterprise {
		profile, prefix = "ghes-3.19", "/api/v3"
	}
	if o.Report == nil {
		o.Report = func(why string) { t.Errorf("not as GitHub describes: %s", why) }
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	g := &GitHub{
		options: o, prefix: prefix, spec: openapi.Load(t, profile, operations(o.Enterprise), payloads(o.Enterprise)),
		accounts: map[string]*Account{}, tokens: map[string]*token{}, limits: map[string]*limit{}, calls: map[string]int{}, blank: map[string]bool{}, stuck: map[string]bool{}, forms: map[string]doc{}, grants: map[string]grant{}, cap: maxPayload,
		last: 1000, random: rand.New(rand.NewPCG(1, 2)), // the same test sees the same ids and the same weather
	}
	var err error
	g.git, err = gitserve.New(gitserve.Options{Root: t.TempDir(), Allow: g.allow, Update: g.update, Received: g.received})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(g.git.Close)
	web := httptest.NewServer(g)
	t.Cleanup(web.Close)
	g.URL, g.API = web.URL, web.URL+prefix
	return g
}

// ServeHTTP serves git, the page that takes manifests, the web flow of OAuth, and below the prefix the operations of the description.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if gitserve.Serves(r) {
		g.git.ServeHTTP(w, r)
		return
	}
	if g.web(w, r) || g.oauth(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), g.prefix)
	if !ok {
		g.options.Report("no route for " + r.Method + " " + r.URL.Path)
		http.NotFound(w, r)
		return
	}
	g.serve(w, r, path)
}

// id is a number that nothing else has.
func (g *GitHub) id() int64 {
	g.last++
	return g.last
}

// now is the time as GitHub writes it.
func (g *GitHub) now() string { return stamp(g.options.Clock()) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Calls counts the calls of an operation, answered or not: checks/create.
func (g *GitHub) Calls(operation string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[operation]
}
