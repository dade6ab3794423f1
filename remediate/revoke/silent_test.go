package revoke

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// A proxy that asks for a login answers 401 too, and says nothing of the value.
func TestAnAnswerWithoutWordsProvesNoDeath(t *testing.T) {
	for body, want := range map[string]Status{"": Unknown, " \n": Unknown, `{"error":"unauthorized"}`: Dead} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(body))
		}))
		defer server.Close()
		host := server.Listener.Addr().String()
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		c := &Client{Roots: pool, Private: []string{host}}
		defer c.CloseIdleConnections()
		p := &Provider{ID: "p", Hosts: []string{"{{host}}"}, Needs: []Need{{Name: "host", From: "setting"}}, Check: &Check{
			Request: Request{Method: "GET", URL: "https://{{host}}/self"}, Dead: []Answer{{Status: []int{401}, Means: "unknown to it"}}}}
		in := Input{Secret: secret.New(strings.Repeat("x", 20)), Given: map[string]secret.Secret{"host": secret.New(host)}}
		if got := c.Check(t.Context(), p, in); got.Status != want {
			t.Errorf("%q: %s, want %s: %s", body, got.Status, want, got.Why)
		}
	}
}
