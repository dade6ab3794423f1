// Package hub speaks to GitHub as a GitHub App: it signs for the App, opens sessions
// whose token reaches one repository and no more than a job needs, keeps to GitHub's
// limits, and writes what people see in such a way that writing twice changes nothing.
// It judges nothing and scans nothing.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v89/github"
)

// Options are what an App needs. ID, Key and Server have no default.
type Options struct {
	ID     int64
	Key    Key
	Server Server
	// Transport carries the requests; by default one of its own with deadlines.
	Transport http.RoundTripper
	Now       func() time.Time // by default time.Now
	// Wait waits for so long, or until the context ends; by default in real time.
	Wait    func(context.Context, time.Duration) error
	Version string // of leakgate, for the user agent
	// Unlimited sends requests as they come: a GitHub Enterprise Server has no limits
	// unless its administrator sets some. What GitHub says of limits is kept to anyway.
	Unlimited bool
	Log       *slog.Logger // nil: nobody is told that an older key had to do
}

// App is a registered GitHub App. Its methods may be called at the same time.
type App struct {
	ID     int64
	Server Server

	base   http.RoundTripper
	now    func() time.Time
	wait   func(context.Context, time.Duration) error
	agent  string
	skew   *skew
	client *github.Client // as the App itself, by its JWT
	free   bool           // of our own limits

	mu     sync.Mutex
	meters map[int64]*meter // of each installation; 0 is the App itself
}

// New makes an App without asking GitHub anything.
func New(o Options) (*App, error) {
	switch {
	case o.ID <= 0:
		return nil, fmt.Errorf("the id of the App is missing: it is on the App's settings page")
	case o.Key == nil:
		return nil, fmt.Errorf("the private key of the App is missing")
	case o.Server.API == "":
		return nil, fmt.Errorf("the address of GitHub is missing")
	}
	a := &App{ID: o.ID, Server: o.Server, base: o.Transport, now: o.Now, wait: o.Wait, agent: "leakgate-app/" + o.Version, free: o.Unlimited, meters: map[int64]*meter{}}
	if a.base == nil {
		a.base = transport()
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.wait == nil {
		a.wait = pause
	}
	a.skew = &skew{now: a.now}
	ring := ringOf(o.Key, o.Log)
	signed, err := ghinstallation.NewAppsTransportWithOptions(a.base, o.ID, ghinstallation.WithSigner(signer{ring, a.skew}))
	if err != nil {
		return nil, err
	}
	a.client, err = a.newClient(a.meter(0), rekey{resign{signed, a.skew}, ring})
	return a, err
}

// transport has a deadline for each part of a request.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.MaxIdleConnsPerHost = 8
	return t
}

// requestTimeout is for one request with its answer: an upload of SARIF is the longest.
const requestTimeout = 2 * time.Minute

// newClient is a client whose requests pass a meter and reach the API of the server only.
func (a *App) newClient(m *meter, rt http.RoundTripper) (*github.Client, error) {
	base := a.Server.API
	return github.NewClient(
		github.WithURLs(&base, &base), github.WithTransport(metered{m, fenced{a.Server.host(), rt}}), github.WithTimeout(requestTimeout),
		github.WithUserAgent(a.agent), github.WithDisableRateLimitCheck(), // the meter does that, for all clients of an installation
	)
}

func (a *App) meter(installation int64) *meter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.meters[installation] == nil {
		a.meters[installation] = newMeter(a.now)
		a.meters[installation].free = a.free
	}
	return a.meters[installation]
}

// errElsewhere: an address of GitHub that is not GitHub's.
var errElsewhere = errors.New("GitHub sent us to another host")

// fenced keeps credentials on the host they are for, wherever a redirect points.
type fenced struct {
	host string
	next http.RoundTripper
}

func (f fenced) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != f.host {
		return nil, fmt.Errorf("%w: not %s", errElsewhere, f.host)
	}
	return f.next.RoundTrip(r)
}
