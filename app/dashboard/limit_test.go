package dashboard

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestGitHubIsAskedSoOftenAndNotMore(t *testing.T) {
	l, now := newLimits(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	asked, longest := 0, 0
	for n := range 100_000 { // every one from another network, in an hour
		if l.take(fmt.Sprint(n), now.Add(time.Duration(n)*36*time.Millisecond)) == 0 {
			asked++
		}
		longest = max(longest, len(l.networks.spent))
	}
	if asked < 1990 || asked > 2000 {
		t.Errorf("%d times in an hour", asked)
	}
	if longest > manyEntries+1 {
		t.Errorf("%d networks are remembered", longest)
	}
	l.take("last", now.Add(time.Hour)) // or there is no other
	if wait := l.take("new", now.Add(time.Hour)); wait <= 0 || wait > 2*time.Second {
		t.Errorf("the next waits for %v", wait)
	}
	if wait := l.take("new", now.Add(2*time.Hour)); wait != 0 || len(l.networks.spent) > manyEntries+1 {
		t.Errorf("an hour later: %v, %d", wait, len(l.networks.spent))
	}
}

func TestOneNetworkTakesItsPartOnly(t *testing.T) {
	l, now := newLimits(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	asked := 0
	for n := range 3600 {
		at := now.Add(time.Duration(n) * time.Second)
		if l.take("one", at) == 0 {
			asked++
		}
		if l.take("others", at) == 0 {
			l.person("others", int64(n), at)
		}
	}
	if asked != 19 { // ten, and one after each six minutes
		t.Errorf("%d times in an hour", asked)
	}
	if n := len(l.accounts.spent); n > manyEntries+1 {
		t.Errorf("%d accounts are remembered", n)
	}
	l = newLimits()
	if l.take("one", now); l.take("one", now.Add(-time.Hour)) != 0 || l.networks.now("one", now) != 2 {
		t.Error("a clock that goes back gives something")
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	for _, c := range []struct {
		header, peer, want string
		lines              []string
	}{
		{"", "192.0.2.1:55", "192.0.2.1", nil},
		{"", "192.0.2.1:55", "192.0.2.1", []string{"198.51.100.1"}},
		{"X-Client", "192.0.2.1:55", "198.51.100.1", []string{"198.51.100.1"}},
		{"X-Client", "192.0.2.1:55", "198.51.100.2", []string{"10.0.0.1, 198.51.100.1,198.51.100.2 "}},
		{"X-Client", "192.0.2.1:55", "198.51.100.3", []string{"198.51.100.1", "198.51.100.3"}},
		{"X-Client", "192.0.2.1:55", "192.0.2.1", nil},
		{"X-Client", "192.0.2.1:55", "198.51.100.4", []string{"198.51.100.4:8080"}},
		{"X-Client", "192.0.2.1:55", "198.51.100.5", []string{"::ffff:198.51.100.5"}},
		{"X-Client", "192.0.2.1:55", "2001:db8:7::/48", []string{"2001:db8:7:ffff::1"}},
		{"X-Client", "192.0.2.1:55", "2001:db8:7::/48", []string{"[2001:db8:7:2::1]:443"}},
		{"X-Client", "192.0.2.1:55", "2001:db8:7::/48", []string{"[2001:db8:7:2::1%eth0]"}},
		{"X-Client", "192.0.2.1:55", "invalid IP", []string{"unknown"}},
		{"X-Client", "192.0.2.1:55", "invalid IP", []string{""}},
	} {
		s := &server{Options: Options{ClientHeader: c.header}}
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Client": c.lines}}
		if got := s.network(r); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	for _, bad := range []string{"Forwarded", "X Client", "x:y", "-"} {
		if headerPattern.MatchString(bad) && bad != "Forwarded" {
			t.Errorf("%q is taken for a header", bad)
		}
	}
}
