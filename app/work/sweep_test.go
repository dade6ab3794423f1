package work_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/store"
)

// sweep asks for one and waits until it is over.
func (w *world) sweep(account string) store.Sweep {
	w.t.Helper()
	id, err := work.WantSweep(w.t.Context(), w.store, slog.New(slog.DiscardHandler), account)
	w.must(err)
	var s store.Sweep
	w.eventually("the sweep is over", func() bool {
		s, err = w.store.SweepByID(w.t.Context(), id)
		w.must(err)
		return s.State == store.PassDone || s.State == store.PassFailed
	})
	return s
}

// swept are the repositories of a sweep, by name.
func (w *world) swept(id int64) map[string]store.Swept {
	w.t.Helper()
	out := map[string]store.Swept{}
	w.must(w.store.Tx(w.t.Context(), func(t *store.Tx) error {
		all, err := t.Swept(w.t.Context(), id)
		for _, r := range all {
			out[r.Name] = r
		}
		return err
	}))
	return out
}

// fill makes a repository with a history.
func (w *world) fill(name string, private bool, commits func(*gittest.Repo), refs ...string) *ghfake.Repo {
	w.t.Helper()
	r, err := w.Repository(name, private)
	w.must(err)
	w.Collaborator(r, "ada", "admin")
	local := gittest.New(w.t)
	commits(local)
	local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(r), "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
	local.Git(append([]string{"push", "-q", "origin"}, refs...)...)
	return r
}

func TestASweepLooksAtAllOfEveryRepository(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprint("without git ", plain), func(t *testing.T) { testSweep(t, plain) })
	}
}

func testSweep(t *testing.T, plain bool) {
	w := newWorldAt(t, 0, func(w *world) { w.plain = plain })
	removed := w.fill("acme/removed", true, func(l *gittest.Repo) {
		l.File("a.txt", leak())
		l.Git("rm", "-q", "a.txt")
		l.File("b.txt", "nothing\n")
	}, "main")
	removed.Archived = true
	pulled := w.fill("acme/pulled", true, func(l *gittest.Repo) {
		l.File("a.txt", "nothing\n")
		l.Git("checkout", "-q", "-b", "x")
		l.File("a.txt", leak())
		l.Git("tag", "-a", "-m", "A tag", "v1", "main")
	}, "main", "v1", "x:refs/heads/x", "x:refs/heads/y")
	_, _, err := w.ada.PullRequests.Create(t.Context(), "acme", "pulled", &github.NewPullRequest{Title: github.Ptr("x"), Head: github.Ptr("x"), Base: github.Ptr("main")})
	w.must(err)
	for _, branch := range []string{"x", "y"} { // its head stays at the pull request
		_, err := pulled.Git.Git("update-ref", "-d", "refs/heads/"+branch)
		w.must(err)
	}
	_, err = w.Repository("acme/empty", true)
	w.must(err)
	w.fill("acme/broken", true, func(l *gittest.Repo) { l.File(".leakgate.yaml", "version: 1\nnonsense: 7\n") }, "main")

	s := w.sweep("ACME")
	if s.State != store.PassDone || s.Total != 5 || s.Done() != 5 || s.Count[store.PassIncomplete] != 1 || s.Findings != 2 || s.Blocking != 2 {
		t.Errorf("%+v", s)
	}
	all := w.swept(s.ID)
	for name, commits := range map[string]int64{"acme/app": 1, "acme/removed": 2, "acme/pulled": 2, "acme/empty": 0} {
		if r := all[name]; r.State != store.PassDone || r.Commits != commits {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := all["acme/broken"]; r.State != store.PassIncomplete || !strings.Contains(r.Why, "nonsense") {
		t.Errorf("%+v", r)
	}
	if all["acme/removed"].Traits != "archived" {
		t.Errorf("%+v", all["acme/removed"])
	}
	open, err := w.store.OpenBySeverity(t.Context(), s.ID)
	w.must(err)
	if n := open["critical"] + open["high"] + open["medium"] + open["low"]; n != 2 {
		t.Errorf("open incidents: %v", open)
	}
	if left, _ := filepath.Glob(filepath.Join(w.mirrors, "*.copy")); len(left) > 0 {
		t.Errorf("copies are left: %q", left)
	}
	if list, err := w.store.Sweeps(t.Context(), []int64{w.installed.ID}); err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("%+v %v", list, err)
	}
}

func TestASweepOfNobodySaysSo(t *testing.T) {
	w := newWorldAt(t, 0)
	if s := w.sweep("nobody"); s.State != store.PassFailed || !strings.Contains(s.Why, "it is for: acme") {
		t.Errorf("%+v", s)
	}
	w.Suspend(w.installed, true)
	if s := w.sweep("acme"); s.State != store.PassFailed || !strings.Contains(s.Why, "suspended") {
		t.Errorf("%+v", s)
	}
}

func TestASweepTellsWhatItCouldNotLookAt(t *testing.T) {
	w := newWorldAt(t, 0, func(w *world) { w.copies = 400 << 10 })
	w.fill("acme/large", true, func(l *gittest.Repo) { l.File("a.txt", gittest.Letters(1<<20)) }, "main")
	s := w.sweep("acme")
	all := w.swept(s.ID)
	if r := all["acme/large"]; r.State != store.PassIncomplete || !strings.Contains(r.Why, "larger than allowed") {
		t.Errorf("%+v", r)
	}
	if r := all["acme/app"]; r.State != store.PassDone {
		t.Errorf("%+v", r)
	}
}

func TestCodeScanningIsToldOfAHistoryUntilItIsRevoked(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.app.Permissions["security_events"] = "write" })
	r := w.fill("acme/leaky", false, func(l *gittest.Repo) {
		l.File("a.txt", leak())
		l.Git("rm", "-q", "a.txt")
		l.File("b.txt", leak())
	}, "main")
	w.sweep("acme")
	results := func() (head, history int) {
		for _, s := range w.Sarifs(r) {
			if n := strings.Count(string(s.Log), `"partialFingerprints"`); strings.Contains(string(s.Log), "leakgate/head/") {
				head = n
			} else {
				history = n
			}
		}
		return head, history
	}
	w.eventually("one result is at head, one in history", func() bool { head, history := results(); return head == 1 && history == 1 })
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Incidents(t.Context())
		for _, in := range all {
			proof, err := tx.Audit(t.Context(), "test", "checked", in.ID, map[string]string{"status": "dead"})
			w.must(err)
			w.must(tx.Advance(t.Context(), in.ID, store.Move{To: store.Revoked, By: "test", Proof: proof}))
		}
		return err
	}))
	w.sweep("acme")
	w.eventually("nothing that is revoked is told", func() bool { head, history := results(); return head == 0 && history == 0 })
}

// GitHub may want no upload for long: the history is not scanned again for that.
func TestAHistoryIsScannedOnceHoweverOftenGitHubWantsNoUpload(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.app.Permissions["security_events"] = "write" })
	r := w.fill("acme/leaky", false, func(l *gittest.Repo) { l.File("a.txt", leak()) }, "main")
	w.Fail(ghfake.Fault{Operation: "code-scanning/upload-sarif", Status: 403, RetryIn: time.Second, Times: 3})
	s := w.sweep("acme") // is over all the same
	if all := w.swept(s.ID); all["acme/leaky"].State != store.PassDone || all["acme/leaky"].Findings != 1 {
		t.Errorf("%+v", all)
	}
	w.eventually("both categories are told", func() bool { return len(w.Sarifs(r)) == 2 && w.swept(s.ID)["acme/leaky"].Told })
	if n := strings.Count(w.log.String(), fmt.Sprintf("msg=history sweep=%d repository=%d ", s.ID, r.ID())); n != 1 {
		t.Errorf("it was scanned %d times", n)
	}
	w.eventually("nothing is to be told yet", func() (none bool) {
		w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
			left, err := tx.UntoldHistories(t.Context())
			none = len(left) == 0
			return err
		}))
		return none
	})
}

func TestAPullRequestOfWhichNoDeliveryToldIsFound(t *testing.T) {
	var head string
	w := newWorldAt(t, gate.Enforced, func(w *world) {
		w.catchUp = time.Hour
		head = w.branch("x", "b.txt", leak())
		w.pull("x")
	})
	w.concluded(head, "failure")
}

func TestTheMirrorOfARepositoryThatIsGoneGoes(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) {
		w.catchUp = time.Hour
		w.must(os.MkdirAll(filepath.Join(w.mirrors, "4711.git"), 0o700))
	})
	w.eventually("the mirror is gone", func() bool {
		_, err := os.Stat(filepath.Join(w.mirrors, "4711.git"))
		return os.IsNotExist(err)
	})
}

func TestInstallationsAreSweptByThemselves(t *testing.T) {
	w := newWorldAt(t, gate.NotEnrolled, func(w *world) { w.every = time.Hour })
	w.eventually("acme was swept", func() bool {
		all, err := w.store.Sweeps(t.Context(), []int64{w.installed.ID})
		w.must(err)
		return len(all) == 1 && all[0].State == store.PassDone && all[0].Total == 1
	})
}
