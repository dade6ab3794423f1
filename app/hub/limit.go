package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Later says that GitHub, or our own care for its limits, does not want a request now. A
// job that gets one waits until At and starts again; nothing is lost by that.
type Later struct {
	At     time.Time
	Why    string
	Outage bool // GitHub failed or was not reached: whether the request took effect is not known

	own bool // it is our own care
}

func (l *Later) Error() string {
	return fmt.Sprintf("%s; again at %s", l.Why, l.At.UTC().Format(time.RFC3339))
}

// AsLater finds a [Later] in an error.
func AsLater(err error) (*Later, bool) {
	var l *Later
	return l, errors.As(err, &l)
}

// The limits that we keep to by ourselves: bursts plus what comes back are, in any minute
// and any hour, not above what GitHub allows: 900 points a minute for one endpoint, where reading is
// one and writing five, and 80 and 500 writes of content.
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	pointBurst, pointsAMinute  = 300, 600
	minuteBurst, writesAMinute = 20, 40   // 60 in any minute
	hourBurst, writesAnHour    = 200, 200 // 400 in any hour
	outageWait                 = 30 * time.Second
	secondaryWait              = time.Minute // where GitHub does not say how long
	maxSecondaryWait           = time.Hour
	strikeMemory               = 15 * time.Minute // without a limit, until they count from one again
)

// meter counts the requests of one installation and knows when the next may go.
type meter struct {
	now          func() time.Time
	minute, hour *rate.Limiter
	free         bool // of our own limits

	mu      sync.Mutex
	points  map[string]*rate.Limiter // of each endpoint
	until   time.Time                // nothing before
	why     string
	strikes int // secondary limits in a row
	budget  Budget
}

// Budget is what GitHub last said of the hourly limit of an installation.
type Budget struct {
	Limit, Remaining int
	Reset            time.Time
}

func newMeter(now func() time.Time) *meter {
	return &meter{
		now: now, points: map[string]*rate.Limiter{},
		minute: rate.NewLimiter(writesAMinute/60.0, minuteBurst), hour: rate.NewLimiter(writesAnHour/3600.0, hourBurst),
	}
}

// Budget is what GitHub last said to an installation; the zero Budget if nothing.
func (a *App) Budget(installation int64) Budget {
	m := a.meter(installation)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.budget
}

// Pressure is how near the installations that were spoken to are to a limit.
type Pressure struct {
	Rate   float64 // the least that one has left of GitHub's hourly limit, in parts of one; 1 where GitHub says nothing
	Writes float64 // the fewest writes of content that one may still send within our own hourly limit
	Paused int     // how many are sent nothing for now
}

// Pressure sums the limits of all installations up.
func (a *App) Pressure() Pressure {
	a.mu.Lock()
	all := slices.Collect(maps.Values(a.meters))
	a.mu.Unlock()
	p := Pressure{Rate: 1, Writes: hourBurst}
	for _, m := range all {
		m.press(&p)
	}
	return p
}

func (m *meter) press(p *Pressure) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.until) {
		p.Paused++
	}
	if b := m.budget; b.Limit > 0 && now.Before(b.Reset) {
		p.Rate = min(p.Rate, float64(b.Remaining)/float64(b.Limit))
	}
	if !m.free {
		p.Writes = min(p.Writes, m.hour.TokensAt(now))
	}
}

// enter lets a request to an endpoint go, or says when.
func (m *meter) enter(endpoint string, read, content bool) error {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.until) {
		return &Later{At: m.until, Why: m.why}
	}
	if m.free {
		return nil
	}
	points := 5
	if read {
		points = 1
	}
	if m.points[endpoint] == nil {
		m.points[endpoint] = rate.NewLimiter(pointsAMinute/60.0, pointBurst)
	}
	wants := []struct {
		bucket *rate.Limiter
		n      int
		why    string
	}{{m.points[endpoint], points, "our own limit of requests"}, {m.minute, 1, "our own limit of writes in a minute"}, {m.hour, 1, "our own limit of writes in an hour"}}
	if !content {
		wants = wants[:1]
	}
	var taken []*rate.Reservation
	for _, w := range wants {
		r := w.bucket.ReserveN(now, w.n)
		taken = append(taken, r)
		if wait := r.DelayFrom(now); wait > 0 {
			for _, t := range taken {
				t.CancelAt(now)
			}
			return &Later{At: now.Add(wait), Why: w.why, own: true}
		}
	}
	return nil
}

// leave reads an answer. It returns a Later where the answer is a limit or an outage.
func (m *meter) leave(resp *http.Response) *Later {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(resp.Header)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusForbidden && limits(resp):
		return m.limited(resp)
	case resp.StatusCode >= http.StatusInternalServerError:
		return m.outage(fmt.Sprintf("GitHub answered %d", resp.StatusCode))
	}
	if m.budget.Limit > 0 && m.budget.Remaining == 0 && m.budget.Reset.After(m.until) { // the answer is good, the next would not be
		m.until, m.why = m.budget.Reset, "GitHub's limit of requests in an hour is used up"
	}
	return nil
}

func (m *meter) note(h http.Header) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err1 == nil && err2 == nil && err3 == nil {
		m.budget = Budget{limit, remaining, time.Unix(reset, 0)}
	}
}

// limited closes the meter until GitHub's own time; where it gives none, for a minute and
// every time twice as long.
func (m *meter) limited(resp *http.Response) *Later {
	now, why := m.now(), "GitHub's secondary limit"
	if now.Sub(m.until) > strikeMemory {
		m.strikes = 0
	}
	m.strikes++
	wait := min(secondaryWait<<min(m.strikes-1, 10), maxSecondaryWait)
	at := now.Add(wait)
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		at = now.Add(time.Duration(seconds) * time.Second)
	} else if resp.Header.Get("X-RateLimit-Remaining") == "0" && m.budget.Reset.After(now) {
		at, why = m.budget.Reset, "GitHub's limit of requests in an hour is used up"
	}
	if at.After(m.until) {
		m.until, m.why = at, why
	}
	return &Later{At: m.until, Why: why}
}

func (m *meter) outage(why string) *Later {
	return &Later{At: m.now().Add(outageWait), Why: why, Outage: true}
}

// maxRefusal is how much of a refusal is read to find out what it is about.
const maxRefusal = 64 << 10

// limits tells a limit from a permission that is missing: both are 403.
func limits(resp *http.Response) bool {
	if resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0" {
		return true
	}
	head, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what cannot be read is no limit
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	return strings.Contains(string(head), "secondary rate limit") || strings.Contains(string(head), "secondary-rate-limits")
}

// metered has every request pass a meter.
type metered struct {
	meter *meter
	next  http.RoundTripper
}

func (t metered) RoundTrip(r *http.Request) (*http.Response, error) {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if err := t.meter.enter(endpoint(r.Method, r.URL.Path), read, !read && makesContent(r.URL.Path)); err != nil {
		return nil, err
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil && r.Context().Err() == nil && !errors.Is(err, errElsewhere) {
		return nil, errors.Join(t.meter.outage("GitHub was not reached"), err)
	}
	if err != nil {
		return nil, err
	}
	if later := t.meter.leave(resp); later != nil {
		resp.Body.Close()
		return nil, later
	}
	return resp, nil
}

// noContent are the writes that notify nobody. Octokit counts them in the same way:
// https://github.com/octokit/plugin-throttling.js/blob/main/src/generated/triggers-notification-paths.ts
var noContent = regexp.MustCompile(`/access_tokens$|/installation/token$|/check-runs(/\d+)?$|/attempts$|/code-scanning/sarifs$`)

func makesContent(path string) bool { return !noContent.MatchString(path) }

// endpoint is what GitHub counts points for: one operation, whatever it is about. Those that
// begin alike count together here, so that names in paths make no new ones.
func endpoint(method, path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if i := slices.Index(parts, "repos"); i >= 0 && len(parts) > i+3 {
		return method + " repos " + parts[i+3]
	}
	if i := slices.Index(parts, "app"); i >= 0 && len(parts) > i+1 {
		return method + " app " + parts[i+1]
	}
	return method
}

// unhurried makes a request as soon as our own limits let it go. Who is in the middle of
// something long does not begin it anew, which would use up what came back meanwhile.
func (a *App) unhurried(ctx context.Context, request func() error) error {
	for {
		err := request()
		later, is := AsLater(err)
		if !is || !later.own {
			return err
		}
		if err := a.wait(ctx, later.At.Sub(a.now())); err != nil {
			return err
		}
	}
}

// pause waits, unless nobody waits for it any more.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
