package hub

import (
	"net/http"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestLimitsOfGitHubBecomeLater(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*world)
		atLeast time.Duration
		atMost  time.Duration
		outage  bool
	}{
		"retry-after with 403": {func(w *world) {
			w.Fail(ghfake.Fault{Operation: "repos/get", Status: http.StatusForbidden, RetryIn: 90 * time.Second})
		}, 80 * time.Second, 91 * time.Second, false},
		"retry-after with 429": {func(w *world) {
			w.Fail(ghfake.Fault{Operation: "repos/get", Status: http.StatusTooManyRequests, RetryIn: 90 * time.Second})
		}, 80 * time.Second, 91 * time.Second, false},
		"secondary limit without a time": {func(w *world) { w.Fail(ghfake.Fault{Operation: "repos/get", Status: http.StatusForbidden}) }, 50 * time.Second, time.Minute, false},
		"hourly limit":                   {func(w *world) { w.Limit("leakgate[bot]", 0) }, 30 * time.Minute, time.Hour, false},
		"bad gateway":                    {func(w *world) { w.Fail(ghfake.Fault{Operation: "repos/get", Status: http.StatusBadGateway}) }, time.Second, time.Minute, true},
		"lost connection":                {func(w *world) { w.Fail(ghfake.Fault{Operation: "repos/get", Lose: true, Times: 2}) }, time.Second, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ghfake.Options{})
			s := w.open(ToRead())
			c.arrange(w)
			_, _, err := s.GitHub.Repositories.Get(t.Context(), "acme", "app")
			later, ok := AsLater(err)
			if !ok || later.Outage != c.outage {
				t.Fatalf("got %v", err)
			}
			if wait := later.At.Sub(w.clock.here()); wait < c.atLeast-30*time.Second || wait > c.atMost {
				t.Errorf("waits %s", wait)
			}
			calls := w.Calls("repos/get")
			_, _, err = s.GitHub.Repositories.Get(t.Context(), "acme", "app")
			if _, ok := AsLater(err); ok == c.outage || !c.outage && w.Calls("repos/get") != calls {
				t.Errorf("the next request before that time: %v", err)
			}
			w.clock.add(c.atMost + time.Second)
			s = w.open(ToRead())
			if _, _, err := s.GitHub.Repositories.Get(t.Context(), "acme", "app"); err != nil {
				t.Errorf("after that time: %v", err)
			}
		})
	}
}

func TestMissingPermissionIsNoLimit(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	s := w.open(ToRead())
	_, err := s.PutCheck(t.Context(), Run{ExternalID: "x", SHA: w.head(), Status: Queued}, annotated(0))
	if _, ok := AsLater(err); ok || err == nil {
		t.Errorf("got %v", err)
	}
}

func TestSecondaryLimitsDouble(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	var waits []time.Duration
	for range 3 {
		s := w.open(ToRead())
		w.Fail(ghfake.Fault{Operation: "repos/get", Status: http.StatusForbidden})
		_, _, err := s.GitHub.Repositories.Get(t.Context(), "acme", "app")
		later, ok := AsLater(err)
		if !ok {
			t.Fatal(err)
		}
		waits = append(waits, later.At.Sub(w.clock.here()).Round(time.Minute))
		w.clock.add(later.At.Sub(w.clock.here()) + time.Second)
	}
	if waits[0] != time.Minute || waits[1] != 2*time.Minute || waits[2] != 4*time.Minute {
		t.Errorf("waits %v", waits)
	}
}

// However long and fast we write, no minute has more than 60 and no hour more than 400.
func TestWritesKeepToMinuteAndHour(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMeter(func() time.Time { return now })
	var sent []time.Time
	for end := now.Add(3 * time.Hour); now.Before(end); {
		if err := m.enter("POST repos issues", false, true); err == nil {
			sent = append(sent, now)
			continue
		} else if later, ok := AsLater(err); ok && later.At.After(now) {
			now = later.At
		} else {
			t.Fatal(err)
		}
	}
	most := func(window time.Duration) int {
		best, from := 0, 0
		for i := range sent {
			for sent[i].Sub(sent[from]) >= window {
				from++
			}
			best = max(best, i-from+1)
		}
		return best
	}
	if n := most(time.Minute); n > 60 || n < 50 {
		t.Errorf("%d writes in a minute", n)
	}
	if n := most(time.Hour); n > 400 || n < 350 {
		t.Errorf("%d writes in an hour", n)
	}
	if len(sent) < 750 {
		t.Errorf("only %d writes in three hours", len(sent))
	}
}

func TestReadingIsNotHeldUpByWriting(t *testing.T) {
	now := time.Now()
	m := newMeter(func() time.Time { return now })
	for m.enter("POST repos issues", false, true) == nil {
	}
	if err := m.enter("GET repos pulls", true, false); err != nil {
		t.Errorf("reading waits for writing: %v", err)
	}
}

func TestEveryEndpointHasItsPoints(t *testing.T) {
	now := time.Now()
	m := newMeter(func() time.Time { return now })
	const list, token = "/app/hook/deliveries/7", "/app/installations/3/access_tokens"
	read := 0
	for m.enter(endpoint(http.MethodGet, list), true, false) == nil {
		read++
	}
	if read != pointBurst {
		t.Errorf("%d were read at once", read)
	}
	if err := m.enter(endpoint(http.MethodPost, token), false, false); err != nil {
		t.Errorf("tokens wait for deliveries: %v", err)
	}
	for one, other := range map[string]string{"/repos/acme/app/pulls/7": "/repos/other/thing/pulls", "/api/v3/app/hook/deliveries": list, "/rate_limit": "/installation/repositories"} {
		if endpoint("GET", one) != endpoint("GET", other) {
			t.Errorf("%s and %s are two", one, other)
		}
	}
}
