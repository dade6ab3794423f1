// Package dashboard shows people the incidents of the repositories that they may read at
// GitHub, what happened in each and what to do next, and how well the App works for them.
// Pages are made by the server and need no script. It changes no incident, opens no sealed
// evidence and holds no value: of the database it reads what [store.Reader] may see.
package dashboard

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// Options of [New]. Only ClientHeader, Budget and Now may be left out.
type Options struct {
	Store *store.Store
	// Users signs people in; its Callback is URL with [CallbackPath].
	Users *hub.Users
	// Key is the installation's: sessions, and the tokens in them, are sealed under it.
	Key secret.Key
	// URL is where people reach the dashboard: https://HOST, without a path.
	URL string
	// ClientHeader is the header in which the proxy before the dashboard says who is
	// connected to it, as X-Forwarded-For; its last address is believed, from whoever
	// connects to us. "" where there is none.
	ClientHeader string
	// Budget is what GitHub last said of the limits of an installation.
	Budget func(installation int64) hub.Budget
	Log    *slog.Logger
	Now    func() time.Time // by default time.Now
}

// CallbackPath is where GitHub sends people back, below the URL.
const CallbackPath = "/login"

// server is the dashboard.
type server struct {
	Options
	users   *hub.Users
	access  accesses
	signIns *limits
}

//go:embed pages style.css icon.svg
var files embed.FS

// ParseURL reads the address of a dashboard: https, a host, nothing else.
func ParseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return "", errors.New("the address of the dashboard is https and a host, as in https://leakgate.example.com")
	}
	return "https://" + u.Host, nil
}

// headerPattern is what names of such headers are made of.
var headerPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)

// New makes the handler of every path of the dashboard.
func New(o Options) (http.Handler, error) {
	address, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Users.ClientID == "" || o.Users.Secret.IsZero() {
		return nil, errors.New("without the App's client id and secret nobody can sign in")
	}
	if o.ClientHeader != "" && (!headerPattern.MatchString(o.ClientHeader) || strings.EqualFold(o.ClientHeader, "Forwarded")) {
		return nil, fmt.Errorf("%q is no header that holds addresses alone, as X-Forwarded-For does", o.ClientHeader)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Budget == nil {
		o.Budget = func(int64) hub.Budget { return hub.Budget{} }
	}
	o.URL = address
	s := &server{Options: o, users: o.Users, signIns: newLimits()}
	s.access.now = o.Now
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.signedIn(s.incidents))
	mux.HandleFunc("GET /incidents/{id}", s.signedIn(s.incident))
	mux.HandleFunc("GET /health", s.signedIn(s.health))
	mux.HandleFunc("GET "+CallbackPath, s.callback)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("POST /access", s.signedIn(s.again))
	mux.HandleFunc("GET "+stylePath, asset("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /icon.svg", asset("icon.svg", "image/svg+xml"))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound) })
	return s.guard(mux)
}

// viewer is who looks at a page.
type viewer struct {
	session store.Session
	access  access
}

// page answers somebody who signed in.
type page func(http.ResponseWriter, *http.Request, viewer) error

// signedIn lets nobody else in, and reads what he may read now.
func (s *server) signedIn(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, token, err := s.session(r)
		if errors.Is(err, store.ErrNotFound) {
			s.welcome(w, http.StatusUnauthorized, r.URL.Path, "")
			return
		}
		var a access
		if err == nil {
			a, err = s.access.of(r.Context(), session.ID, func(ctx context.Context) ([]hub.Readable, error) { return s.users.Readable(ctx, token) })
		}
		if err == nil {
			a, err = s.settled(r.Context(), a)
		}
		if errors.Is(err, hub.ErrSignedOut) {
			s.end(r.Context(), w, session.ID)
			s.welcome(w, http.StatusUnauthorized, r.URL.Path, "GitHub ended your access: you revoked it there, or it ran out.")
			return
		}
		if err != nil {
			s.Log.Warn("what somebody may read is not known", "error", err)
			fail(w, http.StatusServiceUnavailable)
			return
		}
		s.answer(w, p(w, r, viewer{session, a}))
	}
}

// answer says what went wrong, and not more than that.
func (s *server) answer(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
	case errors.Is(err, store.ErrNotFound):
		fail(w, http.StatusNotFound)
	case errors.Is(err, errBadQuery):
		fail(w, http.StatusBadRequest)
	default:
		s.Log.Error("a page could not be made", "error", err)
		fail(w, http.StatusInternalServerError)
	}
}

// errBadQuery: what was asked for makes no sense.
var errBadQuery = errors.New("the query makes no sense")
