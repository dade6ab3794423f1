package vaultdb

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

const lease = "database/creds/app/abc"

// vault answers every call alike and notes what it was asked.
func vault(t *testing.T, status int, body string) (Engine, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+string(text))
		if r.Header.Get("X-Vault-Token") != "the-token" {
			t.Error("asked without the token")
		}
		w.Header().Set("Location", "https://elsewhere.test/")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return Engine{Address: server.URL, Token: secret.New("the-token"), HTTP: server.Client()}, &asked
}

func TestALeaseIsGoneOnlyWhenVaultSaysSo(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		exists bool
		known  bool
	}{
		{200, `{"data":{"id":"` + lease + `","expire_time":"2026-03-01T12:00:00Z"}}`, true, true},
		{400, `{"errors":["invalid lease"]}`, false, true},
		{400, `{"errors":["missing client token"]}`, false, false},
		{400, ``, false, false},
		{200, `{"data":{"id":"database/creds/app/other"}}`, false, false},
		{200, `<html>login</html>`, false, false},
		{302, ``, false, false},
		{403, `{"errors":["permission denied"]}`, false, false},
		{404, `{"errors":[]}`, false, false},
		{503, `{"errors":["Vault is sealed"]}`, false, false},
	} {
		e, _ := vault(t, c.status, c.body)
		exists, _, err := e.Lease(t.Context(), lease)
		if exists != c.exists || (err == nil) != c.known {
			t.Errorf("%d %s: %v, %v", c.status, c.body, exists, err)
		}
	}
}

func TestOnlyADocumentedAnswerIsDone(t *testing.T) {
	for status, done := range map[int]bool{204: true, 200: true, 302: false, 400: false, 403: false, 404: false, 429: false, 500: false} {
		e, asked := vault(t, status, "")
		for _, do := range []func() error{
			func() error { return e.RevokeLease(t.Context(), lease) },
			func() error { return e.RotateRole(t.Context(), "nightly") },
			func() error { return e.RotateRoot(t.Context(), "shop") },
		} {
			err := do()
			if (err == nil) != done || status == 403 != errors.Is(err, ErrRefused) {
				t.Errorf("%d: %v", status, err)
			}
		}
		want := `POST /v1/sys/leases/revoke {"lease_id":"` + lease + `","sync":true}, POST /v1/database/rotate-role/nightly {}, POST /v1/database/rotate-root/shop {}`
		if got := strings.Join(*asked, ", "); got != want {
			t.Errorf("asked %s", got)
		}
	}
}

func TestErrorsHoldNoPassword(t *testing.T) {
	value := strings.Repeat("v", 14)
	for _, body := range []string{`{"data":{"username":"a","password":"` + value + `"}}`, `{"data":{"password":"` + value, value} {
		e, _ := vault(t, 200, body)
		if _, _, _, err := e.Static(t.Context(), "nightly"); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%v", err)
		}
	}
}

func TestNamesThatLeaveTheirPlaceAreRefused(t *testing.T) {
	e, asked := vault(t, 204, "")
	for _, name := range []string{"", "..", "a/b", "../config/shop", "a?b", "-a", "a b"} {
		for _, what := range []string{RevokeLease, RotateRole, RotateRoot, "drop"} {
			if _, err := e.Ending(what, name); err == nil {
				t.Errorf("%s of %q is taken", what, name)
			}
		}
	}
	if len(*asked) > 0 {
		t.Errorf("asked %v", *asked)
	}
}
