package dashboard

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

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
	var out bytes.Buffer
	body := struct{ Next, Note, Host string }{local(next), note, strings.Trim(strings.TrimPrefix(s.users.Server.Web, "https://"), "/")}
	if err := render(&out, "welcome", frame{Title: "Sign in", Body: body}); err != nil {
		s.answer(w, err)
		return
	}
	write(w, status, out.Bytes())
}

// login sends somebody to GitHub. What ties his return to this browser is a cookie; state
// and the verifier of PKCE follow from it under the installation's key.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	next := local(r.PostFormValue("next"))
	value := strings.Join([]string{strconv.FormatInt(s.Now().Unix(), 10), rand.Text() + rand.Text(), base64.RawURLEncoding.EncodeToString([]byte(next))}, ".")
	setCookie(w, loginCookie, value, loginLives)
	sum := sha256.Sum256([]byte(s.of(value, "verifier")))
	http.Redirect(w, r, s.users.Authorize(s.of(value, "state"), base64.RawURLEncoding.EncodeToString(sum[:])), http.StatusSeeOther)
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
	if !s.logins.AllowN(s.Now(), 1) {
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusTooManyRequests)
		return
	}
	g, err := s.users.Exchange(r.Context(), code, s.of(value, "verifier"))
	if err != nil {
		s.Log.Warn("somebody was not signed in", "error", err)
		fail(w, http.StatusBadGateway)
		return
	}
	who, err := s.users.Person(r.Context(), g.Token)
	if err == nil {
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
