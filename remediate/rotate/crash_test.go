//go:build unix

package rotate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

// points are where a run may be cut off.
var points = []string{"before minting", "before mint", "behind mint", "behind minted", "before write", "behind write", "behind written", "before destroy", "behind destroy"}

// TestARunThatIsKilledIsTakenUp kills a process of its own at each point and
// applies the plan again: one version more, one value at the issuer.
func TestARunThatIsKilledIsTakenUp(t *testing.T) {
	if dir := os.Getenv("LEAKGATE_TEST_DIR"); dir != "" {
		killedAt(t, dir, os.Getenv("LEAKGATE_TEST_MINT"), os.Getenv("LEAKGATE_TEST_POINT"))
		return
	}
	for _, mint := range []string{"generate", "issuer"} {
		for _, stale := range []time.Duration{0, 30 * time.Second} {
			for _, point := range points {
				t.Run(fmt.Sprint(mint, " ", stale, " ", point), func(t *testing.T) { killAndTakeUp(t, mint, stale, point) })
			}
		}
	}
}

func killAndTakeUp(t *testing.T, mint string, stale time.Duration, point string) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestARunThatIsKilledIsTakenUp$")
	child.Env = append(os.Environ(), "LEAKGATE_TEST_DIR="+dir, "LEAKGATE_TEST_POINT="+point, "LEAKGATE_TEST_MINT="+mint)
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	w := newWorld(t, dir, mintedBy(mint), func(w *world) { w.shelf.stale = stale })
	digests, err := w.Plans(t.Context())
	must(t, err)
	if mint == "issuer" && point == "behind mint" { // nobody can prove whose it is
		if o := w.apply(t, digests[0], remediate.Refused); !strings.Contains(o.Why, "REFUSED_AMBIGUOUS") || !strings.Contains(o.Why, "key-1") {
			t.Error(o.Why)
		}
		must(t, w.issuer.Discard(t.Context(), "key-1"))
	}
	if !strings.Contains(point, "destroy") {
		w.apply(t, digests[0], Waiting)
	}
	must(t, w.clock.Sleep(t.Context(), grace))
	for range 2 {
		w.apply(t, digests[0], Rotated)
	}
	if _, n := w.now(t); n != 2 {
		t.Errorf("%d versions, want one more", n)
	}
	if ids, _ := w.issuer.List(t.Context()); mint == "issuer" && len(ids) != 1 {
		t.Errorf("at the issuer: %v, want one", ids)
	}
	if old, _ := w.shelf.load(1); !old.Destroyed {
		t.Error("the old version is there")
	}
	_, err = w.Engine.Store.VerifyTrail(t.Context())
	must(t, err)
}

func killedAt(t *testing.T, dir, mint, point string) {
	w := newWorld(t, dir, mintedBy(mint))
	_, digest := w.plan(t)
	w.crash = func(at string) {
		if at == point {
			must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {} // until the signal comes
		}
	}
	if _, err := w.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	must(t, w.clock.Sleep(t.Context(), grace))
	_, err := w.Apply(t.Context(), digest)
	t.Fatal("the run came to its end", err)
}
