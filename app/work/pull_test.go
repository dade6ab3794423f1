package work_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/store"
)

// pulling reads deliveries from GitHub, which reaches nobody.
func pulling(w *world) { w.pullEvery = time.Second }

// unreached is the weather in which no delivery arrives: GitHub lists them all as failed.
var unreached = ghfake.Weather{Lose: 1}

func TestDeliveriesAreReadWhereGitHubReachesNobody(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, pulling)
	leaky := w.branch("leaky", "b.txt", "token = \""+gittest.Token()+"\"\n")
	w.pull("leaky")
	clean := w.branch("clean", "c.txt", "nothing\n")
	w.pull("clean")
	w.Deliver(t.Context(), unreached)
	w.concluded(leaky, "failure")
	w.concluded(clean, "success")
	if n := w.Calls("apps/redeliver-webhook-delivery"); n > 0 {
		t.Errorf("GitHub was asked %d times to deliver what was read", n)
	}
	if n := len(w.runs(leaky)) + len(w.runs(clean)); n != 2 {
		t.Errorf("%d check runs of two heads", n)
	}
}

func TestWhatIsReadAndDeliveredCountsOnce(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, pulling)
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Deliver(t.Context(), ghfake.Weather{Duplicate: 1}) // to the door, which is open too
	w.concluded(head, "success")
	looks := w.Calls("apps/list-webhook-deliveries")
	w.eventually("GitHub was looked at twice more", func() bool { return w.Calls("apps/list-webhook-deliveries") > looks+1 })
	if n := w.Calls("apps/get-webhook-delivery"); n > w.Delivered() {
		t.Errorf("%d deliveries were read where there are %d", n, w.Delivered())
	}
	w.concluded(head, "success")
}

func TestWhatCouldNotBeReadIsReadLater(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, pulling)
	w.Fail(ghfake.Fault{Operation: "apps/get-webhook-delivery", Status: 403, RetryIn: time.Second})
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Deliver(t.Context(), unreached)
	w.eventually("GitHub answered badly", func() bool { return strings.Contains(w.log.String(), "secondary limit") })
	w.concluded(head, "success") // GitHub did not say again what it had said before
	w.eventually("the cursor moves", func() bool { return !w.cursor().IsZero() })
}

func (w *world) cursor() (at time.Time) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(t *store.Tx) (err error) { at, err = t.Cursor(w.t.Context(), work.PullCursor); return err }))
	return at
}

func TestADeliveryWithoutAPayloadIsTold(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, pulling)
	w.Blank("push")
	w.branch("gone", "b.txt", "one\n")
	head := w.branch("x", "b.txt", "two\n")
	w.pull("x")
	w.Deliver(t.Context(), unreached)
	w.concluded(head, "success") // the pull request has one
	if !strings.Contains(w.log.String(), "a delivery cannot be read") {
		t.Error("nobody is told")
	}
}

func TestADeliveryThatIsNeverToldHoldsNobodyUp(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, pulling)
	w.Stick("push")
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Deliver(t.Context(), unreached)
	w.concluded(head, "success")
	w.eventually("the push is left", func() bool {
		return strings.Contains(w.log.String(), "a delivery cannot be read") && !w.cursor().IsZero()
	})
}

// What was lost is read: GitHub need not reach this host for it.
func TestALostDeliveryIsReadAndNotAskedForAgain(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", leak())
	w.pull("x")
	w.Deliver(t.Context(), unreached)
	w.concluded(head, "failure")
	if n := w.Calls("apps/redeliver-webhook-delivery"); n > 0 {
		t.Errorf("GitHub was asked %d times to deliver what was read", n)
	}
}

func TestALostDeliveryThatCannotBeReadIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.Blank("push")
	head := w.branch("x", "b.txt", leak())
	w.Deliver(t.Context(), unreached)
	w.eventually("GitHub delivers it again", func() bool { return w.Pending() > 0 })
	w.deliver()
	w.concluded(head, "failure")
}

// An organisation may have so many repositories that it takes hours to look through them.
func TestALostDeliveryDoesNotWaitForASlowCatchUp(t *testing.T) {
	for _, operation := range []string{"apps/list-installations", "pulls/list"} {
		t.Run(operation, func(t *testing.T) {
			hold := make(chan struct{})
			end := sync.OnceFunc(func() { close(hold) })
			w := newWorldAt(t, gate.Enforced, func(w *world) {
				w.catchUp = time.Hour
				w.Fail(ghfake.Fault{Operation: operation, Wait: hold, Times: 1 << 20})
			})
			t.Cleanup(end) // before the App ends
			w.eventually("the catch-up has begun", func() bool { return w.Calls(operation) > 0 })
			head := w.branch("x", "b.txt", leak())
			w.Deliver(t.Context(), unreached)
			w.concluded(head, "failure")
			end()
		})
	}
}
