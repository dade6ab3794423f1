package rotate

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

func TestARotationFromPlanToEnd(t *testing.T) {
	w := newWorld(t, t.TempDir())
	step, digest := w.plan(t)
	if value, n := w.now(t); step.Deed != remediate.Rotate || value != "the-old-value" || n != 1 {
		t.Fatalf("the plan did something: %q, %d versions, %s", step.Deed, n, step.Note)
	}
	if o := w.apply(t, digest, Waiting); !strings.Contains(o.Why, "2026-03-08T12:00:00Z") {
		t.Error(o.Why)
	}
	value, n := w.now(t)
	v, _ := w.shelf.load(2)
	if n != 2 || len(value) != defaultLength || v.Values["other"] != "stays" {
		t.Errorf("%d versions, %d characters, other is %q", n, len(value), v.Values["other"])
	}
	if len(w.shelf.notes) != 1 || w.shelf.notes[0].Reason != "it leaked" || w.shelf.notes[0].Plan != digest {
		t.Errorf("%+v", w.shelf.notes)
	}
	w.apply(t, digest, Waiting)
	must(t, w.clock.Sleep(t.Context(), grace))
	for range 2 {
		w.apply(t, digest, Rotated)
	}
	if old, _ := w.shelf.load(1); !old.Destroyed {
		t.Error("the old version is there")
	}
	if again, n := w.now(t); again != value || n != 2 {
		t.Error("another version was written")
	}
	_, err := w.Engine.Store.VerifyTrail(t.Context())
	must(t, err)
}

func TestNothingIsWrittenOverSomebodyElse(t *testing.T) {
	for name, meddle := range map[string]func(*world){
		"before the run":   func(w *world) { w.meddle("another-value") },
		"between the two":  func(w *world) { w.crash = func(at string) { w.once(at, "before write") } },
		"with the old one": func(w *world) { w.meddle("the-old-value") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir(), mintedBy("issuer"))
			_, digest := w.plan(t)
			meddle(w)
			w.apply(t, digest, remediate.Refused)
			if value, n := w.now(t); n != 2 || value != "another-value" && value != "the-old-value" {
				t.Errorf("%d versions", n)
			}
			if ids, _ := w.issuer.List(t.Context()); len(ids) != 0 {
				t.Errorf("left at the issuer: %v", ids)
			}
			w.crash = nil
			w.apply(t, digest, remediate.Refused)
		})
	}
}

func (w *world) meddle(value string) {
	n := w.shelf.last(false)
	v, _ := w.shelf.load(n)
	v.Values["password"], v.At = value, w.clock.Now()
	w.shelf.save(n+1, v)
}

func (w *world) once(at, point string) {
	if at == point {
		w.meddle("another-value")
	}
}

func TestTheOldVersionStaysWhileAnythingIsOpen(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	w.Follower = follower{errors.New("pods are older than the Secret")}
	if o := w.apply(t, digest, remediate.Open); !strings.Contains(o.Why, "pods are older") {
		t.Error(o.Why)
	}
	must(t, w.clock.Sleep(t.Context(), grace))
	w.apply(t, digest, remediate.Open)
	w.Follower = follower{}
	w.shelf.fail["destroy"] = errors.New("a page of HTML")
	w.apply(t, digest, remediate.Open)
	w.shelf.fail["read"] = errors.New("out of order")
	w.apply(t, digest, remediate.Open)
	w.shelf.fail = map[string]error{}
	w.apply(t, digest, Rotated)
}

type follower struct{ err error }

func (f follower) Follow(context.Context, remediate.Place, secret.Secret, time.Time) (string, error) {
	return "3 pods are newer", f.err
}

func TestAStaleReadIsWaitedFor(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) { w.shelf.stale = 20 * time.Second })
	_, digest := w.plan(t)
	w.apply(t, digest, Waiting)
	other := newWorld(t, t.TempDir(), func(w *world) { w.shelf.stale = time.Hour })
	_, digest = other.plan(t)
	other.apply(t, digest, remediate.Open)
	if _, n := other.now(t); n != 2 {
		t.Errorf("%d versions", n)
	}
	must(t, other.clock.Sleep(t.Context(), time.Hour))
	other.apply(t, digest, Waiting)
	if _, n := other.now(t); n != 2 {
		t.Errorf("%d versions", n)
	}
}

func TestAnUnclearWriteIsLookedAtBeforeAnother(t *testing.T) {
	w := newWorld(t, t.TempDir(), mintedBy("issuer"))
	_, digest := w.plan(t)
	w.shelf.fail["write"] = errors.New("no answer in time")
	w.apply(t, digest, remediate.Open)
	w.shelf.fail = map[string]error{}
	w.apply(t, digest, Waiting)
	if ids, _ := w.issuer.List(t.Context()); len(ids) != 1 || ids[0] != "key-2" {
		t.Errorf("at the issuer: %v", ids)
	}
	if out, err := w.Undo(t.Context(), digest); err != nil || !strings.Contains(out[0].Why, "key-2, which was made for this, still works") {
		t.Errorf("%v, %v", out, err)
	}
	if v, _ := w.shelf.load(2); v.Values["id"] != "key-2" {
		t.Errorf("the id beside the value is %q", v.Values["id"])
	}
}

func TestARefusalLeavesNothingBehind(t *testing.T) {
	w := newWorld(t, t.TempDir(), mintedBy("issuer"))
	_, digest := w.plan(t)
	w.shelf.fail["write"] = ErrDenied
	w.apply(t, digest, remediate.Refused)
	if ids, _ := w.issuer.List(t.Context()); len(ids) != 0 {
		t.Errorf("left at the issuer: %v", ids)
	}
	w.issuer.fail = ErrDenied
	w.apply(t, digest, remediate.Refused)
	w.issuer.fail, w.shelf.fail = nil, map[string]error{}
	w.apply(t, digest, Waiting)
}

func TestUndoWhileTheOldVersionIsThere(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	undo := func(want remediate.Effect, text string) {
		t.Helper()
		out, err := w.Undo(t.Context(), digest)
		must(t, err)
		if out[0].Effect != want || !strings.Contains(out[0].Why, text) {
			t.Errorf("%s: %s", out[0].Effect, out[0].Why)
		}
	}
	undo(remediate.Nothing, "nothing was written")
	w.apply(t, digest, Waiting)
	undo(remediate.Nothing, "the old value is in place again, as version 3")
	if value, n := w.now(t); value != "the-old-value" || n != 3 {
		t.Errorf("%d versions", n)
	}
	undo(remediate.Nothing, "taken back before")
	w.apply(t, digest, remediate.Refused)
	_, digest = w.plan(t)
	w.apply(t, digest, Waiting)
	must(t, w.clock.Sleep(t.Context(), grace))
	w.apply(t, digest, Rotated)
	undo(remediate.Refused, "was destroyed")
}

func TestUndoOverwritesNobody(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	w.apply(t, digest, Waiting)
	w.meddle("another-value")
	out, err := w.Undo(t.Context(), digest)
	must(t, err)
	if value, n := w.now(t); out[0].Effect != remediate.Refused || value != "another-value" || n != 3 {
		t.Errorf("%+v, %d versions", out[0], n)
	}
}

func TestAPlanSaysWhatItWillNotDo(t *testing.T) {
	w := newWorld(t, t.TempDir())
	plan, _, err := w.Plan(t.Context(), []Wish{{Place: "app", Credential: "LG-ANOTHER"}})
	must(t, err)
	if s := plan.Steps[0]; s.Deed != "" || !strings.Contains(s.Note, "REFUSED_AMBIGUOUS") {
		t.Errorf("%+v", s)
	}
	w.Policy.Stores[0].Key = "missing"
	if s, _ := w.plan(t); s.Deed != "" || !strings.Contains(s.Note, `no key "missing"`) {
		t.Errorf("%+v", s)
	}
	w.shelf.fail["read"] = errors.New("a page of HTML")
	if s, _ := w.plan(t); s.Deed != "" || !strings.Contains(s.Note, "nobody can tell") {
		t.Errorf("%+v", s)
	}
	if _, _, err := w.Plan(t.Context(), []Wish{{Place: "elsewhere"}}); err == nil {
		t.Error("a place that nobody configured")
	}
}

func TestNamesOfVersionsAndReasonsHoldNoValue(t *testing.T) {
	for id, sound := range map[string]bool{"3": true, "11111111-1111-4111-8111-111111111111": true, "": false, "a\x1b[2J": false, "the-old-value": false, strings.Repeat("a", 129): false} {
		if err := (Version{ID: id, Values: map[string]secret.Secret{"password": secret.New("the-old-value")}}).sound(); (err == nil) != sound {
			t.Errorf("%q: %v", id, err)
		}
	}
	w := newWorld(t, t.TempDir())
	plan, _, err := w.Plan(t.Context(), []Wish{{Place: "app", Reason: "the-old-value was found"}})
	must(t, err)
	if s := plan.Steps[0]; s.Deed != "" || s.Rotation.Reason != "" {
		t.Errorf("%+v", s)
	}
}

func TestARunDestroysNoMoreThanTheBudget(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.Policy.Budget = 1
	other := w.Policy.Stores[0]
	other.Name = "other"
	w.Policy.Stores = append(w.Policy.Stores, other)
	_, one, err := w.Plan(t.Context(), []Wish{{Place: "app"}})
	must(t, err)
	w.apply(t, one, Waiting)
	_, two, err := w.Plan(t.Context(), []Wish{{Place: "other"}})
	must(t, err)
	w.apply(t, two, Waiting)
	must(t, w.clock.Sleep(t.Context(), grace))
	release := func(digests ...string) (effects []remediate.Effect) {
		spent := 0
		for _, digest := range digests {
			plan, err := w.Genuine(t.Context(), digest)
			must(t, err)
			journal, err := w.recall(t.Context(), plan, digest)
			must(t, err)
			o, err := w.one(&act{Engine: w.Engine, plan: plan, digest: digest, step: plan.Steps[0], state: journal[0], destroyed: &spent}, func(a *act) (remediate.Outcome, error) { return a.run(t.Context()) })
			must(t, err)
			effects = append(effects, o.Effect)
		}
		return effects
	}
	if got := release(one, two); got[0] != Rotated || got[1] != remediate.Refused {
		t.Errorf("%v", got)
	}
}

func TestAllRunsOfADayDestroyNoMoreThanDaily(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.Policy.Budget, w.Policy.Daily = 1, 1
	other := w.Policy.Stores[0]
	other.Name = "other"
	w.Policy.Stores = append(w.Policy.Stores, other)
	var digests []string
	for _, place := range []string{"app", "other"} {
		_, digest, err := w.Plan(t.Context(), []Wish{{Place: place}})
		must(t, err)
		w.apply(t, digest, Waiting)
		digests = append(digests, digest)
	}
	must(t, w.clock.Sleep(t.Context(), grace))
	w.apply(t, digests[0], Rotated)
	if o := w.apply(t, digests[1], remediate.Refused); !strings.Contains(o.Why, "which is what daily allows") {
		t.Error(o.Why)
	}
	must(t, w.clock.Sleep(t.Context(), 25*time.Hour))
	w.apply(t, digests[1], Rotated)
}

// A value takes its time to be made, and consumers theirs to follow.
func TestTheKillSwitchHoldsWithinAStep(t *testing.T) {
	w := newWorld(t, t.TempDir(), mintedBy("issuer"))
	w.Policy.KillSwitch = filepath.Join(t.TempDir(), "stop")
	stopAt := func(point string) {
		w.crash = func(at string) {
			if at == point {
				must(t, os.WriteFile(w.Policy.KillSwitch, nil, 0o600))
			}
		}
	}
	_, digest := w.plan(t)
	stopAt("behind minted")
	if _, err := w.Apply(t.Context(), digest); !errors.Is(err, remediate.ErrStopped) {
		t.Error(err)
	}
	if _, n := w.now(t); n != 1 {
		t.Errorf("%d versions", n)
	}
	w.crash = nil
	must(t, os.Remove(w.Policy.KillSwitch))
	w.apply(t, digest, Waiting)
	if ids, _ := w.issuer.List(t.Context()); len(ids) != 1 {
		t.Errorf("at the issuer: %v", ids)
	}
}

// A line that no event tells of makes nothing end without the approvals.
func TestAForgedJournalIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	w.meddle("another-value")
	must(t, w.Engine.Store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO journal (plan, step, event, body, at) VALUES (?, 0, ?, '{"version":"2"}', 1), (?, 0, ?, '{"version":"2"}', 1)`, digest, written, digest, verified)
		return err
	}))
	must(t, w.clock.Sleep(t.Context(), grace))
	if out, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "was tampered with at line 1: no audit event tells of it") {
		t.Errorf("%+v, %v", out, err)
	}
	if old, _ := w.shelf.load(1); old.Destroyed {
		t.Error("the old version is destroyed")
	}
}

// Whatever was done since: who reads the place reads what leaked again.
func TestUndoOpensAnIncidentThatWasOver(t *testing.T) {
	for _, over := range []store.State{store.Purged, store.Closed} {
		w := newWorld(t, t.TempDir())
		id := w.revoked(t)
		_, digest := w.plan(t)
		w.apply(t, digest, Waiting)
		move := func(to store.State) {
			must(t, w.Engine.Store.Tx(t.Context(), func(tx *store.Tx) error {
				return tx.Advance(t.Context(), id, store.Move{To: to, By: "test"})
			}))
		}
		move(over)
		_, err := w.Undo(t.Context(), digest)
		must(t, err)
		if in, _, err := w.Known(t.Context(), id); in.State != store.Detected || err != nil {
			t.Errorf("%s is %s: %v", over, in.State, err)
		}
	}
}

func TestAnUndoThatIsCutOffIsTakenUp(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	w.apply(t, digest, Waiting)
	for _, point := range []string{"before restore", "behind restore"} {
		func() {
			defer func() { _ = recover() }()
			w.crash = func(at string) {
				if at == point {
					panic(at)
				}
			}
			_, err := w.Undo(t.Context(), digest)
			t.Error("the undo came to its end", err)
		}()
	}
	w.crash = nil
	out, err := w.Undo(t.Context(), digest)
	must(t, err)
	if value, n := w.now(t); value != "the-old-value" || n != 3 || out[0].Effect != remediate.Nothing {
		t.Errorf("%d versions, %+v", n, out[0])
	}
}

func TestTheLawOfPackageRemediateHolds(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	_, digest := w.plan(t)
	stop := dir + "/stop"
	changed := w.Policy
	w.Policy.KillSwitch = stop
	if _, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "policy changed") {
		t.Error(err)
	}
	w.Policy = changed
	must(t, w.clock.Sleep(t.Context(), 25*time.Hour))
	if _, err := w.Apply(t.Context(), digest); !errors.Is(err, remediate.ErrExpired) {
		t.Error(err)
	}
	w.Policy.KillSwitch = stop
	_, digest = w.plan(t)
	must(t, os.WriteFile(stop, nil, 0o600))
	if _, err := w.Apply(t.Context(), digest); !errors.Is(err, remediate.ErrStopped) {
		t.Error(err)
	}
	must(t, os.Remove(stop))
	release, err := w.Engine.Store.Exclusive(t.Context(), "apply")
	must(t, err)
	if _, err := w.Apply(t.Context(), digest); !errors.Is(err, store.ErrBusy) {
		t.Error(err)
	}
	release()
	out, err := w.Engine.Engine.Apply(t.Context(), digest, nil)
	must(t, err)
	if out[0].Effect != remediate.Refused || !strings.Contains(out[0].Why, "rotate apply") {
		t.Errorf("%+v", out[0])
	}
	w.apply(t, digest, Waiting)
}

func TestARotationIsBegunUnderApproval(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(t, err)
	w := newWorld(t, t.TempDir())
	w.Policy.Approvals = []remediate.Quorum{{Need: 1}}
	w.Policy.Approvers = []remediate.Approver{{Name: "bob", Keys: []string{string(ssh.MarshalAuthorizedKey(signer.PublicKey()))}}}
	_, digest := w.plan(t)
	if _, err := w.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals") {
		t.Error(err)
	}
	if _, n := w.now(t); n != 1 {
		t.Errorf("%d versions", n)
	}
	a := remediate.Approval{Plan: digest, Approver: "bob", Expires: w.clock.now.Add(time.Hour)}
	must(t, a.Sign(signer))
	must(t, w.Approve(t.Context(), a))
	w.apply(t, digest, Waiting)
	if _, err := w.Undo(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals") {
		t.Error("an approval of the rotation is none of its undo: ", err)
	}
	must(t, w.clock.Sleep(t.Context(), grace)) // what was begun under approval is finished
	w.apply(t, digest, Rotated)
}

// revoked is the incident of the value in the store, proven dead.
func (w *world) revoked(t *testing.T) (credential string) {
	t.Helper()
	id := w.Key.ID(secret.New("the-old-value"))
	must(t, w.Engine.Store.Tx(t.Context(), func(tx *store.Tx) error {
		if err := tx.Record(t.Context(), "test", []store.Sighting{{Credential: store.Credential{ID: id, Rule: "r", Preview: "t…"}, Repository: "acme/app", Fingerprint: "f", Body: "x"}}); err != nil {
			return err
		}
		in, err := tx.Incident(t.Context(), id)
		if err != nil {
			return err
		}
		proof, err := tx.Audit(t.Context(), "test", "checked", in.ID, map[string]string{"status": "dead"})
		if err != nil {
			return err
		}
		return tx.Advance(t.Context(), in.ID, store.Move{To: store.Revoked, By: "test", Proof: proof})
	}))
	return id
}

func TestAnIncidentIsRotatedWhenItsCredentialIsRevoked(t *testing.T) {
	w := newWorld(t, t.TempDir())
	id := w.revoked(t)
	step, digest := w.plan(t)
	if step.Credential != id || step.Rule != "r" {
		t.Errorf("%+v", step)
	}
	w.apply(t, digest, Waiting)
	must(t, w.clock.Sleep(t.Context(), grace))
	w.apply(t, digest, Rotated)
	in, _, err := w.Known(t.Context(), id)
	must(t, err)
	if in.State != store.Rotated {
		t.Error(in.State)
	}
	must(t, w.Engine.Store.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Advance(t.Context(), id, store.Move{To: store.Purged, By: "test"})
	}))
	w.apply(t, digest, Rotated)
	if in, _, err = w.Known(t.Context(), id); in.State != store.Purged || err != nil {
		t.Errorf("to apply once more makes it %s: %v", in.State, err)
	}
}

func TestAValueThatIsHandedIn(t *testing.T) {
	w := newWorld(t, t.TempDir(), mintedBy("stdin"))
	_, digest := w.plan(t)
	w.hand = secret.New("the-old-value")
	w.apply(t, digest, remediate.Refused)
	w.hand = secret.New("what somebody typed")
	w.apply(t, digest, Waiting)
	if value, n := w.now(t); value != "what somebody typed" || n != 2 {
		t.Errorf("%d versions", n)
	}
}

func TestNoValueIsKept(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir, mintedBy("stdin"))
	w.hand = secret.New("what somebody typed")
	_, digest := w.plan(t)
	w.apply(t, digest, Waiting)
	_, err := w.Undo(t.Context(), digest)
	must(t, err)
	for _, name := range []string{"leakgate.db", "leakgate.db-wal"} {
		text, _ := os.ReadFile(dir + "/state/" + name)
		for _, value := range []string{"what somebody typed", "the-old-value"} {
			for _, form := range secret.Forms(secret.New(value)) {
				if strings.Contains(string(text), form) {
					t.Errorf("%s holds a value", name)
				}
			}
		}
	}
}

func TestGeneratedValues(t *testing.T) {
	for _, bad := range []struct {
		length   int
		alphabet string
	}{{8, ""}, {100, "x"}, {40, "aa"}} {
		if _, err := NewRandom(bad.length, bad.alphabet); err == nil {
			t.Errorf("%+v", bad)
		}
	}
	r, err := NewRandom(64, "äbc!")
	must(t, err)
	m, err := r.Mint(t.Context())
	must(t, err)
	if text := m.Value.Reveal(); len([]rune(text)) != 64 || strings.Trim(text, "äbc!") != "" {
		t.Error("not of the alphabet")
	}
}

func TestARotationNeedsItsEventsUntilItIsOver(t *testing.T) {
	w := newWorld(t, t.TempDir())
	_, digest := w.plan(t)
	needed := func(want bool) {
		t.Helper()
		all, err := w.Needed(t.Context(), digest, map[revoke.Deed]remediate.Over{remediate.Rotate: Over})
		if err != nil || (len(all) > 0) != want {
			t.Errorf("needed: %v (%v), want %t", all, err, want)
		}
	}
	needed(true)
	w.apply(t, digest, Waiting)
	must(t, w.clock.Sleep(t.Context(), grace-time.Hour))
	needed(true)
	must(t, w.clock.Sleep(t.Context(), time.Hour))
	w.apply(t, digest, Rotated)
	must(t, w.clock.Sleep(t.Context(), 48*time.Hour))
	needed(false)
}
