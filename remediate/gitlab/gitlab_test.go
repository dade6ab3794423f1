package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"github.com/leakgate/leakgate/internal/secret"
)

type taker struct {
	taken [][]Token
	err   error
}

func (t *taker) Take(_ context.Context, tokens []Token) error {
	t.taken = append(t.taken, tokens)
	return t.err
}

const word = "the shared word"

func ask(t *testing.T, s *Server, method, path, authorization, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "the-leaked-value") {
		t.Error("the answer shows the value")
	}
	return w
}

func server(t *taker) *Server {
	return &Server{Secret: secret.New(word), Rules: []string{"gitlab-pat", "slack-bot-token"}, Taker: t}
}

const one = `[{"type":"gitleaks_rule_id_gitlab-pat","token":"the-leaked-value","location":"https://gitlab.example.com/a/b/-/blob/1/c"}]`

func TestTheContract(t *testing.T) {
	types := ask(t, server(nil), "GET", "/v1/revocable_token_types", word, "")
	if types.Code != http.StatusOK || strings.TrimSpace(types.Body.String()) != `{"types":["gitleaks_rule_id_gitlab-pat","gitleaks_rule_id_slack-bot-token"]}` {
		t.Errorf("%d %s", types.Code, types.Body)
	}
	k := &taker{}
	for range 2 {
		if got := ask(t, server(k), "POST", "/v1/revoke_tokens", word, one); got.Code != http.StatusNoContent || got.Body.Len() > 0 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	if len(k.taken) != 2 || k.taken[0][0].Rule != "gitlab-pat" || k.taken[0][0].Value.Reveal() != "the-leaked-value" || !strings.HasSuffix(k.taken[0][0].Location, "/c") {
		t.Errorf("taken: %v", k.taken)
	}
}

func TestWhoMayNotAndWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, authorization, body string
		want                              int
	}{
		"no word":        {"POST", "/v1/revoke_tokens", "", one, 401},
		"another word":   {"POST", "/v1/revoke_tokens", word + "s", one, 401},
		"types, no word": {"GET", "/v1/revocable_token_types", "", "", 401},
		"no list":        {"POST", "/v1/revoke_tokens", word, `{"type":"x"}`, 400},
		"no JSON":        {"POST", "/v1/revoke_tokens", word, `the-leaked-value`, 400},
		"more behind":    {"POST", "/v1/revoke_tokens", word, one + one, 400},
		"a bracket more": {"POST", "/v1/revoke_tokens", word, one + "]", 400},
		"an empty list":  {"POST", "/v1/revoke_tokens", word, `[]`, 400},
		"no value":       {"POST", "/v1/revoke_tokens", word, `[{"type":"gitleaks_rule_id_gitlab-pat","token":""}]`, 400},
		"another type":   {"POST", "/v1/revoke_tokens", word, `[{"type":"the-leaked-value","token":"x"}]`, 400},
		"too many":       {"POST", "/v1/revoke_tokens", word, "[" + strings.Repeat(one[1:len(one)-1]+",", maxTokens) + one[1:], 400},
		"too large":      {"POST", "/v1/revoke_tokens", word, `[{"type":"gitleaks_rule_id_gitlab-pat","token":"` + strings.Repeat("x", maxBody) + `"}]`, 400},
		"another path":   {"GET", "/", word, "", 404},
		"another method": {"DELETE", "/v1/revoke_tokens", word, "", 405},
	} {
		k := &taker{}
		if got := ask(t, server(k), c.method, c.path, c.authorization, c.body); got.Code != c.want {
			t.Errorf("%s: %d %s, want %d", name, got.Code, got.Body, c.want)
		}
		if len(k.taken) > 0 {
			t.Errorf("%s: something was taken", name)
		}
	}
	if got := ask(t, &Server{Taker: &taker{}}, "POST", "/v1/revoke_tokens", "", one); got.Code != 401 {
		t.Errorf("a server without a word let somebody in: %d", got.Code)
	}
}

func TestWhatIsNotTakenComesAgain(t *testing.T) {
	if got := ask(t, server(&taker{err: ErrFull}), "POST", "/v1/revoke_tokens", word, one); got.Code != 429 || got.Header().Get("Retry-After") == "" {
		t.Errorf("full: %d", got.Code)
	}
	if got := ask(t, server(&taker{err: errors.New("the-leaked-value")}), "POST", "/v1/revoke_tokens", word, one); got.Code != 500 {
		t.Errorf("an error: %d", got.Code)
	}
	s := server(&taker{})
	s.Limit = rate.NewLimiter(0, 1)
	ask(t, s, "POST", "/v1/revoke_tokens", word, one)
	if got := ask(t, s, "POST", "/v1/revoke_tokens", word, one); got.Code != 429 {
		t.Errorf("beyond the limit: %d", got.Code)
	}
}
