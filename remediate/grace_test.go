package remediate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// disabledOne is a credential that a plan disabled.
func disabledOne(t *testing.T, change ...func(*world)) (w *world, c Case, digest string) {
	t.Helper()
	w = newWorld(t, t.TempDir(), change...)
	c = w.leak(t, "soft-value", "soft")
	_, digest = w.plan(t, c)
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Fatalf("%+v", out[0])
	}
	return w, c, digest
}

func (w *world) later(d time.Duration) { w.clock.now = w.clock.now.Add(d) }

func (w *world) did(t *testing.T, want string) {
	t.Helper()
	if deeds, _ := w.fake.effects("soft-value"); fmt.Sprint(deeds) != want {
		t.Errorf("done: %v, want %s", deeds, want)
	}
}

func TestWhatWasDisabledIsDeletedBehindTheGrace(t *testing.T) {
	w, c, digest := disabledOne(t)
	_, standing, err := w.Status(t.Context(), digest)
	must(t, err)
	due := standing[0].Due
	if late := w.clock.Now().Add(defaultGrace).Sub(due); late < 0 || late > time.Minute {
		t.Errorf("due %s, %s too early", due, late)
	}
	removals, err := w.Removals(t.Context())
	must(t, err)
	if len(removals) != 1 || removals[0].Credential != c.Credential || removals[0].Plan != digest || !removals[0].Due.Equal(due) {
		t.Errorf("%+v", removals)
	}

	w.clock.now = due.Add(-time.Second)
	early, earlyDigest := w.plan(t, c)
	if s := early.Steps[0]; s.Deed != "" || !strings.Contains(s.Note, "undo "+digest) {
		t.Errorf("within the grace: %+v", s)
	}
	w.apply(t, earlyDigest, c)
	w.did(t, "[disable]")

	w.later(2 * time.Minute)
	late, lateDigest := w.plan(t, c)
	if s := late.Steps[0]; s.Deed != revoke.Revoke || s.Undo || s.Disabled != digest {
		t.Fatalf("behind the grace: %+v", s)
	}
	for range 2 {
		if out := w.apply(t, lateDigest, c); out[0].Effect != Proven {
			t.Errorf("%+v", out[0])
		}
	}
	w.did(t, "[disable revoke]")

	out, err := w.Undo(t.Context(), digest, "", byID(c))
	must(t, err)
	if out[0].Effect != Refused || w.state(t, c) != store.Revoked {
		t.Errorf("undo behind the deletion: %+v", out[0])
	}
	if removals, err := w.Removals(t.Context()); err != nil || len(removals) > 0 {
		t.Errorf("still to be deleted: %v %v", removals, err)
	}
	if again, _ := w.plan(t, c); again.Steps[0].Deed != "" {
		t.Errorf("planned again: %+v", again.Steps[0])
	}
}

// What must keep the second act from being done.
func TestWhatIsNotDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		between func(t *testing.T, w *world, c Case, digest string)
		want    string
		deeds   string
	}{
		"taken back": {func(t *testing.T, w *world, c Case, digest string) {
			_, err := w.Undo(t.Context(), digest, "", byID(c))
			must(t, err)
		}, "taken back", "[disable undo]"},
		"it works again": {func(_ *testing.T, w *world, _ Case, _ string) {
			w.fake.status = map[string]revoke.Status{"soft-value": revoke.Live}
		}, "is live now", "[disable]"},
		"nobody can tell": {func(_ *testing.T, w *world, _ Case, _ string) {
			w.fake.status = map[string]revoke.Status{"soft-value": revoke.Unknown}
		}, "is unknown now", "[disable]"},
		"the provider refuses": {func(_ *testing.T, w *world, _ Case, _ string) {
			w.fake.act = func(string, revoke.Deed) *revoke.Outcome {
				return &revoke.Outcome{Result: revoke.Refused, Why: "it may not"}
			}
		}, "it may not", "[disable]"},
	} {
		t.Run(name, func(t *testing.T) {
			w, leak, digest := disabledOne(t)
			w.later(defaultGrace)
			_, second := w.plan(t, leak)
			c.between(t, w, leak, digest)
			out := w.apply(t, second, leak)
			if out[0].Effect != Refused || !strings.Contains(out[0].Why, c.want) {
				t.Errorf("%+v, want %q", out[0], c.want)
			}
			w.did(t, c.deeds)
		})
	}
}

// A journal that somebody wrote names no record that is deleted.
func TestADeletionDoesNotTrustTheJournal(t *testing.T) {
	w, c, digest := disabledOne(t)
	change(t, w.dir, `INSERT INTO journal (plan, step, event, body, at) VALUES ('`+digest+`', 0, 'intent', '{"deed":"disable","target":{"provider":"soft","id":"decoy","proof":"own-id"}}', 1)`)
	w.later(defaultGrace)
	plan, _ := w.plan(t, c)
	if got := plan.Steps[0].Target; got == nil || got.ID == "decoy" {
		t.Errorf("the record is %+v", got)
	}
}

// A deletion that was cut off at any point is taken up, with one effect.
func TestADeletionThatWasCutOffIsTakenUp(t *testing.T) {
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			w, c, _ := disabledOne(t)
			w.later(defaultGrace)
			_, second := w.plan(t, c)
			w.cutOff(t, point, second, c)
			for range 2 {
				if out := w.apply(t, second, c); out[0].Effect != Proven {
					t.Errorf("%+v", out[0])
				}
			}
			w.did(t, "[disable revoke]")
		})
	}
}

// An answer that says nothing leaves open whether it is deleted, and is asked for again.
func TestADeletionThatNobodyAnsweredStaysOpen(t *testing.T) {
	w, c, _ := disabledOne(t)
	w.later(defaultGrace)
	_, second := w.plan(t, c)
	w.fake.act = func(string, revoke.Deed) *revoke.Outcome { return &revoke.Outcome{Why: "a gateway broke"} }
	if out := w.apply(t, second, c); out[0].Effect != Open {
		t.Errorf("%+v", out[0])
	}
	w.fake.act = nil
	if out := w.apply(t, second, c); out[0].Effect != Proven {
		t.Errorf("%+v", out[0])
	}
	w.did(t, "[disable revoke]")
}

// Undo needs the approvals that the policy asks for the step, given for undo.
func TestUndoNeedsApprovalsOfItsOwn(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers, w.Policy.Approvals = who.listed(), []Quorum{{Need: 1, Scopes: []string{"admin:*"}}}
	})
	c := w.leak(t, "soft-value", "soft")
	_, digest := w.plan(t, c)
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	w.apply(t, digest, c)
	undo := func() error {
		_, err := w.Undo(t.Context(), digest, "", byID(c))
		return err
	}
	if err := undo(); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals: leakgate remediate approve --undo") {
		t.Errorf("undone with the approval of the plan: %v", err)
	}
	relabelled := who.sign(t, w, "bob", digest)
	relabelled.Undo = true
	if err := w.Approve(t.Context(), relabelled); err == nil {
		t.Error("an approval of the plan was taken for one of its undo")
	}
	a := Approval{Plan: digest, Undo: true, Approver: "bob", Expires: w.clock.Now().Add(time.Hour)}
	must(t, a.Sign(who["bob"]))
	must(t, w.Approve(t.Context(), a))
	must(t, undo())
	w.did(t, "[disable undo]")
}

// An approval of an undo does not let a plan be done.
func TestAnApprovalOfUndoIsNoneOfThePlan(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers, w.Policy.Approvals = who.listed(), []Quorum{{Need: 1}}
	})
	c := w.leak(t, "soft-value", "soft")
	_, digest := w.plan(t, c)
	a := Approval{Plan: digest, Undo: true, Approver: "bob", Expires: w.clock.Now().Add(time.Hour)}
	must(t, a.Sign(who["bob"]))
	must(t, w.Approve(t.Context(), a))
	if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals") {
		t.Errorf("applied: %v", err)
	}
	w.did(t, "[]")
}

// An undo that the provider refused, or did not answer, is in the trail; it can
// be tried again, and what is disabled stays so.
func TestAnUndoThatFailedIsInTheTrail(t *testing.T) {
	for _, result := range []revoke.Result{revoke.Refused, revoke.Unclear} {
		w, c, digest := disabledOne(t)
		w.fake.act = func(string, revoke.Deed) *revoke.Outcome { return &revoke.Outcome{Result: result, Why: "not today"} }
		out, err := w.Undo(t.Context(), digest, "", byID(c))
		must(t, err)
		if out[0].Effect != Open {
			t.Errorf("%+v", out[0])
		}
		failed := 0
		must(t, w.Store.Trail(t.Context(), c.Credential, func(e store.Event) error {
			if e.Action == "disable undo failed" && strings.Contains(string(e.Body), "not today") {
				failed++
			}
			return nil
		}))
		if failed != 1 {
			t.Errorf("%s: %d events", result, failed)
		}
		_, standing, err := w.Status(t.Context(), digest)
		must(t, err)
		if standing[0].Event != undoFailed {
			t.Errorf("its standing is %q", standing[0].Event)
		}
		w.later(defaultGrace)
		plan, _ := w.plan(t, c) // whether it was taken back is not known, so it is not deleted
		if deletes := plan.Steps[0].Deed == revoke.Revoke; deletes != (result == revoke.Refused) {
			t.Errorf("%s: planned %+v", result, plan.Steps[0])
		}
		w.fake.act = nil
		if _, err := w.Undo(t.Context(), digest, "", byID(c)); err != nil {
			t.Error(err)
		}
		w.did(t, "[disable undo]")
	}
}
