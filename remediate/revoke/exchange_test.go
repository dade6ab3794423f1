package revoke

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// What speaks through Exchange and Call is held to the hosts and addresses that
// providers are held to.
func TestExchangeAsksNobodyElse(t *testing.T) {
	dialled := ""
	watch := &Client{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = address
		return nil, net.ErrClosed
	}}
	for address, host := range map[string]string{
		"http://vault.example.com/": "vault.example.com", "https://vault.example.com/": "other.example.com",
		"https://vault.example.com@other.example.com/": "vault.example.com", "https://vault.example.com:8200/": "vault.example.com",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Exchange(req, host); err == nil || dialled != "" {
			t.Errorf("%s for %s: %v, dialled %q", address, host, err, dialled)
		}
	}
	for _, host := range []string{"169.254.169.254", "127.0.0.1:1", "[::ffff:169.254.169.254]", "10.0.0.1", "100.100.100.200"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&Client{}).Exchange(req, host); err == nil || !strings.Contains(err.Error(), "not a public address") {
			t.Errorf("%s: %v", host, err)
		}
	}
	values := map[string]secret.Secret{"host": secret.New("elsewhere.example"), "token": secret.New("a-word-of-somebody")}
	_, err := watch.Call(t.Context(), "issuer", []string{"api.example.com"}, Request{Method: "GET", URL: "https://{{host}}/{{token}}"}, values)
	if err == nil || dialled != "" || strings.Contains(err.Error(), "a-word-of-somebody") {
		t.Errorf("%v, dialled %q", err, dialled)
	}
}
