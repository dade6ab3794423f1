package hub

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// lostEvents has GitHub lose so many deliveries.
func (w *world) lostEvents(n int) {
	w.t.Helper()
	w.there.Hook = "http://127.0.0.1:1/"
	number := w.FindSecret(w.repo, "acme_token", "not a value", "a.txt", w.head(), 1)
	for range n - 1 {
		w.LeakSecret(w.repo, number)
	}
	w.Deliver(w.t.Context(), ghfake.Weather{Lose: 1})
}

// What was lost is read at ten a second once our burst is used up, GitHub's own limits are
// kept to, and to list it again does not begin anew at each limit.
func TestLostDeliveriesAreReadAtThePaceOfGitHubsLimits(t *testing.T) {
	const lost = 900
	w := newWorld(t, ghfake.Options{Secondary: true})
	w.lostEvents(lost)
	waited := time.Duration(0)
	w.app.wait = func(_ context.Context, d time.Duration) error { waited += d; w.clock.add(d); return nil }
	begin := w.clock.here().Add(-time.Hour)
	all, err := w.app.Deliveries(t.Context(), begin)
	w.must(err)
	for _, l := range all {
		if _, err := w.app.Payload(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	again, err := w.app.Deliveries(t.Context(), begin)
	w.must(err)
	if len(all) != lost || len(again) != lost {
		t.Errorf("%d and %d of %d are listed", len(all), len(again), lost)
	}
	if calls := w.Calls("apps/list-webhook-deliveries"); calls != 2*lost/100 {
		t.Errorf("%d pages were read", calls)
	}
	if most := (lost + 50 - pointBurst) * time.Minute / pointsAMinute; waited > most {
		t.Errorf("%d deliveries took %s", lost, waited)
	}
	if n := w.app.meter(0).strikes; n > 0 {
		t.Errorf("GitHub's own limits were met %d times", n)
	}
}

// Whoever waits for our own limit ends with its context.
func TestWaitingForOurOwnLimitEnds(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	w.app.wait = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	m := w.app.meter(0)
	for m.enter(endpoint(http.MethodGet, "/app/hook/deliveries"), true, false) == nil {
	}
	if _, err := w.app.Deliveries(ctx, time.Time{}); err == nil {
		t.Error("it goes on")
	}
}

func TestTheTimeIsGitHubs(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	w.clock.skew(26 * time.Hour)
	now, err := w.app.Time(t.Context())
	w.must(err)
	if d := now.Sub(w.clock.github()).Abs(); d > 2*time.Minute {
		t.Errorf("it is %s away", d)
	}
}
