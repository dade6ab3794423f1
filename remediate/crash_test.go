//go:build unix

package remediate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// points are where a run may be cut off: around every line of the journal.
var points = []string{"before intent", "before call", "behind call", "behind answer", "before verified", "behind verified"}

// TestARunThatIsKilledIsTakenUp kills a process of its own at each point of the
// journal and applies the plan again, until it says that all is done.
func TestARunThatIsKilledIsTakenUp(t *testing.T) {
	if dir := os.Getenv("LEAKGATE_TEST_DIR"); dir != "" {
		killedAt(t, dir, os.Getenv("LEAKGATE_TEST_POINT"))
		return
	}
	for _, kind := range []string{"soft", "hard"} {
		for _, delay := range []time.Duration{0, 10 * time.Minute} {
			for _, point := range points {
				t.Run(fmt.Sprint(kind, " ", delay, " ", point), func(t *testing.T) { killAndTakeUp(t, kind, delay, point) })
			}
		}
	}
}

func killAndTakeUp(t *testing.T, kind string, delay time.Duration, point string) {
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestARunThatIsKilledIsTakenUp$")
	child.Env = append(os.Environ(), "LEAKGATE_TEST_DIR="+dir, "LEAKGATE_TEST_POINT="+point, "LEAKGATE_TEST_KIND="+kind, "LEAKGATE_TEST_DELAY="+delay.String())
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	w := newWorld(t, dir, slow(delay))
	c := w.leak(t, "the-value", kind)
	digests, err := w.Plans(t.Context())
	must(t, err)
	if len(digests) != 1 {
		t.Fatalf("%d plans", len(digests))
	}
	for range 2 {
		if o := w.apply(t, digests[0], c)[0]; o.Effect != Proven {
			t.Errorf("%s: %s", o.Effect, o.Why)
		}
	}
	if deeds, _ := w.fake.effects("the-value"); len(deeds) != 1 {
		t.Errorf("the effects: %v, want one", deeds)
	}
	if w.state(t, c) != store.Revoked {
		t.Errorf("the incident is %s", w.state(t, c))
	}
	_, err = w.Store.VerifyTrail(t.Context())
	must(t, err)
}

func killedAt(t *testing.T, dir, point string) {
	delay, err := time.ParseDuration(os.Getenv("LEAKGATE_TEST_DELAY"))
	must(t, err)
	w := newWorld(t, dir, slow(delay))
	c := w.leak(t, "the-value", os.Getenv("LEAKGATE_TEST_KIND"))
	_, digest := w.plan(t, c)
	w.crash = func(at string) {
		if at == point {
			must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {} // until the signal comes
		}
	}
	w.apply(t, digest, c)
	t.Fatal("the run came to its end")
}

// What nobody can check is not called a second time either.
func TestWhatCannotBeCheckedIsNotCalledTwice(t *testing.T) {
	blind := func(w *world) {
		for _, p := range w.Catalogue.Providers {
			p.Unchecked = "there is no read-only check"
		}
	}
	dir := t.TempDir()
	w := newWorld(t, dir, blind)
	c := w.leak(t, "the-value", "hard")
	w.fake.status = map[string]revoke.Status{"the-value": revoke.Unknown}
	_, digest := w.plan(t, c)
	w.cutOff(t, "behind call", digest, c)
	for range 2 {
		if o := w.apply(t, digest, c)[0]; o.Effect != Open {
			t.Errorf("%s: %s", o.Effect, o.Why)
		}
	}
	if deeds, _ := w.fake.effects("the-value"); len(deeds) != 1 {
		t.Errorf("the effects: %v, want one", deeds)
	}
}
