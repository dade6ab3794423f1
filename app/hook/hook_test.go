package hook_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/secret"
)

// inbox keeps what it is given, or fails.
type inbox struct {
	got []hook.Delivery
	err error
}

func (i *inbox) Accept(_ context.Context, d hook.Delivery) error {
	if i.err == nil {
		i.got = append(i.got, d)
	}
	return i.err
}

var older, newer = strings.Repeat("a", 32), strings.Repeat("b", 32)

func handler(t *testing.T, i hook.Inbox, log *strings.Builder) *hook.Handler {
	t.Helper()
	h, err := hook.New(hook.Handler{
		Secrets: []secret.Secret{secret.New(newer), secret.New(older)}, Inbox: i, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func delivery(body, signature string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
	r.Header.Set("X-GitHub-Delivery", "0b0e9c10-0000-11ef-8000-000000000000")
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-Hub-Signature-256", signature)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestOnlyWhatGitHubSignedIsKept(t *testing.T) {
	const body = `{"ref":"refs/heads/main"}`
	good := ghfake.Sign(newer, []byte(body))
	huge := strings.Repeat("x", hook.MaxBody+1)
	chunked := delivery(huge, ghfake.Sign(newer, []byte(huge)))
	chunked.ContentLength = -1
	for name, c := range map[string]struct {
		request *http.Request
		err     error
		status  int
		kept    int
	}{
		"signed":                    {delivery(body, good), nil, 202, 1},
		"signed by the older one":   {delivery(body, ghfake.Sign(older, []byte(body))), nil, 202, 1},
		"forged":                    {delivery(body, ghfake.Sign("another secret of that length", []byte(body))), nil, 401, 0},
		"another body":              {delivery(body+" ", good), nil, 401, 0},
		"no signature":              {delivery(body, ""), nil, 401, 0},
		"half a signature":          {delivery(body, good[:len(good)-2]), nil, 401, 0},
		"no hexadecimal signature":  {delivery(body, "sha256=x"), nil, 401, 0},
		"SHA-1":                     {delivery(body, "", "X-Hub-Signature", fmt.Sprintf("sha1=%x", sha1.Sum([]byte(body)))), nil, 401, 0},
		"no GUID":                   {delivery(body, good, "X-GitHub-Delivery", ""), nil, 400, 0},
		"a GUID that is a path":     {delivery(body, good, "X-GitHub-Delivery", "../x"), nil, 400, 0},
		"an event that is no name":  {delivery(body, good, "X-GitHub-Event", "push\nx"), nil, 400, 0},
		"too large, and says so":    {delivery(huge, ghfake.Sign(newer, []byte(huge))), nil, 413, 0},
		"too large, and says not":   {chunked, nil, 413, 0},
		"a payload without a sense": {delivery(body, good), fmt.Errorf("no: %w", hook.ErrMalformed), 400, 0},
		"a store that is away":      {delivery(body, good), errors.New("connection refused"), 503, 0},
		"no delivery at all":        {httptest.NewRequest(http.MethodGet, "/hook", nil), nil, 405, 0},
	} {
		i, log, w := &inbox{err: c.err}, &strings.Builder{}, httptest.NewRecorder()
		handler(t, i, log).ServeHTTP(w, c.request)
		if w.Code != c.status || len(i.got) != c.kept {
			t.Errorf("%s: %d %s, %d kept; want %d and %d", name, w.Code, strings.TrimSpace(w.Body.String()), len(i.got), c.status, c.kept)
		}
		if strings.Contains(log.String()+w.Body.String(), newer) || strings.Contains(log.String(), good) {
			t.Errorf("%s: a secret or signature is told: %s", name, log)
		}
	}
}

func TestASecretThatKeepsNobodyOutIsRefused(t *testing.T) {
	for _, secrets := range [][]secret.Secret{nil, {secret.New("")}, {secret.New(newer), secret.New("short")}} {
		if _, err := hook.New(hook.Handler{Secrets: secrets, Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%d secrets are taken", len(secrets))
		}
	}
}

// TestWhoClaimsMuchHoldsNobodyUp: large payloads that never come, and one that does.
func TestWhoClaimsMuchHoldsNobodyUp(t *testing.T) {
	i := &inbox{}
	h := handler(t, i, &strings.Builder{})
	var slow sync.WaitGroup
	defer slow.Wait()
	for range 8 {
		from, to := io.Pipe()
		defer to.Close()
		r := delivery("", "sha256=00")
		r.Body, r.ContentLength = from, hook.MaxBody
		slow.Go(func() { h.ServeHTTP(httptest.NewRecorder(), r) })
		if _, err := to.Write([]byte("{")); err != nil { // it is being read
			t.Fatal(err)
		}
	}
	const body = `{"ref":"refs/heads/main"}`
	w := httptest.NewRecorder()
	h.ServeHTTP(w, delivery(body, ghfake.Sign(newer, []byte(body))))
	if w.Code != http.StatusAccepted || len(i.got) != 1 {
		t.Errorf("%d, %d kept", w.Code, len(i.got))
	}
	all := strings.Repeat(" ", hook.MaxBody-len(body)) + body
	w = httptest.NewRecorder()
	h.ServeHTTP(w, delivery(all, ghfake.Sign(newer, []byte(all))))
	if w.Code != http.StatusAccepted || len(i.got) != 2 || string(i.got[1].Body) != all {
		t.Errorf("the largest: %d, %d kept", w.Code, len(i.got))
	}
}
