package dashboard

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
)

// loginLives is how long somebody may take at GitHub: as long as its codes live.
const loginLives = 10 * time.Minute

// ours are the pages to which a sign-in may lead back. Everything else is the first page.
var ours = regexp.MustCompile(`^/(?:health|incidents/INC-[A-Z0-9]{1,40})?$`)

func local(path string) string {
	if ours.MatchString(path) {
		return path
	}
	return "/"
}

// welcome asks somebody to sign in.
func (s *server) welcome(w http.ResponseWriter, status int, next, note string) {
	s.alone(w, status, "welcome", "Sign in", struct{ Next, Note, Host string }{local(next), note, s.host()})
}

// host is GitHub's, as people call it.
func (s *server) host() string {
	return strings.Trim(strings.TrimPrefix(s.users.Server.Web, "https://"), "/")
}

// alone answers with a page for nobody in particular.
func (s *server) alone(w http.ResponseWriter, status int, page, title string, body any) {
	var out bytes.Buffer
	if err := render(&out, page, frame{Title: title, Body: body}); err != nil {
		s.answer(w, err)
		return
	}
	write(w, status, out.Bytes())
}

// login sends somebody to GitHub. What ties his return to this browser is a cookie; state
// and the verifier of PKCE follow from it under the installation's key. A form begins it,
// which no other site can send, and a page that refreshes itself leads on: a redirect
// would still be the form's, and Chromium holds every further one, as a GitHub Enterprise
// Server's to its identity provider, against form-action.
// https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/form-action
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	next := local(r.PostFormValue("next"))
	value := strings.Join([]string{strconv.FormatInt(s.Now().Unix(), 10), rand.Text() + rand.Text(), base64.RawURLEncoding.EncodeToString([]byte(next))}, ".")
	setCookie(w, loginCookie, value, loginLives)
	sum := sha256.Sum256([]byte(s.of(value, "verifier")))
	address := s.users.Authorize(s.of(value, "state"), base64.RawURLEncoding.EncodeToString(sum[:]))
	w.Header().Set("Refresh", "0; url="+address)
	s.alone(w, http.StatusOK, "away", "Sign in", struct{ Address, Host string }{address, s.host()})
}

// of is what follows from the cookie of a sign-in for one purpose.
func (s *server) of(value, purpose string) string {
	sum := s.Key.HMAC("dashboard "+purpose, secret.New(value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// began reads the cookie of a sign-in that began here, in this browser, and not long ago.
func (s *server) began(r *http.Request) (value, next string, ok bool) {
	c, err := r.Cookie(loginCookie)
	if err != nil || !hmac.Equal([]byte(r.URL.Query().Get("state")), []byte(s.of(c.Value, "state"))) {
		return "", "", false
	}
	parts := strings.Split(c.Value, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	if age := s.Now().Sub(time.Unix(at, 0)); err != nil || age < -time.Minute || age > loginLives {
		return "", "", false
	}
	path, err := base64.RawURLEncoding.DecodeString(parts[2])
	return c.Value, local(string(path)), err == nil
}

// codePattern is what a code is made of.
var codePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// callback takes somebody back from GitHub. Whatever session his browser had ends, so that
// nobody else's is used on.
func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("code") && !q.Has("error") { // a bookmark
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	value, next, ok := s.began(r)
	if !ok {
		fail(w, http.StatusForbidden)
		return
	}
	setCookie(w, loginCookie, "", 0)
	code := q.Get("code")
	if q.Has("error") || !codePattern.MatchString(code) {
		s.welcome(w, http.StatusUnauthorized, next, "GitHub did not sign you in: you, or it, said no.")
		return
	}
	s.admit(w, r, code, s.of(value, "verifier"), next)
}

// admit asks GitHub who came back with a code, as often as that may be asked, and lets
// him in.
func (s *server) admit(w http.ResponseWriter, r *http.Request, code, verifier, next string) {
	network := s.network(r)
	if wait := s.signIns.take(network, s.Now()); wait > 0 {
		s.Log.Debug("a sign-in has to wait", "for", wait)
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		fail(w, http.StatusTooManyRequests)
		return
	}
	g, err := s.users.Exchange(r.Context(), code, verifier)
	if err != nil {
		if !errors.Is(err, hub.ErrSignedOut) {
			s.signIns.excuse(network, s.Now())
		}
		s.Log.Warn("somebody was not signed in", "error", err)
		fail(w, http.StatusBadGateway)
		return
	}
	who, err := s.users.Person(r.Context(), g.Token)
	if err == nil {
		s.signIns.person(network, who.ID, s.Now())
		s.leave(w, r)
		err = s.begin(r.Context(), w, who, g)
	}
	if err != nil {
		s.Log.Warn("somebody was not signed in", "error", err, "revoked", s.users.Revoke(context.WithoutCancel(r.Context()), g.Token) == nil)
		fail(w, http.StatusBadGateway)
		return
	}
	s.Log.Info("somebody signed in", "login", who.Login, "account", who.ID)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	s.leave(w, r)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// again reads anew what somebody may read.
func (s *server) again(w http.ResponseWriter, r *http.Request, v viewer) error {
	s.access.forget(v.session.ID)
	http.Redirect(w, r, local(r.PostFormValue("next")), http.StatusSeeOther)
	return nil
}
