package remediate

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// people are approvers with a new key each.
type people map[string]ssh.Signer

func newPeople(t *testing.T, names ...string) people {
	t.Helper()
	p := people{}
	for _, name := range names {
		_, private, err := ed25519.GenerateKey(nil)
		must(t, err)
		p[name], err = ssh.NewSignerFromKey(private)
		must(t, err)
	}
	return p
}

func (p people) listed() (all []Approver) {
	for name, key := range p {
		all = append(all, Approver{Name: name, Keys: []string{string(ssh.MarshalAuthorizedKey(key.PublicKey()))}})
	}
	return all
}

func (p people) sign(t *testing.T, w *world, name, plan string) Approval {
	t.Helper()
	a := Approval{Plan: plan, Approver: name, Expires: w.clock.Now().Add(time.Hour)}
	must(t, a.Sign(p[name]))
	return a
}

func TestAPlanNeedsItsApprovals(t *testing.T) {
	who := newPeople(t, "ann", "bob", "cid", "eve")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers = who.listed()
		w.Policy.Approvals = []Quorum{{Need: 1}, {Need: 2, Irreversible: true}}
	})
	c := w.leak(t, "the-value", "hard")
	plan, digest := w.plan(t, c)
	other := *plan
	other.Requester = "bob"
	otherDigest, err := w.keep(t.Context(), &other)
	must(t, err)

	refused := func(a Approval, want string) {
		t.Helper()
		if err := w.Approve(t.Context(), a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("approved by %s: %v, want %q", a.Approver, err, want)
		}
	}
	blocked := func(want string) {
		t.Helper()
		if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("applied: %v, want %q", err, want)
		}
	}
	blocked("0 of 2 approvals")
	refused(who.sign(t, w, "ann", digest), "made the plan")
	forged := who.sign(t, w, "eve", digest)
	forged.Approver = "bob"
	refused(forged, "none of the keys of bob")
	replayed := who.sign(t, w, "cid", otherDigest)
	replayed.Plan = digest
	refused(replayed, "none of the keys")
	longer := who.sign(t, w, "bob", digest)
	longer.Expires = longer.Expires.Add(time.Hour)
	refused(longer, "none of the keys")
	late := who.sign(t, w, "bob", digest)
	late.Expires = w.clock.Now().Add(-time.Minute)
	refused(late, "ended at")
	nobody := who.sign(t, w, "eve", digest)
	nobody.Approver = "mallory"
	refused(nobody, "not on the list")
	refused(Approval{Plan: digest, Approver: "bob", Expires: w.clock.Now().Add(time.Hour), Signature: "none"}, "no signature")
	refused(who.sign(t, w, "bob", strings.Repeat("0", 64)), store.ErrNotFound.Error())

	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	blocked("1 of 2 approvals")
	must(t, w.Approve(t.Context(), who.sign(t, w, "cid", digest)))

	w.clock.now = w.clock.now.Add(2 * time.Hour)
	blocked("ended at")
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	must(t, w.Approve(t.Context(), who.sign(t, w, "cid", digest)))
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Errorf("%+v", out)
	}
}

// An approval that somebody wrote into the database counts for nothing.
func TestAnApprovalIsJudgedWhenItCounts(t *testing.T) {
	who := newPeople(t, "ann", "bob", "eve")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers, w.Policy.Approvals = who.listed(), []Quorum{{Need: 1}}
	})
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	forged := who.sign(t, w, "eve", digest)
	forged.Approver = "bob"
	body, err := json.Marshal(forged)
	must(t, err)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error { return tx.KeepApproval(t.Context(), digest, "bob", "", body) }))
	if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil {
		t.Error("a forged approval counted")
	}
}

func TestQuorumsFollowRadiusAndReturn(t *testing.T) {
	step := func(deed revoke.Deed, undo bool, severity string, scopes ...string) *Plan {
		return &Plan{Steps: []Step{{Deed: deed, Undo: undo, Severity: severity, Scopes: scopes}}}
	}
	p := Policy{Approvals: []Quorum{{Need: 2, Irreversible: true}, {Need: 3, Scopes: []string{"admin:*"}}, {Need: 4, Severity: []string{"critical"}}}}
	for name, c := range map[string]struct {
		plan *Plan
		want int
	}{
		"nothing is called":       {step("", false, "critical", "admin:org"), 0},
		"comes back":              {step(revoke.Disable, true, "high", "repo"), 0},
		"does not come back":      {step(revoke.Revoke, false, "high", "repo"), 2},
		"no way back was given":   {step(revoke.Disable, false, "high", "repo"), 2},
		"an administrator's":      {step(revoke.Disable, true, "high", "repo", "admin:org"), 3},
		"scopes nobody knows":     {step(revoke.Disable, true, "high"), 3},
		"critical":                {step(revoke.Disable, true, "critical", "repo"), 4},
		"the greatest one counts": {step(revoke.Revoke, false, "critical", "admin:org"), 4},
	} {
		if got := p.Needs(c.plan); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// What ssh-keygen signs counts.
func TestSSHKeygenSignsApprovals(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen: apt-get install openssh-client")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	run := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), keygen, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
	}
	run("-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	must(t, err)
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Approvers, w.Policy.Approvals = []Approver{{Name: "bob", Keys: []string{string(public)}}}, []Quorum{{Need: 1}}
	})
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	a := Approval{Plan: digest, Approver: "bob", Expires: w.clock.Now().Add(time.Hour)}
	statement := filepath.Join(dir, "statement")
	for space, good := range map[string]bool{namespace: true, "file": false} {
		must(t, os.WriteFile(statement, a.Statement(), 0o600))
		_ = os.Remove(statement + ".sig")
		run("-Y", "sign", "-q", "-n", space, "-f", key, statement)
		signature, err := os.ReadFile(statement + ".sig")
		must(t, err)
		a.Signature = string(signature)
		if err := w.Approve(t.Context(), a); (err == nil) != good {
			t.Errorf("signed for %q: %v", space, err)
		}
	}
}
