package dashboard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// The cookies. Browsers take a name with __Host- for this host alone, by https alone.
// https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
const (
	sessionCookie = "__Host-leakgate"
	loginCookie   = "__Host-leakgate-login"
)

// sessionLives is how long somebody stays signed in: as long as his token, which GitHub
// ends after eight hours.
const sessionLives = 8 * time.Hour

func setCookie(w http.ResponseWriter, name, value string, lives time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(lives.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// sessionID is by what the database knows the session of a cookie.
func (s *server) sessionID(cookie string) string {
	sum := s.Key.HMAC("dashboard session", secret.New(cookie))
	return hex.EncodeToString(sum[:])
}

// box seals what belongs to a cookie: it takes the installation's key and the cookie to
// open it, so that the database and the key together do not.
func (s *server) box(cookie string) (cipher.AEAD, error) {
	key := s.Key.HMAC("dashboard token", secret.New(cookie))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// begin keeps a session and gives it to the browser under a new name.
func (s *server) begin(ctx context.Context, w http.ResponseWriter, who hub.Person, g hub.Grant) error {
	cookie := rand.Text() + rand.Text()
	id := s.sessionID(cookie)
	box, err := s.box(cookie)
	if err != nil {
		return err
	}
	lives := sessionLives
	if g.Lives > 0 {
		lives = min(lives, g.Lives)
	}
	sealed := box.Seal(nil, nil, []byte(g.Token.Reveal()), []byte(id)) // to be sealed
	kept := store.Session{ID: id, Account: who.ID, Login: who.Login, Token: base64.StdEncoding.EncodeToString(sealed), Ends: s.Now().Add(lives)}
	if err := s.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepSession(ctx, kept) }); err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	setCookie(w, sessionCookie, cookie, lives)
	return nil
}

// session is that of a request, with its token. None is [store.ErrNotFound].
func (s *server) session(r *http.Request) (store.Session, secret.Secret, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil || c.Value == "" {
		return store.Session{}, secret.Secret{}, store.ErrNotFound
	}
	var kept store.Session
	err = s.Store.View(r.Context(), func(t *store.Tx) (err error) { kept, err = t.Session(r.Context(), s.sessionID(c.Value)); return err })
	if err != nil {
		return kept, secret.Secret{}, err
	}
	token, err := s.unseal(c.Value, kept)
	return kept, token, err
}

var errSealed = errors.New("a session was not sealed by this installation")

func (s *server) unseal(cookie string, kept store.Session) (secret.Secret, error) {
	sealed, err := base64.StdEncoding.DecodeString(kept.Token)
	if err != nil {
		return secret.Secret{}, errSealed
	}
	box, err := s.box(cookie)
	if err != nil {
		return secret.Secret{}, err
	}
	token, err := box.Open(nil, nil, sealed, []byte(kept.ID))
	if err != nil {
		return secret.Secret{}, errSealed
	}
	return secret.New(string(token)), nil
}

// end forgets a session here.
func (s *server) end(ctx context.Context, w http.ResponseWriter, id string) {
	s.access.forget(id)
	setCookie(w, sessionCookie, "", 0)
	if err := s.Store.Tx(ctx, func(t *store.Tx) error { return t.EndSession(ctx, id) }); err != nil {
		s.Log.Error("a session could not be ended", "error", err)
	}
}

// leave ends the session of a request here and its token at GitHub.
func (s *server) leave(w http.ResponseWriter, r *http.Request) {
	kept, token, err := s.session(r)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := r.Cookie(sessionCookie); err == nil {
			setCookie(w, sessionCookie, "", 0)
		}
		return
	}
	ctx := context.WithoutCancel(r.Context()) // also for who does not wait
	s.end(ctx, w, kept.ID)
	if err != nil {
		s.Log.Error("a session could not be read", "error", err)
		return
	}
	if err := s.users.Revoke(ctx, token); err != nil {
		s.Log.Warn("a token lives on until it ends by itself", "login", kept.Login, "error", err)
	}
}
