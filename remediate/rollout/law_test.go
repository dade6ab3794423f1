package rollout

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/due"
	"github.com/leakgate/leakgate/remediate/metrics"
	"github.com/leakgate/leakgate/remediate/revoke"
)

func signer(t *testing.T) (ssh.Signer, []string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	s, err := ssh.NewSignerFromKey(private)
	must(t, err)
	return s, []string{string(ssh.MarshalAuthorizedKey(s.PublicKey()))}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// A rollout is begun under the approvals that the policy asks for what cannot be
// taken back, and taken back by hand under those that were given for that.
func TestARolloutIsBegunUnderApproval(t *testing.T) {
	bob, bobs := signer(t)
	cid, cids := signer(t)
	ann, anns := signer(t)
	w := newWorld(t, t.TempDir())
	w.Policy.Approvals = []remediate.Quorum{{Need: 2, Irreversible: true, Severity: []string{"critical"}, Scopes: []string{"admin:*"}}}
	w.Policy.Approvers = []remediate.Approver{{Name: "ann", Keys: anns}, {Name: "bob", Keys: bobs}, {Name: "cid", Keys: cids}}
	w.Policy.Requesters = []remediate.Approver{{Name: "ann", Keys: anns}}
	digest, other := w.plan(t), w.plan(t)
	apply := func(want string) {
		t.Helper()
		_, err := w.Apply(t.Context(), digest)
		refused(t, err, want)
		w.did(t)
	}
	sign := func(plan, who string, key ssh.Signer, undo bool) remediate.Approval {
		t.Helper()
		a := remediate.Approval{Plan: plan, Approver: who, Undo: undo, Expires: w.clock.Now().Add(time.Hour)}
		must(t, a.Sign(key))
		return a
	}
	apply("nobody proved to be ann")
	q := remediate.Request{Plan: digest, Requester: "ann"}
	must(t, q.Sign(ann))
	must(t, w.Request(t.Context(), q))
	apply("0 of 2 approvals")
	refused(t, w.Approve(t.Context(), sign(digest, "ann", ann, false)), "made the plan and cannot approve it")
	replayed := sign(other, "bob", bob, false)
	must(t, w.Approve(t.Context(), replayed))
	replayed.Plan = digest
	refused(t, w.Approve(t.Context(), replayed), "none of the keys of bob made the signature")
	apply("0 of 2 approvals")
	must(t, w.Approve(t.Context(), sign(digest, "bob", bob, false)))
	must(t, w.Approve(t.Context(), sign(digest, "cid", cid, true)))
	apply("1 of 2 approvals")
	must(t, w.clock.Sleep(t.Context(), 2*time.Hour))
	must(t, w.Approve(t.Context(), sign(digest, "cid", cid, false)))
	apply("the approval of bob ended")
	must(t, w.Approve(t.Context(), sign(digest, "bob", bob, false)))
	w.apply(t, digest, Waiting)
	w.did(t, forward[:3]...)

	must(t, w.clock.Sleep(t.Context(), 2*time.Hour)) // what was begun goes on
	w.apply(t, digest, Waiting)
	w.did(t, forward[:4]...)
	refused(t, w.GoBack(t.Context(), digest, "x"), "0 of 2 approvals")
	must(t, w.Approve(t.Context(), sign(digest, "bob", bob, true)))
	must(t, w.Approve(t.Context(), sign(digest, "cid", cid, true)))
	must(t, w.GoBack(t.Context(), digest, "they say so"))
	w.apply(t, digest, RolledBack)
	w.did(t, backward...)
}

func TestWhatKeepsARolloutFromBeingBegun(t *testing.T) {
	for name, c := range map[string]struct {
		after func(*world)
		want  string
	}{
		"expired":             {func(w *world) { w.clock.now = w.clock.now.Add(25 * time.Hour) }, "expired"},
		"the clock went back": {func(w *world) { w.clock.now = w.clock.now.Add(-time.Hour) }, "set the clock"},
		"another policy":      {func(w *world) { w.Policy.Budget = 99 }, "the policy changed"},
		"kill switch":         {func(w *world) { w.stop(t) }, "the kill switch is on"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			w.Policy.KillSwitch = filepath.Join(w.dir, "stop")
			digest := w.plan(t)
			c.after(w)
			_, err := w.Apply(t.Context(), digest)
			refused(t, err, c.want)
			w.did(t)
		})
	}
}

func (w *world) stop(t *testing.T) { must(t, os.WriteFile(w.Policy.KillSwitch, nil, 0o600)) }

// The kill switch holds between the steps of a rollout, and so does who holds the lock.
func TestTheKillSwitchHoldsWithinARollout(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.Policy.KillSwitch = filepath.Join(w.dir, "stop")
	digest := w.plan(t)
	w.crash = func(at string) {
		if at == "behind deliver green" {
			w.stop(t)
		}
	}
	_, err := w.Apply(t.Context(), digest)
	refused(t, err, "the kill switch is on")
	w.did(t, forward[:2]...)
	must(t, os.Remove(w.Policy.KillSwitch))
	w.apply(t, digest, Waiting)
}

// To retire a user is a deed that cannot be taken back, and counts with those of all runs.
func TestARolloutRetiresWithinTheBudgets(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.Policy.Daily = 1
	follow := func(digest string) Standing {
		t.Helper()
		for {
			s, err := w.Apply(t.Context(), digest)
			must(t, err)
			if s.State != Waiting || strings.Contains(s.Why, "daily") {
				return s
			}
			must(t, w.clock.Sleep(t.Context(), s.Next.Sub(w.clock.Now())))
		}
	}
	if s := follow(w.plan(t)); s.State != Finished {
		t.Fatal(s)
	}
	must(t, os.Remove(filepath.Join(w.dir, "effects"))) // as of another pair of users
	second := w.planned(t, strings.NewReplacer(`"168h"`, `"1s"`, `"10m"`, `"1s"`, `"30m"`, `"1s"`, `"1h"`, `"1s"`).Replace(specText), "")
	if s := follow(second); s.State != Waiting || !strings.Contains(s.Why, "blue is not retired: 1 deeds that cannot be taken back were done in 24 hours") {
		t.Error(s)
	}
	must(t, w.clock.Sleep(t.Context(), 25*time.Hour))
	w.apply(t, second, Finished)
}

// A rollout that replaces what leaked is in its report, is measured, and the age of
// the new password is known.
func TestARolloutIsToldOfTheCredentialThatItReplaces(t *testing.T) {
	w := newWorld(t, t.TempDir())
	refusedPlan := func() error {
		spec, err := ParseSpec([]byte(specText))
		must(t, err)
		_, _, err = w.Plan(t.Context(), Wish{spec, "blue", "green", "LG-NOBODY"})
		return err
	}
	refused(t, refusedPlan(), "no incident is known for LG-NOBODY")
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		c := store.Credential{ID: "LG-1", Rule: "database-url-password", Preview: "x…", Severity: "high"}
		if err := tx.Record(t.Context(), "scan", []store.Sighting{{Credential: c, Repository: "acme/shop", Fingerprint: "f", Body: "x"}}); err != nil {
			return err
		}
		proof, err := tx.Audit(t.Context(), "scan", "checked", "INC-1", map[string]string{"status": "dead"})
		return errors.Join(err, tx.Advance(t.Context(), "INC-1", store.Move{To: store.Revoked, By: "scan", Proof: proof}))
	}))
	digest := w.planned(t, specText, "LG-1")
	plan, _, err := w.Read(t.Context(), digest)
	must(t, err)
	if s := plan.Steps[0]; s.Severity != "high" || s.Undo || !strings.Contains(s.Why, "is your word") || s.Outage == "" || s.Forever == "" {
		t.Errorf("%+v", s)
	}
	minted := w.clock.Now()
	_, err = w.Follow(t.Context(), digest, func(Standing) {})
	must(t, err)
	if in, _, err := w.Known(t.Context(), "LG-1"); in.State != store.Rotated || err != nil {
		t.Errorf("the incident is %s: %v", in.State, err)
	}
	text, err := w.Report(t.Context(), "LG-1")
	must(t, err)
	for _, want := range []string{"| State | rotated |", "| Rotated | 2026-03-08T14:10:00Z by ann |", "rollout minted", "rollout passed", "rollout ended"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	events, base, err := w.Trail(t.Context())
	must(t, err)
	items := due.Static(events, w.clock.Now(), due.MaxAge)
	if len(items) != 1 || items[0].Name != "successor of LG-1 database-url-password" || !items[0].Since.Equal(minted) {
		t.Errorf("due: %+v", items)
	}
	var kept []store.Kept
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) (err error) { kept, err = tx.Kept(t.Context()); return err }))
	for _, m := range metrics.Compute(events, kept, base) {
		want := map[string]int{"rotation_success_ratio": 1, "time_to_sync_seconds": 4, "audit_coverage_ratio": len(kept)}[m.Name]
		if want > 0 && (m.Verdict != metrics.Met || m.Samples < want) {
			t.Errorf("%s: %s of %d samples (%s)", m.Name, m.Text(), m.Samples, m.Why)
		}
	}
}

// What a rollout is to do is not done as a revocation, and its plan is one of all.
func TestARolloutIsNoRevocation(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.Catalogue = &revoke.Catalogue{}
	digest := w.plan(t)
	out, err := w.Engine.Engine.Apply(t.Context(), digest, nil)
	must(t, err)
	if out[0].Effect != remediate.Refused || !strings.Contains(out[0].Why, "leakgate remediate rollout apply") {
		t.Errorf("%+v", out)
	}
	plan, err := w.Blank()
	must(t, err)
	empty, err := w.Keep(t.Context(), plan)
	must(t, err)
	_, err = w.Apply(t.Context(), empty)
	refused(t, err, "it is no plan of a rollout")
}
