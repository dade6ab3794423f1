package dashboard

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How often GitHub is asked about codes. It takes 2,000 an hour of an App, and then lets
// nobody sign in. Codes that it refuses count for the network that they came from, so that
// it takes some 180 networks to keep others out; where a code was right its network has
// nothing to answer for, however many people sit in it, and the account has.
// https://docs.github.com/apps/creating-github-apps/registering-a-github-app/rate-limits-for-github-apps
var (
	forAll     = allowance{200, 2 * time.Second}
	forNetwork = allowance{10, 6 * time.Minute}
	forAccount = allowance{10, 6 * time.Minute}
)

// allowance is so much at once, and one more after each time.
type allowance struct {
	burst float64
	every time.Duration
}

// limits are what is left of each allowance.
type limits struct{ all, networks, accounts ledger }

func newLimits() *limits {
	return &limits{all: ledger{allowance: forAll}, networks: ledger{allowance: forNetwork}, accounts: ledger{allowance: forAccount}}
}

// take asks for one sign-in that GitHub is asked about. Where it has to wait for some
// time, nothing is spent.
func (l *limits) take(network string, now time.Time) (wait time.Duration) {
	if wait = l.networks.take(network, now); wait > 0 {
		return wait
	}
	if wait = l.all.take("", now); wait > 0 {
		l.networks.back(network, now)
	}
	return wait
}

// excuse gives a network back what it took, as GitHub refused no code of it.
func (l *limits) excuse(network string, now time.Time) { l.networks.back(network, now) }

// person does so for somebody who was let in, unless he is let in all the time.
func (l *limits) person(network string, account int64, now time.Time) {
	if l.accounts.take(strconv.FormatInt(account, 10), now) == 0 {
		l.excuse(network, now)
	}
}

// ledger is how much of an allowance everybody has spent. Who has all of it again is not
// in it, so it is never longer than what forAll lets through in an hour.
type ledger struct {
	allowance
	mu    sync.Mutex
	spent map[string]spent
}

type spent struct {
	n  float64
	at time.Time
}

// manyEntries is from when on those who have all again are looked for.
const manyEntries = 1000

func (l *ledger) take(who string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.now(who, now)
	if over := n + 1 - l.burst; over > 0 {
		return time.Duration(over * float64(l.every))
	}
	l.keep(who, n+1, now)
	if len(l.spent) > manyEntries {
		for other := range l.spent {
			l.keep(other, l.now(other, now), now)
		}
	}
	return 0
}

func (l *ledger) back(who string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(who, l.now(who, now)-1, now)
}

// now is how much somebody's spending is now.
func (l *ledger) now(who string, now time.Time) float64 {
	s := l.spent[who]
	return max(0, s.n-max(0, now.Sub(s.at).Seconds())/l.every.Seconds())
}

func (l *ledger) keep(who string, n float64, now time.Time) {
	if before := l.spent[who].at; before.After(now) { // a clock that went back gives nobody time
		now = before
	}
	if n <= 0 {
		delete(l.spent, who)
		return
	}
	if l.spent == nil {
		l.spent = map[string]spent{}
	}
	l.spent[who] = spent{n, now}
}

// wide is how much of an address of IPv6 tells networks apart, in bits: so much is given
// to one customer.
// https://www.rfc-editor.org/rfc/rfc6177
const wide = 48

// network is where a request comes from: the last address in the header that the proxy
// writes, as it appended that, or else whoever is connected.
func (s *server) network(r *http.Request) string {
	text := r.RemoteAddr
	if lines := r.Header.Values(s.ClientHeader); s.ClientHeader != "" && len(lines) > 0 {
		all := strings.Split(lines[len(lines)-1], ",")
		text = strings.TrimSpace(all[len(all)-1])
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		with, _ := netip.ParseAddrPort(text) // else nobody in particular, and all of those are one
		address = with.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(wide); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
