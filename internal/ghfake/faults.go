package ghfake

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is what goes wrong with the next calls of an operation, or of git.
type Fault struct {
	Operation string // checks/create; git; empty is every operation
	Times     int    // how often; 0 is once
	Status    int    // the answer: 500, 502, 503; 429 and 403 are the secondary limit
	Lose      bool   // the connection breaks instead
	After     bool   // only after the call took effect: the client cannot know
	Begun     bool   // with Wait alone: who asks was found out before, and the effect comes after it
	RetryIn   time.Duration
	Wait      <-chan struct{} // the answer waits until this is closed; alone, it is a good one
}

// Fail arranges for a fault. Several follow each other.
func (g *GitHub) Fail(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.Times = max(1, f.Times)
	g.faults = append(g.faults, &f)
}

// Calm takes back the faults that have not happened yet.
func (g *GitHub) Calm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// fault takes the first that fits. Those after the effect are asked for by " after", and
// those before it by " begun".
func (g *GitHub) fault(operation string) *Fault {
	for i, f := range g.faults {
		name := f.Operation
		if f.After {
			name += " after"
		}
		if f.Begun {
			name += " begun"
		}
		if name != operation && (f.Operation != "" || f.After || f.Begun || operation == "git") {
			continue
		}
		if f.Times--; f.Times == 0 {
			g.faults = slices.Delete(g.faults, i, i+1)
		}
		return f
	}
	return nil
}

// linger has a call wait that was begun: it takes effect even when the client has left.
func (g *GitHub) linger(f *Fault) {
	if f != nil && f.Wait != nil {
		g.mu.Unlock()
		<-f.Wait
		g.mu.Lock()
	}
}

// broken answers as the fault says, or only waits, when it says no more than that.
func (g *GitHub) broken(w http.ResponseWriter, f *Fault) bool {
	if f == nil {
		return false
	}
	g.linger(f)
	if f.Wait != nil && f.Status == 0 && !f.Lose {
		return false
	}
	if f.Lose || f.Status == 0 {
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	if f.RetryIn > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryIn.Seconds())))
	}
	if f.Status == http.StatusForbidden || f.Status == http.StatusTooManyRequests {
		write(w, secondary(f.Status))
	} else {
		write(w, fail(f.Status, http.StatusText(f.Status)))
	}
	return true
}

// secondary is the limit that clients are told by its documentation's address.
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
func secondary(status int) answer {
	a := fail(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	a.body.(doc)["documentation_url"] = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	return a
}

// limit counts the calls of one account within an hour, and within a minute.
type limit struct {
	max, used int
	reset     time.Time
	points    map[string]int // of each operation
	creations int
	minute    time.Time
}

// The secondary limits of https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	maxPoints    = 900 // of one endpoint: one for reading, five for writing
	maxCreations = 80
)

// hasty counts a call against the secondary limits, and returns how long to wait when
// there were too many of them in this minute.
func (l *limit) hasty(operation, method string, now time.Time) time.Duration {
	if now.Sub(l.minute) >= time.Minute {
		l.minute, l.points, l.creations = now, map[string]int{}, 0
	}
	l.points[operation]++
	if method != http.MethodGet {
		l.points[operation] += 4
	}
	if method == http.MethodPost {
		l.creations++
	}
	if l.points[operation] > maxPoints || l.creations > maxCreations {
		return time.Minute - now.Sub(l.minute)
	}
	return 0
}

// perHour is what an account may call: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
func perHour(who *token) int {
	if who.kind == asNobody {
		return 60
	}
	return 5000
}

func (g *GitHub) limit(who *token) *limit {
	key := ""
	if who.account != nil {
		key = who.account.Login
	}
	l := g.limits[key]
	if l == nil {
		l = &limit{max: perHour(who)}
		g.limits[key] = l
	}
	if now := g.options.Clock(); now.After(l.reset) {
		l.used, l.reset = 0, now.Add(time.Hour).Truncate(time.Second)
	}
	return l
}

// Limit lets an account make only so many more calls in this hour: login, or slug[bot].
func (g *GitHub) Limit(login string, left int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.limit(&token{kind: asUser, account: g.find(login)})
	l.used = l.max - left
}

// Unlimited lets an account call as often as it likes, as a server of one's own does.
func (g *GitHub) Unlimited(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit(&token{kind: asUser, account: g.find(login)}).max = math.MaxInt
}

// limited counts a call. GitHub does not count those of /rate_limit.
func (c *call) limited() (answer, bool) {
	l := c.limit(c.who)
	if c.op.ID == "rate-limit/get" {
		return answer{}, true
	}
	if l.used >= l.max {
		a := fail(http.StatusForbidden, "API rate limit exceeded for "+loginOf(c.who)+".")
		a.body.(doc)["documentation_url"] = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
		return a, false
	}
	l.used++
	if wait := l.hasty(c.op.ID, c.op.Method, c.options.Clock()); c.options.Secondary && wait > 0 {
		a := secondary(http.StatusForbidden)
		a.header = http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()) + 1)}}
		return a, false
	}
	return answer{}, true
}

func loginOf(who *token) string {
	if who.account == nil {
		return "127.0.0.1"
	}
	return who.account.Login
}

// stamp writes what stands in every answer. Who was not let in has no budget.
func (g *GitHub) stamp(c *call, h http.Header) {
	h.Set("X-GitHub-Request-Id", random(8))
	if c.who == nil {
		return
	}
	l := g.limit(c.who)
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.max))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, l.max-l.used)))
	h.Set("X-RateLimit-Used", strconv.Itoa(l.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(l.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func getRateLimit(c *call) answer {
	l := c.limit(c.who)
	core := doc{"limit": l.max, "used": l.used, "remaining": max(0, l.max-l.used), "reset": l.reset.Unix()}
	return ok(doc{"resources": doc{"core": core, "search": core}, "rate": core})
}
