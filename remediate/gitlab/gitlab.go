// Package gitlab is the server side of GitLab's Token Revocation API, which a
// self-managed GitLab calls when its secret detection finds a token. It takes
// tokens in and hands them over; it does not know how they are revoked.
//
// https://docs.gitlab.com/development/sec/token_revocation_api/
package gitlab

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/leakgate/leakgate/internal/secret"
)

// Token is one leaked token as GitLab reports it.
type Token struct {
	Rule     string // id of the rule that found it
	Value    secret.Secret
	Location string // where GitLab shows it
}

// Taker takes leaked tokens in. The same ones may come again and again, and must
// then change nothing. An error means that they were not taken, and come again.
type Taker interface {
	Take(context.Context, []Token) error
}

// ErrFull says that there is no room now.
var ErrFull = errors.New("too many tokens are waiting")

// Server answers GitLab. Its zero value refuses everybody.
type Server struct {
	Secret secret.Secret // that GitLab sends as Authorization
	Rules  []string      // whose tokens are taken
	Taker  Taker
	Limit  *rate.Limiter // of requests; nil: 10 a second
}

const (
	typePrefix = "gitleaks_rule_id_"
	maxBody    = 1 << 20 // bytes
	maxTokens  = 1000    // of one request
	takeTime   = 20 * time.Second
)

// Handler routes the API's two paths.
func (s *Server) Handler() http.Handler {
	if s.Limit == nil {
		s.Limit = rate.NewLimiter(10, 20)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/revocable_token_types", s.types)
	mux.HandleFunc("POST /v1/revoke_tokens", s.revoke)
	return s.guard(mux)
}

// guard lets in who knows the secret, as often as the limit says.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.knows(r.Header.Get("Authorization")) {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		if !s.Limit.Allow() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knows compares in time that says nothing. GitLab sends the secret as it is.
func (s *Server) knows(given string) bool {
	return !s.Secret.IsZero() && subtle.ConstantTimeCompare([]byte(given), []byte(s.Secret.Reveal())) == 1 // the server's own secret
}

func (s *Server) types(w http.ResponseWriter, _ *http.Request) {
	all := make([]string, 0, len(s.Rules))
	for _, rule := range s.Rules {
		all = append(all, typePrefix+rule)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]string{"types": all}) // whoever hung up needs no answer
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	tokens, err := s.read(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), takeTime)
	defer cancel()
	switch err := s.Taker.Take(ctx, tokens); {
	case errors.Is(err, ErrFull):
		w.Header().Set("Retry-After", "30")
		http.Error(w, ErrFull.Error(), http.StatusTooManyRequests)
	case err != nil:
		http.Error(w, "the tokens were not taken: send them again", http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// ended reports whether nothing follows.
func ended(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

// read decodes the tokens of a request. Tokens of rules that are not taken are
// left out, as GitLab may know more than was asked for. No error quotes what came.
func (s *Server) read(body interface{ Read([]byte) (int, error) }) ([]Token, error) {
	var sent []struct {
		Type     string `json:"type"`
		Token    string `json:"token"`
		Location string `json:"location"`
	}
	d := json.NewDecoder(body)
	if d.Decode(&sent) != nil || !ended(d) {
		return nil, errors.New(`the body is not a list of {"type", "token", "location"}, or is too large`)
	}
	if len(sent) == 0 || len(sent) > maxTokens {
		return nil, errors.New("a request brings 1 to 1000 tokens")
	}
	var out []Token
	for _, t := range sent {
		rule, ok := strings.CutPrefix(t.Type, typePrefix)
		if !ok || t.Token == "" {
			return nil, errors.New("a token lacks its value, or its type does not begin with " + typePrefix)
		}
		for _, known := range s.Rules {
			if rule == known {
				out = append(out, Token{rule, secret.New(t.Token), t.Location})
			}
		}
	}
	return out, nil
}
