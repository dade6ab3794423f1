package work_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
)

// GitHub is still making a check run when the request for it was given up long ago: the
// next attempt does not find it, and makes no second one.
func TestARunThatMayBeInTheMakingIsNotMadeTwice(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.writeFor, w.doubtFor = 2*time.Second, time.Minute })
	slow := make(chan struct{})
	answer := sync.OnceFunc(func() { close(slow) })
	defer answer() // the server ends when nobody waits
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Fail(ghfake.Fault{Operation: "checks/create", Begun: true, Wait: slow})
	w.deliver()
	w.eventually("somebody sees that a run may come", func() bool { return strings.Contains(w.log.String(), "may be in the making") })
	if n := len(w.runs(head)); n != 0 {
		t.Errorf("%d runs", n)
	}
	answer()
	w.eventually("the run is there", func() bool { return len(w.runs(head)) > 0 })
	w.push("x:again") // asks for a look before the doubt is over
	w.deliver()
	w.concluded(head, "success")
}
