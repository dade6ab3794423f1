package rollout

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func TestEveryStageStandsBeforeTheNext(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest, begin := w.plan(t), w.clock.Now()
	for i, after := range []time.Duration{10 * time.Minute, 40 * time.Minute, 70 * time.Minute, 130 * time.Minute} {
		for w.clock.Now().Before(begin.Add(after)) {
			s := w.apply(t, digest, Waiting)
			w.did(t, forward[:i+3]...)
			must(t, w.clock.Sleep(t.Context(), s.Next.Sub(w.clock.Now())))
		}
	}
	s := w.apply(t, digest, Waiting)
	if want := begin.Add(130*time.Minute + 7*24*time.Hour); !s.Next.Equal(want) || !strings.Contains(s.Why, "blue works until") {
		t.Errorf("%s until %s, want %s", s.Why, s.Next, want)
	}
	must(t, w.clock.Sleep(t.Context(), 7*24*time.Hour-time.Second))
	w.apply(t, digest, Waiting)
	w.did(t, forward[:6]...)
	must(t, w.clock.Sleep(t.Context(), time.Second))
	for range 2 {
		w.apply(t, digest, Finished)
	}
	w.did(t, forward...)
	_, err := w.Store.VerifyTrail(t.Context())
	must(t, err)
}

func TestAGateThatFailsMovesAllBack(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t, t.TempDir())
		digest := w.plan(t)
		asked := 0
		w.gate = func(stage string) (Verdict, string) {
			if stage == "ten" {
				if asked++; !late || asked > 2 { // within its dwell
					return Fail, "errors rose"
				}
			}
			return Pass, "all is well"
		}
		s, err := w.Follow(t.Context(), digest, func(Standing) {})
		must(t, err)
		if s.State != RolledBack || s.Why != "stage ten: errors rose" {
			t.Errorf("%+v", s)
		}
		w.did(t, backward...)
		w.gate = func(string) (Verdict, string) { return Pass, "" }
		w.apply(t, digest, RolledBack)
		w.did(t, backward...)
	}
}

func TestAGateThatCannotTellIsNoPass(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest, begin := w.plan(t), w.clock.Now()
	w.gate = func(stage string) (Verdict, string) {
		if stage == "ten" {
			return CannotTell, "no answer"
		}
		return Pass, ""
	}
	s, err := w.Follow(t.Context(), digest, func(Standing) {})
	must(t, err)
	if s.State != RolledBack || !strings.Contains(s.Why, "nobody could tell for 1h0m0s: no answer") {
		t.Errorf("%+v", s)
	}
	if took := w.clock.Now().Sub(begin); took != 100*time.Minute { // two dwells and the patience
		t.Errorf("it waited %s", took)
	}
	w.did(t, backward...)
}

func TestTheOldVersionStaysWhileItIsUsed(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.plan(t)
	left := 3
	w.used = func() (int, error) { left--; return left, nil }
	s, err := w.Follow(t.Context(), digest, func(s Standing) {
		if strings.Contains(s.Why, "sessions") {
			w.did(t, forward[:6]...)
		}
	})
	must(t, err)
	if s.State != Finished || left != 0 {
		t.Errorf("%+v, %d", s, left)
	}
	w.did(t, forward...)

	w = newWorld(t, t.TempDir())
	digest = w.plan(t)
	w.used = func() (int, error) { return 0, errBlind }
	if _, err := w.Follow(t.Context(), digest, func(Standing) {}); err == nil || !strings.Contains(err.Error(), "nobody can tell whether blue is used") {
		t.Error(err)
	}
	w.did(t, forward[:6]...)
}

func TestNothingIsDoneWhenNobodyCanTellWhatIs(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.plan(t)
	w.tell = errBlind
	if _, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "make green: nobody can tell") {
		t.Error(err)
	}
	w.did(t)
	w.tell = nil
	w.apply(t, digest, Waiting)
	w.did(t, forward[:3]...)
}

func TestTheOperatorTakesItBack(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.plan(t)
	w.apply(t, digest, Waiting)
	must(t, w.GoBack(t.Context(), digest, "ann says so"))
	if s := w.apply(t, digest, RolledBack); s.Why != "ann says so" {
		t.Error(s.Why)
	}
	w.did(t, "green=made", "store=green", "staging=green", "staging=blue", "green=retired")

	w = newWorld(t, t.TempDir())
	digest = w.plan(t)
	_, err := w.Follow(t.Context(), digest, func(Standing) {})
	must(t, err)
	if err := w.GoBack(t.Context(), digest, "too late"); err == nil {
		t.Error("a finished rollout goes back to a version that is gone")
	}
}

// A move that takes its time is not made twice.
func TestAMoveThatDoesNotShowYetIsWaitedFor(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.planned(t, strings.Replace(specText, `name = "shop"`, `name = "shop"`+"\nsettle = \"5m\"", 1), "")
	moves := 0
	w.Effects = func(*Plan) (Effects, error) {
		e := w.effects()
		e.Move = func(stage, version string) Step {
			is := w.effect(stage, version)
			return step{is.Done, func(ctx context.Context) error {
				if moves++; stage != "staging" {
					return is.Do(ctx)
				}
				return nil
			}}
		}
		return e, nil
	}
	for range 3 {
		if s := w.apply(t, digest, Waiting); !strings.Contains(s.Why, "does not show yet") {
			t.Error(s.Why)
		}
	}
	if moves != 1 {
		t.Errorf("moved %d times", moves)
	}
	must(t, w.effect("staging", "green").Do(t.Context()))
	must(t, w.clock.Sleep(t.Context(), 5*time.Minute))
	if s := w.apply(t, digest, Waiting); moves != 1 || !strings.Contains(s.Why, "stage staging stands") {
		t.Errorf("%d moves, %s", moves, s.Why)
	}
}

func TestTwoCannotApplyAtOnce(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.plan(t)
	release, err := w.Store.Exclusive(t.Context(), "apply")
	must(t, err)
	if _, err := w.Apply(t.Context(), digest); err == nil {
		t.Error("two apply at once")
	}
	release()
	w.apply(t, digest, Waiting)
}

func TestAForgedPlanIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir())
	digest := w.plan(t)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE plans SET body = replace(body, '168h0m0s', '0s')`)
		return err
	}))
	if _, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "was changed in the store") {
		t.Error(err)
	}
	w.did(t)
}

func TestTheValueFollowsFromThePlanAndTheKeyOnly(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, a, err := w.Read(t.Context(), w.plan(t))
	must(t, err)
	_, b, err := w.Read(t.Context(), w.plan(t))
	must(t, err)
	if !a.Value(w.Key).Equal(a.Value(w.Key)) || a.Value(w.Key).Equal(b.Value(w.Key)) || a.Value(w.Key).Len() != 43 {
		t.Error("the value is not one of the plan's own")
	}
}

// An older state of the database forgot what was done since.
func TestNothingIsDoneFromAnOlderState(t *testing.T) {
	dir := t.TempDir()
	noted := func(o *store.Options) { o.Noted = filepath.Join(dir, "noted") }
	w := newWorld(t, dir, noted)
	digest := w.plan(t)
	must(t, w.Store.Close())
	file := filepath.Join(dir, "state", "leakgate.db")
	before, err := os.ReadFile(file)
	must(t, err)
	w = newWorld(t, dir, noted)
	w.apply(t, digest, Waiting)
	must(t, w.Store.Close())
	must(t, os.WriteFile(file, before, 0o600))
	if _, err := newWorld(t, dir, noted).Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "older than it was here") {
		t.Error(err)
	}
}

// Nor is a step forgotten that a run wrote down and was cut off behind.
func TestAnIntentIsNotForgottenWithTheDatabase(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	noted := func(o *store.Options) { o.Noted = filepath.Join(dir, "noted") }
	w := newWorld(t, dir, noted)
	digest, copied := w.plan(t), filepath.Join(other, "state", "leakgate.db")
	must(t, os.Mkdir(filepath.Dir(copied), 0o700))
	w.crash = func(at string) {
		switch at {
		case "before intent of make green":
			_, err := w.Store.DB().ExecContext(t.Context(), `VACUUM INTO ?`, copied)
			must(t, err)
		case "before make green":
			panic(at)
		}
	}
	func() {
		defer func() {
			if at := recover(); at != "before make green" {
				t.Errorf("cut off at %v", at)
			}
		}()
		_, err := w.Apply(t.Context(), digest)
		t.Errorf("the run came to its end: %v", err)
	}()
	must(t, os.Chmod(copied, 0o600))
	old := newWorld(t, other, noted)
	if _, err := old.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "older than it was here") {
		t.Error(err)
	}
	old.did(t)
}

// A line that no event tells of passes no gate.
func TestAForgedJournalIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.gate = func(string) (Verdict, string) { return CannotTell, "nobody knows" }
	digest := w.plan(t)
	w.apply(t, digest, Waiting)
	did := w.log()
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO journal (plan, step, event, body, at) VALUES (?, ?, ?, '"all is well"', 1)`, digest, firstMove, passed)
		return err
	}))
	if s, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "was tampered with at line 7: no audit event tells of it") {
		t.Error(s, err)
	}
	w.did(t, did...)
}
