package work_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// oracle says of every value what it was told to, if it was asked about that value.
type oracle struct {
	mu    sync.Mutex
	value secret.Secret
	says  report.Validity
	asked int
}

func (o *oracle) Verify(_ context.Context, rule string, s secret.Secret) (report.Validity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if rule == "" || !s.Equal(o.value) {
		return report.Unknown, nil
	}
	o.asked++
	return o.says, nil
}

func (o *oracle) say(v report.Validity) { o.mu.Lock(); defer o.mu.Unlock(); o.says = v }

func (o *oracle) count() int { o.mu.Lock(); defer o.mu.Unlock(); return o.asked }

// state waits until the only incident is in a state.
func (w *world) state(want store.State) store.Incident {
	w.t.Helper()
	w.eventually("the incident is "+string(want), func() bool {
		all := w.incidents()
		return len(all) == 1 && all[0].State == want
	})
	return w.incidents()[0]
}

func TestIncidentsFollowWhatIssuersSay(t *testing.T) {
	token := gittest.Token()
	o := &oracle{value: secret.New(token), says: report.Active}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.reverify = o, 100*time.Millisecond })
	head := w.branch("x", "b.txt", "token = \""+token+"\"\n")
	number := w.FindSecret(w.repo, "acme_token", token, "b.txt", head, 1)
	w.deliver()
	w.concluded(head, "failure")
	in := w.state(store.Detected)
	w.eventually("the alert has its place", func() bool { return len(w.places(in.Credential.ID)) == 2 })
	o.say(report.Unknown)
	before := o.count()
	w.eventually("it is asked about again", func() bool { return o.count() > before+1 })
	w.state(store.Detected)
	o.say(report.Inactive)
	w.state(store.Revoked)
	w.eventually("GitHub's alert is resolved", func() bool { return w.SecretAlert(w.repo, number).Resolution == "revoked" })
	w.deliver() // of our own doing, which asks for nothing
	o.say(report.Active)
	w.state(store.Detected)
	w.unseen(token)
	if _, err := w.store.VerifyTrail(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAValueThatIsGoneIsNotDead(t *testing.T) {
	token := gittest.Token()
	o := &oracle{value: secret.New(token), says: report.Inactive}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.reverify = o, 100*time.Millisecond })
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
		if err := tx.See(t.Context(), store.Repository{ID: w.repo.ID(), Installation: w.installed.ID, Name: "acme/app"}); err != nil {
			return err
		}
		return tx.Record(t.Context(), "test", []store.Sighting{{Credential: store.Credential{ID: "LG-GONE", Rule: "slack-bot-token"},
			Repository: strconv.FormatInt(w.repo.ID(), 10), Fingerprint: "f", Body: store.Place{Blob: "00000000000000000000000000000000000000aa", Span: [2]int{0, 9}}}})
	}))
	w.eventually("nobody can be asked", func() bool { return w.lastAnswer("INC-GONE") == store.NotAsked })
	if told := w.trailOf("INC-GONE"); told["checked"] > 0 || told["not checked"] != 1 {
		t.Errorf("the trail says %v", told)
	}
	if in := w.incidents()[0]; in.State != store.Detected || o.count() > 0 {
		t.Errorf("it is %s after %d questions", in.State, o.count())
	}
}

func (w *world) lastAnswer(incident string) (a store.Answer) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(tx *store.Tx) (err error) { a, _, err = tx.LastAnswer(w.t.Context(), incident); return err }))
	return a
}

// trailOf counts what the audit trail says of an incident.
func (w *world) trailOf(incident string) map[string]int {
	w.t.Helper()
	told := map[string]int{}
	w.must(w.store.Trail(w.t.Context(), incident, func(e store.Event) error { told[e.Action]++; return nil }))
	return told
}

// A credential whose issuer takes no questions was not verified, however often its turn came.
func TestWhoCannotBeAskedIsNotVerified(t *testing.T) {
	token := gittest.Token()
	o := &oracle{value: secret.New(token), says: report.NotChecked}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.reverify = o, 100*time.Millisecond })
	w.branch("x", "b.txt", "token = \""+token+"\"\n")
	w.deliver()
	in := w.state(store.Detected)
	w.eventually("its turn came", func() bool { return w.lastAnswer(in.ID) == store.NotAsked })
	if told := w.trailOf(in.ID); told["checked"] > 0 || told["not checked"] != 1 {
		t.Errorf("the trail says %v", told)
	}
	o.say(report.Active)
	w.eventually("it is asked about", func() bool { return w.lastAnswer(in.ID) == store.Live && w.trailOf(in.ID)["checked"] == 1 })
}

func TestGitHubsAlertIsAnIncident(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	w.local.Git("checkout", "-q", "main")
	sha := w.local.Git("rev-parse", "HEAD")
	number := w.FindSecret(w.repo, "acme_token", token, "a.txt", sha, 1)
	w.deliver()
	in := w.state(store.Detected)
	var at store.Place
	w.must(json.Unmarshal(w.places(in.Credential.ID)[0].Body, &at))
	if at.Path != "a.txt" || at.Line != 1 || at.Commit != sha || at.Blob == "" || in.Exposure != "private" || in.Credential.Rule == "" {
		t.Errorf("%+v at %+v", in, at)
	}
	w.LeakSecret(w.repo, number)
	w.deliver()
	w.eventually("it is public", func() bool { return w.incidents()[0].Exposure == "public" })
	w.ResolveSecret(w.repo, number, "false_positive", "ada")
	w.deliver()
	w.eventually("what somebody says is known", func() (known bool) {
		w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
			a, err := tx.Alert(t.Context(), w.repo.ID(), number)
			known = a.State == "resolved"
			return err
		}))
		return known
	})
	w.state(store.Detected) // nobody proved anything
	w.unseen(token)
}

// Somebody who resolved an alert looked at it: nobody is called to it anew, and it is not over.
func TestAnAlertThatWasResolvedBeforeIsTriaged(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	sha := w.local.Git("rev-parse", "main")
	number := w.FindSecret(w.repo, "acme_token", token, "a.txt", sha, 1)
	w.ResolveSecret(w.repo, number, "used_in_tests", "ada")
	w.deliver()
	in := w.state(store.Triaged)
	if !strings.Contains(in.Reason, "used_in_tests") {
		t.Errorf("it says %q", in.Reason)
	}
	w.ResolveSecret(w.repo, number, "", "ada") // opened again
	w.deliver()
	w.state(store.Detected)
	w.ResolveSecret(w.repo, number, "false_positive", "ada") // which moves nothing any more
	w.deliver()
	w.eventually("what somebody says is known", func() bool { return w.alertState(number) == "resolved" })
	w.state(store.Detected)
}

func TestAResolvedAlertThatIsActiveIsDetected(t *testing.T) {
	w := newWorld(t)
	number := w.FindSecret(w.repo, "acme_token", gittest.Token(), "a.txt", w.local.Git("rev-parse", "main"), 1)
	w.ResolveSecret(w.repo, number, "revoked", "ada")
	w.ValidateSecret(w.repo, number, "active")
	w.deliver()
	w.eventually("it is known", func() bool { return w.alertState(number) == "resolved" })
	w.state(store.Detected)
}

func (w *world) alertState(number int64) (state string) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(tx *store.Tx) error {
		a, err := tx.Alert(w.t.Context(), w.repo.ID(), number)
		if state = a.State; errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}))
	return state
}

func TestAlertsThatCannotBeResolvedHoldNoneUp(t *testing.T) {
	token := gittest.Token()
	o := &oracle{value: secret.New(token), says: report.Inactive}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.reverify = o, 100*time.Millisecond })
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error { // of an installation that is gone, and first in line
		lost := store.Sighting{Credential: store.Credential{ID: "LG-LOST", Rule: "r"}, Repository: "1", Fingerprint: "f", Body: store.Place{}}
		if err := tx.Record(t.Context(), "test", []store.Sighting{lost}); err != nil {
			return err
		}
		for n := range int64(25) {
			if err := tx.KeepAlert(t.Context(), store.Alert{Repository: n/5 + 1, Number: n, Installation: 987654, Credential: "LG-LOST", State: "open"}); err != nil {
				return err
			}
		}
		_, err := tx.Answered(t.Context(), "INC-LOST", "test", store.Dead, "asked")
		return err
	}))
	head := w.branch("x", "b.txt", "token = \""+token+"\"\n")
	number := w.FindSecret(w.repo, "acme_token", token, "b.txt", head, 1)
	w.deliver()
	w.eventually("GitHub's alert is resolved", func() bool { return w.SecretAlert(w.repo, number).Resolution == "revoked" })
}
