package work_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/store"
)

// looks waits until GitHub was asked so often more where the App is.
func (w *world) looks(n int) {
	w.t.Helper()
	want := w.Calls("apps/list-installations") + n
	w.eventually("it is looked where the App is", func() bool { return w.Calls("apps/list-installations") >= want })
}

func (w *world) forget() {
	w.t.Helper()
	_, err := work.Forgetter{Store: w.store, Drop: func(ctx context.Context, _ int64) error { return nil }}.Forget(w.t.Context(), "ada", w.installed.ID)
	w.must(err)
}

func TestWhatIsForgottenAndStillInstalledIsNotTakenInAgain(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.catchUp = time.Second })
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.deliver()
	w.concluded(head, "success")
	w.forget()
	w.looks(2)
	w.forget() // what ran meanwhile
	w.branch("y", "c.txt", "two\n")
	w.pull("y")
	w.looks(4)
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
		of, err := tx.Tenant(t.Context(), w.installed.ID)
		if of.Rows() > 0 {
			t.Errorf("taken in again: %+v", of)
		}
		return err
	}))
	if s := w.sweep("acme"); s.State != store.PassFailed || !strings.Contains(s.Why, "forgotten") {
		t.Errorf("it is swept: %+v", s)
	}
}

func (w *world) stands() (i store.Installation) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Installations(w.t.Context())
		if len(all) == 1 {
			i = all[0]
		}
		return err
	}))
	return i
}

func TestAnInstallationThatWentUntoldIsFoundGone(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.catchUp = time.Second })
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.deliver()
	w.concluded(head, "success")
	w.Suspend(w.installed, true)
	w.eventually("the suspension is seen", func() bool { return !w.stands().Suspended.IsZero() })
	w.Suspend(w.installed, false)
	w.eventually("its end is seen", func() bool { i := w.stands(); return i.ID != 0 && i.Suspended.IsZero() })
	w.Uninstall(w.installed)
	w.eventually("it is seen to be gone", func() bool { return !w.stands().Gone.IsZero() })
	since := w.stands().Gone
	w.looks(2)
	if again := w.stands().Gone; !again.Equal(since) {
		t.Errorf("gone since %v and %v", since, again)
	}
}

func TestWhatWasGivenUpWhileSuspendedIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.Suspend(w.installed, true)
	w.deliver()
	w.Suspend(w.installed, false)
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Suspend(w.installed, true) // before any of it is delivered
	w.deliver()
	w.eventually("the pull request is given up", func() bool { return strings.Contains(w.log.String(), "a job is given up") })
	w.Suspend(w.installed, false)
	w.deliver()
	w.concluded(head, "success")
}

func TestAPushThatWasGivenUpWhileSuspendedIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", leak())
	w.Suspend(w.installed, true) // before the push is delivered
	w.deliver()
	w.eventually("the push is given up", func() bool { return strings.Contains(w.log.String(), "a job is given up") })
	w.Suspend(w.installed, false)
	w.deliver()
	w.concluded(head, "failure")
}

func TestAPushThatWasAbandonedWhileSuspendedIsJudgedAfterAll(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", leak())
	w.Fail(ghfake.Fault{Operation: "git", Status: 503, Times: 1 << 20})
	w.deliver()
	w.eventually("a scan fails", func() bool { return strings.Contains(w.log.String(), "kind=scan") })
	w.Suspend(w.installed, true)
	w.eventually("the question is abandoned", func() bool { return len(w.pending(store.Cancelled)) > 0 })
	w.Calm()
	w.deliver()
	w.eventually("the suspension is known", func() bool { return !w.stands().Suspended.IsZero() })
	w.Suspend(w.installed, false)
	w.deliver()
	w.concluded(head, "failure")
}

// wake has the jobs of a kind that wait for a time begin.
func (w *world) wake(kind string) {
	w.t.Helper()
	_, err := w.store.DB().ExecContext(w.t.Context(), `UPDATE river_job SET state = 'available', scheduled_at = created_at WHERE kind = ? AND state = 'scheduled'`, kind)
	w.must(err)
}

// TestWhatWaitedToBeToldWaitsThroughASuspension: an alert, and what code scanning is to be
// told of a history. Nobody puts in the jobs for those again.
func TestWhatWaitedToBeToldWaitsThroughASuspension(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.app.Permissions["security_events"] = "write" })
	r := w.fill("acme/leaky", false, func(l *gittest.Repo) { l.File("a.txt", leak()) }, "main")
	for _, operation := range []string{"code-scanning/upload-sarif", "secret-scanning/get-alert"} {
		w.Fail(ghfake.Fault{Operation: operation, Status: 503, Times: 1 << 20})
	}
	token := gittest.Token()
	w.FindSecret(w.repo, "acme_token", token, "a.txt", w.local.Git("rev-parse", "HEAD"), 1)
	w.deliver()
	w.eventually("GitHub does not tell of the alert now", func() bool { return w.Calls("secret-scanning/get-alert") > 0 })
	w.sweep("acme")
	w.eventually("GitHub wants no upload now", func() bool { return w.Calls("code-scanning/upload-sarif") > 0 })
	w.Suspend(w.installed, true)
	w.Calm()
	asked := func(kind string) func() bool {
		return func() bool {
			w.wake(kind)
			return strings.Contains(w.log.String(), "kind="+kind+" why=\"the installation is suspended\"")
		}
	}
	w.eventually("the alert waits", asked("alert"))
	w.eventually("the history waits", asked("tell-history"))
	w.Suspend(w.installed, false)
	w.eventually("both categories are told", func() bool { w.wake("tell-history"); return len(w.Sarifs(r)) == 2 })
	w.eventually("the alert is an incident", func() bool { w.wake("alert"); return len(w.incidents()) == 2 })
}

// pending are the numbers of the questions in a state.
func (w *world) pending(state store.Progress) (ids []int64) {
	w.t.Helper()
	rows, err := w.store.DB().QueryContext(w.t.Context(), `SELECT id FROM questions WHERE state = ?`, string(state))
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		w.must(rows.Scan(&id))
		ids = append(ids, id)
	}
	w.must(rows.Err())
	return ids
}

// GitHub tells nobody of what is pushed while an installation is suspended.
func TestWhatWasPushedWhileSuspendedIsSwept(t *testing.T) {
	for name, lost := range map[string]func(*world){
		"both are told": func(w *world) {
			w.deliver()
			w.eventually("the suspension is known", func() bool { return !w.stands().Suspended.IsZero() })
		},
		"the begin is never told": func(w *world) { w.Forget("installation") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Rest(w.fill("acme/quiet", true, func(l *gittest.Repo) { l.File("a.txt", "nothing\n") }, "main"), 24*time.Hour)
			w.deliver()
			w.Suspend(w.installed, true)
			lost(w)
			w.branch("x", "b.txt", leak())
			w.Suspend(w.installed, false)
			w.deliver()
			w.state(store.Detected)
			all, err := w.store.Sweeps(t.Context(), []int64{w.installed.ID})
			w.must(err)
			if len(all) == 0 || all[len(all)-1].Since.IsZero() == (name == "both are told") {
				t.Errorf("swept: %+v", all)
			}
			for _, s := range all { // of which nobody knows how long it was suspended all is looked at
				if want := map[bool]int{true: 2, false: 1}[s.Since.IsZero()]; s.Total != want {
					t.Errorf("%d repositories are swept since %s", s.Total, s.Since)
				}
			}
		})
	}
}
