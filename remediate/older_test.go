//go:build unix

package remediate

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// An intent behind which a run was killed is not forgotten when the database of just
// before it is put back: nobody could tell whether the call was made, as there is no check.
func TestAnIntentIsNotForgottenWithTheDatabase(t *testing.T) {
	if dir := os.Getenv("LEAKGATE_TEST_OLDER"); dir != "" {
		w := newWorld(t, dir, unchecked)
		c := w.leak(t, "the-value", "hard")
		digests, err := w.Plans(t.Context())
		must(t, err)
		w.crash = func(at string) {
			if at == "before intent" {
				_, err := w.Store.DB().ExecContext(t.Context(), `VACUUM INTO ?`, filepath.Join(dir, "before"))
				must(t, err)
			}
			if at == os.Getenv("LEAKGATE_TEST_POINT") {
				must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
				select {} // until the signal comes
			}
		}
		w.apply(t, digests[0], c)
		t.Fatal("the run came to its end")
	}
	for _, point := range []string{"before call", "behind call"} {
		t.Run(point, func(t *testing.T) { putBackBehind(t, point) })
	}
}

func putBackBehind(t *testing.T, point string) {
	dir := t.TempDir()
	w := newWorld(t, dir, unchecked)
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	file := filepath.Join(dir, "state", "leakgate.db")
	must(t, w.Store.Close())
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestAnIntentIsNotForgottenWithTheDatabase$")
	child.Env = append(os.Environ(), "LEAKGATE_TEST_OLDER="+dir, "LEAKGATE_TEST_POINT="+point)
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	before := filepath.Join(dir, "before")
	must(t, errors.Join(os.RemoveAll(file+"-wal"), os.RemoveAll(file+"-shm"), os.Chmod(before, 0o600), os.Rename(before, file)))
	deeds, _ := w.fake.effects("the-value")
	w = newWorld(t, dir, unchecked)
	_, err = w.Apply(t.Context(), digest, byID(c))
	if _, is := errors.AsType[*store.TrailError](err); !is || !strings.Contains(err.Error(), "older than it was here") {
		t.Errorf("from an older state: %v", err)
	}
	if again, _ := w.fake.effects("the-value"); len(again) != len(deeds) {
		t.Errorf("%d calls, and then %d", len(deeds), len(again))
	}
}

// unchecked has no provider that can be asked, and the head of the trail noted.
func unchecked(w *world) {
	for _, p := range w.Catalogue.Providers {
		p.Unchecked = "there is no read-only check"
	}
	w.noted = filepath.Join(w.dir, "noted")
	w.fake.status = map[string]revoke.Status{"the-value": revoke.Unknown}
}
