package revoke

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/leakgate/leakgate/internal/secret"
)

func TestOnlyPublicAddressesAreConnectedTo(t *testing.T) {
	for _, c := range []struct {
		address string
		own, ok bool
	}{
		{"93.184.215.14:443", false, true},
		{"[2606:2800:220:1::1]:443", false, true},
		{"127.0.0.1:443", false, false},
		{"127.0.0.1:443", true, true},
		{"10.1.2.3:443", false, false},
		{"10.1.2.3:443", true, true},
		{"172.16.0.1:443", false, false},
		{"192.168.1.1:443", false, false},
		{"100.64.0.1:443", true, false},
		{"169.254.169.254:80", false, false},
		{"169.254.169.254:80", true, false},
		{"100.100.100.200:80", true, false},
		{"168.63.129.16:80", true, false},
		{"[fd00:ec2::254]:80", true, false},
		{"[fd20:ce::254]:80", true, false},
		{"[::ffff:0:7f00:1]:443", false, false},
		{"[::1]:443", false, false},
		{"[::]:443", true, false},
		{"[fe80::1%eth0]:443", true, false},
		{"[fc00::1]:443", false, false},
		{"[::ffff:127.0.0.1]:443", false, false},
		{"[::ffff:169.254.169.254]:443", true, false},
		{"[::ffff:10.0.0.1]:443", false, false},
		{"[::7f00:1]:443", false, false},
		{"[64:ff9b::7f00:1]:443", false, false},
		{"[2002:7f00:1::]:443", false, false},
		{"0.0.0.0:443", true, false},
		{"224.0.0.1:443", true, false},
		{"255.255.255.255:443", true, false},
		{"198.18.0.1:443", false, false},
		{"[2001:db8::1]:443", false, false},
		{"no address", true, false},
	} {
		if err := guard(c.address, c.own); (err == nil) != c.ok {
			t.Errorf("guard(%s, own %v) = %v", c.address, c.own, err)
		}
	}
}

// nameServer answers every question with the next address of its list.
func nameServer(t *testing.T, addresses ...[4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for asked := 0; ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: addresses[min(asked, len(addresses)-1)]},
				}}
				asked++
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name may answer with a public address when somebody looks and with a
// private one when the client connects: the address of the socket decides.
func TestANameThatTurnsToAPrivateAddressIsNotConnectedTo(t *testing.T) {
	var reached atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	for _, address := range [][4]byte{{127, 0, 0, 1}, {10, 0, 0, 1}, {169, 254, 169, 254}} {
		c := &Client{Timeout: 30 * time.Second, Resolver: nameServer(t, address)}
		p := &Provider{ID: "x", Hosts: []string{"provider.example"}, Check: &Check{Request: Request{Method: "GET", URL: "https://provider.example/me"}}}
		r := c.Check(context.Background(), p, Input{Secret: secret.New("a value of some length")})
		if r.Status != Unknown || !strings.Contains(r.Why, "not a public address") {
			t.Errorf("%v: %s, %s", address, r.Status, r.Why)
		}
	}
	if reached.Load() != 0 {
		t.Error("a private address was reached")
	}
}

func TestTheOperatorMayNameAHostOfHisOwn(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer server.Close()
	host := server.Listener.Addr().String()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	p := &Provider{ID: "x", Hosts: []string{"{{host}}"}, Needs: []Need{{Name: "host", From: "setting"}},
		Check: &Check{Request: Request{Method: "GET", URL: "https://{{host}}/me"}, Live: []Answer{{Status: []int{204}, Means: "fine"}}}}
	in := Input{Secret: secret.New("a value of some length"), Given: map[string]secret.Secret{"host": secret.New(host)}}
	for _, c := range []struct {
		private []string
		want    Status
	}{{nil, Unknown}, {[]string{"elsewhere.example"}, Unknown}, {[]string{host}, Live}} {
		client := &Client{Timeout: 30 * time.Second, Private: c.private, Roots: roots}
		if r := client.Check(context.Background(), p, in); r.Status != c.want {
			t.Errorf("private %v: %s, %s", c.private, r.Status, r.Why)
		}
	}
}

func TestAHostFromASettingIsAHostAndNothingElse(t *testing.T) {
	p := catalogue(t).Provider("vault-token")
	for _, host := range []string{"a/b", "user@evil.example", "evil.example#", "evil.example?x=", "a b", "[::1]", "evil.example:99999999", "", "..", "evil.example/../x", "a\nb"} {
		in := Input{Secret: secret.New("hvs.value"), Given: map[string]secret.Secret{"host": secret.New(host)}}
		dialled := false
		c := &Client{Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, errors.New("no")
		}}
		if r := c.Check(context.Background(), p, in); r.Status != Unknown || dialled {
			t.Errorf("%q was asked: %+v", host, r)
		}
	}
}

func TestAPartOfAPathStaysOneSegment(t *testing.T) {
	v := vars{"id": secret.New("a/../b?c#d")}
	got, err := v.url("https://host.example/keys/{{id}}/x")
	if err != nil || got != "https://host.example/keys/a%2F..%2Fb%3Fc%23d/x" {
		t.Errorf("%s, %v", got, err)
	}
	for _, dots := range []string{".", ".."} {
		if got, err := (vars{"id": secret.New(dots)}).url("https://host.example/keys/{{id}}"); err == nil {
			t.Errorf("%q became %s", dots, got)
		}
	}
	if _, err := (vars{}).url("https://host.example/{{id}}"); err == nil {
		t.Error("half an address was made")
	}
}

func TestErrorsHoldNoAddress(t *testing.T) {
	p := catalogue(t).Provider("mapbox-token")
	in := Input{Secret: secret.New("sk." + strings.Repeat("canary", 8))}
	c := &Client{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("broken") }}
	r := c.Check(context.Background(), p, in)
	if r.Status != Unknown || strings.Contains(r.Why, "canary") || strings.Contains(r.Why, "https://") {
		t.Errorf("%+v", r)
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := &Client{Now: func() time.Time { return now }}
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "-3": 0, "soon": 0, "": 0, "99999999999": 7 * 24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:03:05 GMT": 0, "Fri, 02 Jan 2300 03:03:05 GMT": 7 * 24 * time.Hour,
	} {
		if got := c.retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Of a record that shows only edges, all must fit: what comes first, what comes
// last, enough of it, and a date before the leak.
func TestEdgesThatProveNothing(t *testing.T) {
	f := &Find{Field: "hint", Made: "made"}
	value, seen := "sk-live-abcdefghijklmnop-wxyz", time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		hint string
		made any
		want bool
	}{
		{"sk-live-ab...wxyz", "2026-01-01T00:00:00Z", true},
		{"sk-live-ab…wxyz", "2026-01-01T00:00:00Z", true},
		{"sk-live-ab********wxyz", "2026-01-01T00:00:00Z", true},
		{"sk-live-ab...wxyz", "2026-07-01T00:00:00Z", false},
		{"sk-live-ab...wxyz", nil, false},
		{"sk-live-ab...wxyz", "yesterday", false},
		{"...wxyz", "2026-01-01T00:00:00Z", false},
		{"sk-live-ab...", "2026-01-01T00:00:00Z", false},
		{"sk-live-ab...yz", "2026-01-01T00:00:00Z", false},
		{"sk-live-ab", "2026-01-01T00:00:00Z", false},
		{"", "2026-01-01T00:00:00Z", false},
		{"...", "2026-01-01T00:00:00Z", false},
		{"sk-live-xx...wxyz", "2026-01-01T00:00:00Z", false},
		{"sk-live-abcdefghijklmnop-...nop-wxyz", "2026-01-01T00:00:00Z", false},
	} {
		if got := f.edges(map[string]any{"hint": c.hint, "made": c.made}, value, seen); got != c.want {
			t.Errorf("%q made %v: %v", c.hint, c.made, got)
		}
	}
}
