//go:build unix

package rollout

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// points are where a run may be cut off: around every effect and its line in the journal.
func points() (all []string) {
	p := &Plan{Old: "blue", New: "green", Spec: Spec{Stages: []Stage{{Name: "staging"}, {Name: "ten"}, {Name: "half"}, {Name: "all"}}}}
	for _, n := range []int{minted, delivered, firstMove, firstMove + 1, firstBack + 1, firstBack, withdrawn, firstMove + 3, retired} {
		for _, where := range []string{"before intent of ", "before ", "behind "} {
			all = append(all, where+p.word(n))
		}
	}
	return all
}

// TestARolloutThatIsKilledIsTakenUp kills a process of its own at each point and
// applies the plan again, until it is over.
func TestARolloutThatIsKilledIsTakenUp(t *testing.T) {
	if dir := os.Getenv("LEAKGATE_TEST_DIR"); dir != "" {
		killedAt(t, dir, os.Getenv("LEAKGATE_TEST_POINT"))
		return
	}
	for _, point := range points() {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			killAndTakeUp(t, point)
		})
	}
}

// fails reports whether the point is on the way back.
func fails(point string) bool {
	return len(point) > 7 && (point[len(point)-7:] == "to blue" || point[len(point)-12:] == "retire green")
}

func (w *world) failAtTen(point string) {
	if fails(point) {
		w.gate = func(stage string) (Verdict, string) {
			if stage == "ten" {
				return Fail, "errors rose"
			}
			return Pass, ""
		}
	}
}

func killAndTakeUp(t *testing.T, point string) {
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestARolloutThatIsKilledIsTakenUp$")
	child.Env = append(os.Environ(), "LEAKGATE_TEST_DIR="+dir, "LEAKGATE_TEST_POINT="+point)
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	w := newWorld(t, dir)
	w.failAtTen(point)
	digest, err := os.ReadFile(dir + "/digest")
	must(t, err)
	for range 2 {
		s, err := w.Follow(t.Context(), string(digest), func(Standing) {})
		must(t, err)
		want, effects := Finished, forward
		if fails(point) {
			want, effects = RolledBack, backward
		}
		if s.State != want {
			t.Errorf("%s, want %s: %s", s.State, want, s.Why)
		}
		w.did(t, effects...)
	}
	_, err = w.Store.VerifyTrail(t.Context())
	must(t, err)
}

func killedAt(t *testing.T, dir, point string) {
	w := newWorld(t, dir)
	w.failAtTen(point)
	digest := w.plan(t)
	must(t, os.WriteFile(dir+"/digest", []byte(digest), 0o600))
	w.crash = func(at string) {
		if at == point {
			must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {} // until the signal comes
		}
	}
	_, err := w.Follow(t.Context(), digest, func(Standing) {})
	must(t, err)
	t.Fatal("the run came to its end")
}
