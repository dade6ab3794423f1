package remediate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// asked is a world in which ann and eve may make plans, and bob approves.
func asked(t *testing.T, change ...func(*world, people)) (*world, people) {
	t.Helper()
	who := newPeople(t, "ann", "bob", "eve")
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Requesters = []Approver{who.one("ann"), who.one("eve")}
		w.Policy.Approvers, w.Policy.Approvals = []Approver{who.one("bob")}, []Quorum{{Need: 1}}
		for _, f := range change {
			f(w, who)
		}
	})
	return w, who
}

func (p people) one(name string) Approver {
	return Approver{Name: name, Keys: []string{string(ssh.MarshalAuthorizedKey(p[name].PublicKey()))}}
}

func TestAPlanIsDoneOnlyForWhoProvesToHaveMadeIt(t *testing.T) {
	w, who := asked(t)
	c := w.leak(t, "the-value", "hard")
	plan, digest := w.plan(t, c)
	other := *plan
	other.Made = other.Made.Add(time.Second)
	otherDigest, err := w.keep(t.Context(), &other)
	must(t, err)
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))

	request := func(requester, signer, plan string) Request {
		q := Request{Plan: plan, Requester: requester}
		must(t, q.Sign(who[signer]))
		return q
	}
	replayed := request("ann", "ann", otherDigest)
	replayed.Plan = digest
	approval := Request{Plan: digest, Requester: "ann", Signature: who.sign(t, w, "ann", digest).Signature}
	for want, q := range map[string]Request{
		"none of the keys of ann": request("ann", "eve", digest),
		"another's name":          request("eve", "eve", digest),
		"none of the keys":        replayed,
		"none of the keys of":     approval,
		"no signature":            {Plan: digest, Requester: "ann", Signature: "none"},
		"another plan":            {Plan: digest, Requester: "bob", Signature: request("bob", "bob", digest).Signature},
	} {
		if err := w.Request(t.Context(), q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("taken: %v, want %q", err, want)
		}
	}
	if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil || !strings.Contains(err.Error(), "nobody proved to be ann") {
		t.Errorf("applied: %v", err)
	}
	if deeds, _ := w.fake.effects("the-value"); len(deeds) > 0 {
		t.Errorf("%v was done", deeds)
	}
	must(t, w.Request(t.Context(), request("ann", "ann", digest)))
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Errorf("%+v", out)
	}
}

// Who may not make plans cannot, and who signs while planning needs no second step.
func TestAPlannerSignsAtOnce(t *testing.T) {
	w, who := asked(t)
	w.Signer = who["ann"]
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Errorf("%+v", out)
	}
	w.Actor = "mallory"
	if _, _, err := w.Plan(t.Context(), []Case{c}); err == nil || !strings.Contains(err.Error(), "not on the list of requesters") {
		t.Errorf("planned: %v", err)
	}
}

// A second name for the same key does not approve.
func TestWhoMadeAPlanDoesNotApproveItUnderAnotherName(t *testing.T) {
	w, who := asked(t, func(w *world, who people) {
		w.Policy.Approvers = append(w.Policy.Approvers, Approver{Name: "annabel", Keys: who.one("ann").Keys})
	})
	w.Signer = who["ann"]
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	a := Approval{Plan: digest, Approver: "annabel", Expires: w.clock.Now().Add(time.Hour)}
	must(t, a.Sign(who["ann"]))
	if err := w.Approve(t.Context(), a); err == nil || !strings.Contains(err.Error(), "has a key of ann") {
		t.Errorf("approved: %v", err)
	}
}

// A request that somebody wrote into the database counts for nothing.
func TestARequestIsJudgedWhenItCounts(t *testing.T) {
	w, who := asked(t)
	c := w.leak(t, "the-value", "hard")
	_, digest := w.plan(t, c)
	must(t, w.Approve(t.Context(), who.sign(t, w, "bob", digest)))
	change(t, w.dir, `INSERT INTO approvals (plan, approver, body, signed_at) VALUES ('`+digest+`', 'request'||char(10)||'ann', '{"plan":"`+digest+`","requester":"ann","signature":"x"}', 1)`)
	if _, err := w.Apply(t.Context(), digest, byID(c)); err == nil || !strings.Contains(err.Error(), "nobody proved") {
		t.Errorf("applied: %v", err)
	}
}

// What ssh-keygen signs proves who made a plan.
func TestSSHKeygenSignsRequests(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen: apt-get install openssh-client")
	}
	dir := t.TempDir()
	key, statement := filepath.Join(dir, "key"), filepath.Join(dir, "statement")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), keygen, args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
	}
	run("-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	must(t, err)
	w, _ := asked(t, func(w *world, _ people) {
		w.Policy.Requesters = []Approver{{Name: "ann", Keys: []string{string(public)}}}
	})
	_, digest := w.plan(t, w.leak(t, "the-value", "hard"))
	q := Request{Plan: digest, Requester: "ann"}
	must(t, os.WriteFile(statement, q.Statement(), 0o600))
	run("-Y", "sign", "-q", "-n", namespace, "-f", key, statement)
	signature, err := os.ReadFile(statement + ".sig")
	must(t, err)
	q.Signature = string(signature)
	must(t, w.Request(t.Context(), q))
}
