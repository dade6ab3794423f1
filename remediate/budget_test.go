package remediate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// The budget of a day is that of all runs, of other processes too; neither a new
// plan nor a clock that goes back gives more.
func TestTheBudgetOfADayIsThatOfAllRuns(t *testing.T) {
	dir := t.TempDir()
	daily := func(w *world) { w.Policy.Daily, w.Policy.Lifetime = 3, revoke.Duration(100*time.Hour) }
	w := newWorld(t, dir, daily)
	leaks := w.leaks(t, 9)
	run := func(w *world, c Case) Outcome {
		t.Helper()
		_, digest := w.plan(t, c)
		return w.apply(t, digest, c)[0]
	}
	for i := range 3 {
		if o := run(w, leaks[i]); o.Effect != Proven {
			t.Fatalf("%+v", o)
		}
	}
	again := newWorld(t, dir, daily) // as another process
	again.clock.now = w.clock.now
	if o := run(again, leaks[3]); o.Effect != Refused || !strings.Contains(o.Why, "which is what daily allows") {
		t.Errorf("another plan: %+v", o)
	}
	if o := run(again, again.leak(t, "soft-value", "soft")); o.Effect != Proven { // what can be taken back costs nothing
		t.Errorf("a soft one: %+v", o)
	}
	again.later(-25 * time.Hour)
	_, digest := again.plan(t, leaks[3])
	if out, err := again.Apply(t.Context(), digest, byID(leaks[3])); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("a clock that went back: %v %+v", err, out)
	}
	w.later(25 * time.Hour)
	if o := run(w, leaks[4]); o.Effect != Proven {
		t.Errorf("a day later: %+v", o)
	}
}

// An approval or a plan that has ended is not made valid by a clock that goes back.
func TestAClockThatGoesBackMakesNothingValidAgain(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers, w.Policy.Approvals = who.listed(), []Quorum{{Need: 1}}
	})
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	a := who.sign(t, w, "bob", digest) // for an hour
	must(t, w.Approve(t.Context(), a))
	w.later(2 * time.Hour)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Audit(t.Context(), "ann", "something", "else", struct{}{})
		return err
	}))
	w.later(-2 * time.Hour)
	if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil || !strings.Contains(err.Error(), "ended at") {
		t.Errorf("applied: %v", err)
	}
	if err := w.Approve(t.Context(), a); err == nil {
		t.Error("it was taken again")
	}
	w.later(30 * time.Hour)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Audit(t.Context(), "ann", "something", "else", struct{}{})
		return err
	}))
	w.later(-30 * time.Hour)
	if _, err := w.Apply(t.Context(), digest, byID(c)); !errors.Is(err, ErrExpired) {
		t.Errorf("applied: %v", err)
	}
}

// A provider that is out of order is left alone while planning too, and one that
// answers that it does not know a value is not out of order.
func TestAPlanLeavesAProviderAloneThatIsOutOfOrder(t *testing.T) {
	for _, answered := range []bool{false, true} {
		w := newWorld(t, t.TempDir())
		leaks := w.leaks(t, 8)
		w.fake.status = map[string]revoke.Status{}
		for _, c := range leaks {
			w.fake.status[c.Value.Reveal()] = revoke.Unknown
		}
		w.fake.answered = answered
		w.plan(t, leaks...)
		if want := map[bool]int{false: maxFaults, true: 8}[answered]; len(w.fake.calls["hard"]) != want {
			t.Errorf("answered %t: it was asked %d times, want %d", answered, len(w.fake.calls["hard"]), want)
		}
	}
}

// An old event of the trail that was edited is seen by who uses it, without a
// walk over all.
func TestAnEditedEventIsSeenByWhoUsesIt(t *testing.T) {
	w, c, _ := disabledOne(t)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		for i := range 600 {
			if _, err := tx.Audit(t.Context(), "ann", "something", fmt.Sprint("else ", i), struct{}{}); err != nil {
				return err
			}
		}
		return nil
	}))
	w.later(defaultGrace)
	_, digest := w.plan(t, c)
	for _, statement := range []string{`DROP TRIGGER audit_no_update`, `UPDATE audit SET body = replace(body, 'id-of-soft', 'id-of-decoy') WHERE action = 'disable intent'`} {
		change(t, w.dir, statement)
	}
	if out, err := w.Apply(t.Context(), digest, byID(c)); err == nil {
		t.Errorf("applied: %+v", out)
	}
	w.did(t, "[disable]")
}

// Nothing is asked of the kill switch but that it is there.
func TestTheKillSwitchIsSeenByWhoServes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stop")
	e := &Engine{Policy: Policy{KillSwitch: file}}
	must(t, e.Stopped())
	must(t, os.WriteFile(file, nil, 0o600))
	if err := e.Stopped(); !errors.Is(err, ErrStopped) {
		t.Errorf("it goes on: %v", err)
	}
}
