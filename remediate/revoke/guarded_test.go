package revoke

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAGuardedClientReachesItsHostsOnly(t *testing.T) {
	asked := map[string]int{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "https://example.com/elsewhere", http.StatusFound)
		case "/long":
			_, _ = io.Copy(w, io.LimitReader(endless{}, maxGuarded+1))
		}
	}))
	defer server.Close()
	c := &Client{Roots: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer c.CloseIdleConnections()
	client := c.Guarded("EXAMPLE.com") // for which the test's certificate is
	for address, ok := range map[string]bool{
		"https://example.com/": true, "http://example.com/plain": false, "https://example.com:8443/port": false, "https://www.example.com/other": false, "https://127.0.0.1/number": false,
	} {
		res, err := client.Get(address)
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			res.Body.Close()
		}
	}
	res, err := client.Get("https://example.com/redirect")
	if err != nil || res.StatusCode != http.StatusFound {
		t.Fatalf("a redirect: %v", err)
	}
	res.Body.Close()
	res, err = client.Get("https://example.com/long")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("an answer without end: %v", err)
	}
	res.Body.Close()
	if asked["/"] != 1 || asked["/redirect"] != 1 || len(asked) != 3 {
		t.Errorf("asked %v", asked)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
