package ghfake

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gittest"
)

// world is a GitHub with one organisation, one repository, three people and one app
// that may do everything, all asked through the clients that products use.
type world struct {
	*GitHub
	t         *testing.T
	ctx       context.Context
	app       *App
	installed *Installation
	repo      *Repo
	local     *gittest.Repo

	asApp, bot, ada, bob, eve, nobody *github.Client

	mu       sync.Mutex
	received []*http.Request // deliveries, with their bodies in received bodies
	bodies   [][]byte
	status   int
	reports  []string
}

var everything = map[string]string{
	"metadata": "read", "contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write",
	"administration": "write", "actions": "read", "security_events": "write", "secret_scanning_alerts": "write", "organization_administration": "write",
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), status: http.StatusAccepted}
	w.GitHub = New(t, o)
	hook := httptest.NewServer(http.HandlerFunc(w.hear))
	t.Cleanup(hook.Close)
	w.Org("acme")
	for _, login := range []string{"ada", "bob", "eve"} {
		w.User(login)
	}
	var err error
	w.app, err = w.App("leakgate", hook.URL, everything, "push", "pull_request", "pull_request_review", "issue_comment", "check_run", "secret_scanning_alert")
	w.must(err)
	w.repo, err = w.Repository("acme/app", true)
	w.must(err)
	w.Collaborator(w.repo, "ada", "admin")
	w.Collaborator(w.repo, "bob", "write")
	w.installed = w.Install(w.app, "acme")
	w.asApp, w.bot, w.nobody = w.client(w.appTransport()), w.client(w.transport(w.app, w.installed)), w.client(nil)
	w.ada, w.bob, w.eve = w.user("ada"), w.user("bob"), w.user("eve")
	w.local = gittest.New(t)
	w.local.File("a.txt", "one\ntwo\nthree\n")
	w.local.Git("remote", "add", "origin", w.remote("ada"))
	w.push("main")
	return w
}

// remote is the clone URL with a user's token.
func (w *world) remote(login string) string {
	return strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+w.PAT(login)+"@", 1)
}

func (w *world) push(args ...string) {
	w.t.Helper()
	w.local.Git(append([]string{"push", "-q", "origin"}, args...)...)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) appTransport() *ghinstallation.AppsTransport {
	tr, err := ghinstallation.NewAppsTransport(http.DefaultTransport, w.app.ID, w.app.Key)
	w.must(err)
	tr.BaseURL = w.API
	return tr
}

func (w *world) transport(app *App, i *Installation) *ghinstallation.Transport {
	tr, err := ghinstallation.New(http.DefaultTransport, app.ID, i.ID, app.Key)
	w.must(err)
	tr.BaseURL = w.API
	return tr
}

func (w *world) client(tr http.RoundTripper) *github.Client {
	base := w.API + "/"
	options := []github.ClientOptionsFunc{github.WithURLs(&base, &base)}
	if tr != nil {
		options = append(options, github.WithTransport(tr))
	}
	c, err := github.NewClient(options...)
	w.must(err)
	return c
}

func (w *world) user(login string) *github.Client {
	base := w.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT(login)))
	w.must(err)
	return c
}

// pull pushes a branch with one commit and opens a pull request as bob.
func (w *world) pull(branch string) *github.PullRequest {
	w.t.Helper()
	w.local.Git("checkout", "-q", "-B", branch, "main")
	w.local.File(branch+".txt", "new\n")
	w.push(branch)
	p, _, err := w.bob.PullRequests.Create(w.ctx, "acme", "app", &github.NewPullRequest{
		Title: github.Ptr("Add " + branch), Head: github.Ptr(branch), Base: github.Ptr("main"), Body: github.Ptr("please"),
	})
	w.must(err)
	return p
}

// hear is the app's webhook: it keeps what comes, and answers with status.
func (w *world) hear(out http.ResponseWriter, r *http.Request) {
	body, err := github.ValidatePayload(r, []byte(w.app.WebhookSecret))
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.reports = append(w.reports, err.Error())
		out.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.received, w.bodies = append(w.received, r), append(w.bodies, body)
	out.WriteHeader(w.status)
}

// events parses what was heard with the client's types, as EVENT or EVENT.ACTION.
func (w *world) events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for i, r := range w.received {
		event, err := github.ParseWebHook(r.Header.Get("X-GitHub-Event"), w.bodies[i])
		if err != nil {
			w.t.Errorf("the client does not parse %s: %v", r.Header.Get("X-GitHub-Event"), err)
		}
		name := r.Header.Get("X-GitHub-Event")
		if a, ok := event.(interface{ GetAction() string }); ok && a.GetAction() != "" {
			name += "." + a.GetAction()
		}
		out = append(out, name)
	}
	return out
}

// refused holds an error against the status and text that GitHub sends.
func refused(t *testing.T, err error, status int, text string) {
	t.Helper()
	var response *github.ErrorResponse
	if !asError(err, &response) || response.Response.StatusCode != status || !strings.Contains(err.Error(), text) {
		t.Errorf("want %d with %q, got %v", status, text, err)
	}
}

// clock is the time, moved by a test. It goes on, as clients sign by the real one.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) time() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return time.Now().Add(c.ahead) }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.ahead += d }
