package stores

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/leakgate/leakgate/internal/secret"
)

// googleKey signs in with the key file of a service account:
// https://developers.google.com/identity/protocols/oauth2/service-account
func googleKey(s setup, file secret.Secret) (func(*http.Request, []byte) error, error) {
	var key struct {
		Email string `json:"client_email"`
		ID    string `json:"private_key_id"`
		Key   text   `json:"private_key"`
	}
	if json.Unmarshal([]byte(file.Reveal()), &key) != nil || key.Email == "" {
		return nil, errors.New("credentials.key is no key file of a service account")
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(key.Key.Reveal())) // it signs, and leaves nothing
	if err != nil {
		return nil, errors.New("credentials.key: its private_key does not parse")
	}
	claim := func() (url.Values, error) {
		now := s.now()
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": key.Email, "scope": "https://www.googleapis.com/auth/cloud-platform", "aud": "https://oauth2.googleapis.com/token",
			"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		})
		token.Header["kid"] = key.ID
		assertion, err := token.SignedString(private)
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}, err
	}
	return (&session{door: door{client: s.client, host: "oauth2.googleapis.com"}, path: "/token", claim: claim, now: s.now}).dress, nil
}

// session signs in with an access token that it gets for a claim, and keeps
// until shortly before it ends.
type session struct {
	door
	path  string
	claim func() (url.Values, error)
	now   func() time.Time
	token secret.Secret
	until time.Time
}

func (s *session) dress(req *http.Request, _ []byte) error {
	if !s.now().Before(s.until) {
		if err := s.open(req); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
	}
	return bearer(s.token)(req, nil)
}

func (s *session) open(req *http.Request) error {
	form, err := s.claim()
	if err != nil {
		return err
	}
	ask, err := http.NewRequestWithContext(req.Context(), http.MethodPost, "https://"+s.host+s.path, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("the address does not parse")
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask.Header.Set("Accept", "application/json")
	said, err := s.client.Exchange(ask, s.host)
	if err != nil {
		return err
	}
	var got struct {
		Token text        `json:"access_token"`
		Lives json.Number `json:"expires_in"`
	}
	a := answer{said.Status, said.Body}
	if said.Status != http.StatusOK || a.into(&got) != nil || got.Token.IsZero() {
		return denied(fmt.Sprintf("%s gave no token (status %d)", s.host, said.Status))
	}
	seconds, _ := got.Lives.Int64() // nonsense is a token for one call
	s.token, s.until = got.Token.Secret, s.now().Add(time.Duration(seconds)*time.Second-time.Minute)
	return nil
}
