package purge

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// remains applies a rewrite, and gives what stands for what it leaves.
func (s *scene) remains() (digest, of string) {
	s.t.Helper()
	digest = s.applied()
	left, err := s.Verify(s.t.Context(), digest)
	if !errors.Is(err, ErrRemains) || len(left.Of) != 64 {
		s.t.Fatalf("%+v, %v", left, err)
	}
	return digest, left.Of
}

// unproven accepts what remains, and must not get it.
func (s *scene) unproven(digest, words string) {
	s.t.Helper()
	_, err := s.Accept(s.t.Context(), digest, "they know")
	if err == nil || !strings.Contains(err.Error(), words) {
		s.t.Errorf("accepted without %q: %v", words, err)
	}
	if _, err := s.Verify(s.t.Context(), digest); !errors.Is(err, ErrRemains) {
		s.t.Errorf("verify: %v", err)
	}
	s.state(store.Revoked)
}

// Whatever name somebody types, what remains is accepted by those who sign that very list.
func TestWhatRemainsIsAcceptedBySignature(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	old := git(t, s.remote, "rev-parse", "main")
	digest, of := s.remains()
	for _, name := range []string{"requester", "approver", "mallory"} {
		s.Actor = name
		s.unproven(digest, "0 of 1 approvers signed it: leakgate rewrite approve "+digest+" --remains "+of)
	}
	s.sign(digest, remediate.WordRemains, of)
	git(t, s.remote, "update-ref", "refs/pull/2/head", old)
	s.unproven(digest, "0 of 1 approvers signed it") // they signed another list
	git(t, s.remote, "update-ref", "-d", "refs/pull/2/head")
	s.clock = s.clock.Add(2 * time.Hour)
	s.unproven(digest, "ended at")
	s.sign(digest, remediate.WordRemains, of)
	s.Policy.Approvers = append(s.Policy.Approvers, remediate.Approver{Name: "second", GitHub: 7})
	s.Policy.Rewrite.Approvals = 2
	s.unproven(digest, "1 of 2 approvers signed it")
	s.Policy.Rewrite.Approvals = 1
	left, err := s.Accept(t.Context(), digest, "they know")
	if err != nil || left.Accepted == nil || left.Accepted.Unproven || len(left.Accepted.Signed) != 1 || left.Accepted.Signed[0] != "approver" {
		t.Fatalf("%+v, %v", left.Accepted, err)
	}
	s.state(store.Purged)
	s.clock = s.clock.Add(48 * time.Hour) // what is recorded does not end with the signature
	if left, err := s.Verify(t.Context(), digest); err != nil || left.Accepted == nil {
		t.Errorf("later: %+v, %v", left, err)
	}
}

// A word on one thing allows nothing else.
func TestAWordAllowsNothingElse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied0()
	left, err := s.Verify(t.Context(), digest)
	if !errors.Is(err, ErrRemains) {
		t.Fatal(err)
	}
	for name, a := range map[string]remediate.Approval{
		"of nothing":             {Word: remediate.WordRemains},
		"of what was not shown":  {Word: remediate.WordRemains, Of: strings.Repeat("0", 64)},
		"of what remains, taken": {Word: remediate.WordTaken, Of: left.Of},
		"no word":                {Of: left.Of},
		"an unknown word":        {Word: "fine", Of: left.Of},
		"and an undo":            {Word: remediate.WordRemains, Of: left.Of, Undo: true},
		"and the end":            {Word: remediate.WordRemains, Of: left.Of, Destroy: true},
		"of who made the plan":   {Word: remediate.WordRemains, Of: left.Of, Approver: "requester"},
		"of who is not listed":   {Word: remediate.WordRemains, Of: left.Of, Approver: "mallory"},
	} {
		a.Plan, a.Expires = digest, s.clock.Add(time.Hour)
		if a.Approver == "" {
			a.Approver = "approver"
		}
		if err := errors.Join(a.Sign(s.approver), s.Approve(t.Context(), a)); err == nil {
			t.Errorf("%s: it counts", name)
		}
	}
	s.sign(digest, remediate.WordRemains, left.Of)
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals") {
		t.Errorf("rolled back: %v", err)
	}
	if err := s.Destroy(t.Context(), digest, true); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals") {
		t.Errorf("destroyed: %v", err)
	}
	_, other := s.plan2()
	s.refusedWith(other, "0 of 1 approvals")
}

// plan2 is another plan of the scene's remote, where the value is back.
func (s *scene) plan2() (*Manifest, string) {
	s.t.Helper()
	git(s.t, s.clone, "push", "-qf", "origin", "main")
	s.clock = s.clock.Add(time.Second)
	return s.plan()
}

// Where the operator lists requesters, who made the plan proves it before a word on it counts.
func TestAWordNeedsAProvenRequester(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest, of := s.remains()
	s.sign(digest, remediate.WordRemains, of)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.Policy.Requesters = []remediate.Approver{{Name: "requester", Keys: []string{string(ssh.MarshalAuthorizedKey(own.PublicKey()))}}}
	s.unproven(digest, "nobody proved to be requester")
	q := remediate.Request{Plan: digest, Requester: "requester"}
	if err := errors.Join(q.Sign(own), s.Request(t.Context(), q)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), digest, "they know"); err != nil {
		t.Error(err)
	}
}

// One person without keys: only if the operator's file says so, and it is recorded as what it is.
func TestAnUnsignedWordIsRecordedAsUnproven(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest, _ := s.remains()
	s.Policy.Rewrite.Unsigned = true
	left, err := s.Accept(t.Context(), digest, "they know")
	if err != nil || !left.Accepted.Unproven || len(left.Accepted.Signed) > 0 {
		t.Fatalf("%+v, %v", left, err)
	}
	s.state(store.Purged)
	entries, err := s.Store.Journal(t.Context(), digest, digest)
	if err != nil {
		t.Fatal(err)
	}
	var found bool
	for _, entry := range entries {
		found = found || entry.Event == accepted && strings.Contains(string(entry.Body), `"unproven":true`)
	}
	if !found {
		t.Error("the journal does not say that nobody proved it")
	}
	s.Policy.Rewrite.Unsigned = false // it counted as long as the policy said so
	if _, err := s.Verify(t.Context(), digest); !errors.Is(err, ErrRemains) {
		t.Errorf("verify: %v", err)
	}
	s.state(store.Revoked)
}
