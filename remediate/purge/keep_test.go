package purge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// A bundle that nobody has opened could be none.
func TestABundleIsOpenedBeforeAnythingIsPushed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.approve(digest)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s.Identities = []age.Identity{stranger}
	s.refusedWith(digest, "other keys")
	if kept, err := filepath.Glob(filepath.Join(s.Dir, "*.age")); err != nil || len(kept) > 0 {
		t.Errorf("left behind: %v, %v", kept, err)
	}
	s.Identities = nil
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	b, err := s.Kept(t.Context(), digest)
	if err != nil || !strings.Contains(b.Proof, "was not tried") {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := b.open(filepath.Join(t.TempDir(), "before.git"), []age.Identity{s.identity}); err != nil {
		t.Error(err)
	}
}

func TestABundleIsOpenedWithTheIdentityThatIsGiven(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Identities = []age.Identity{s.identity}
	b, err := s.Kept(t.Context(), s.applied())
	if err != nil || b.Proof != "opened with the identity that was given" {
		t.Errorf("%+v, %v", b, err)
	}
}

// What a disk loses after it was written is seen before the push.
func TestABundleThatIsNotWholeHoldsThePushBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	work := t.TempDir()
	a, err := s.Remote.Mirror(t.Context(), filepath.Join(work, "mirror.git"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{Recipient: s.Recipients[0]}
	file := filepath.Join(work, "bundle")
	sum, err := writeSealed(file, a, []age.Recipient{w})
	if err != nil {
		t.Fatal(err)
	}
	whole := Bundle{File: file, SHA256: sum}
	if err := whole.prove(a, filepath.Join(work, "proof"), w); err != nil {
		t.Fatal(err)
	}
	fewer := *a
	fewer.Refs = a.Refs[1:]
	if err := whole.prove(&fewer, filepath.Join(work, "proof"), w); err == nil || !strings.Contains(err.Error(), "refs") {
		t.Errorf("other refs: %v", err)
	}
	other := *a
	other.Pack = "pack-" + strings.Repeat("0", 40) + ".pack"
	if err := whole.prove(&other, filepath.Join(work, "proof"), w); err == nil || !strings.Contains(err.Error(), "objects") {
		t.Errorf("other objects: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{30, len(text) / 2, len(text) - 1} {
		spoiled := append([]byte{}, text...)
		spoiled[at] ^= 1
		if err := os.WriteFile(file, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		b := Bundle{File: file}
		_, b.SHA256, _ = digestOf(file)
		if err := b.prove(a, filepath.Join(work, "proof"), w); err == nil {
			t.Errorf("byte %d is another one, and nobody minds", at)
		}
	}
}

func TestABundleIsNotDestroyedEarlyWithoutApprovals(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied0()
	kept, err := s.Kept(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	undo := remediate.Approval{Plan: digest, Undo: true, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(undo.Sign(s.approver), s.Approve(t.Context(), undo)); err != nil {
		t.Fatal(err)
	}
	if err := s.Destroy(t.Context(), digest, true); err == nil || !strings.Contains(err.Error(), "0 of 1 approvals: leakgate rewrite approve --destroy") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(kept.File); err != nil {
		t.Fatal(err)
	}
	both := remediate.Approval{Plan: digest, Undo: true, Destroy: true, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(both.Sign(s.approver), s.Approve(t.Context(), both)); err == nil {
		t.Error("one approval of two things")
	}
	a := remediate.Approval{Plan: digest, Destroy: true, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(a.Sign(s.approver), s.Approve(t.Context(), a)); err != nil {
		t.Fatal(err)
	}
	if err := s.Destroy(t.Context(), digest, true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept.File); !errors.Is(err, os.ErrNotExist) {
		t.Error("the bundle is still there")
	}
	if b, err := s.Kept(t.Context(), digest); err != nil || b.File != "" {
		t.Errorf("%+v, %v", b, err)
	}
}

// applied0 applies a plan of which nothing but itself is approved.
func (s *scene) applied0() string {
	s.t.Helper()
	_, digest := s.plan()
	a := remediate.Approval{Plan: digest, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(a.Sign(s.approver), s.Approve(s.t.Context(), a)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Apply(s.t.Context(), digest); err != nil {
		s.t.Fatal(err)
	}
	return digest
}

// A pull request that came later is not among what was accepted, and a value that
// comes back ends what was proven.
func TestWhatRemainsIsAcceptedByName(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	old := git(t, s.remote, "rev-parse", "main")
	digest := s.applied()
	if _, err := s.Accept(t.Context(), digest, " "); err == nil {
		t.Error("accepted for no reason")
	}
	if _, err := s.accept(digest); err != nil {
		t.Fatal(err)
	}
	s.state(store.Purged)
	if left, err := s.Verify(t.Context(), digest); err != nil || left.Accepted == nil {
		t.Errorf("again: %+v, %v", left, err)
	}
	git(t, s.remote, "update-ref", "refs/pull/2/head", old)
	if _, err := s.Verify(t.Context(), digest); !errors.Is(err, ErrRemains) {
		t.Errorf("one more: %v", err)
	}
	s.state(store.Revoked)
	git(t, s.remote, "update-ref", "-d", "refs/pull/2/head")
	git(t, s.remote, "update-ref", "-d", "refs/pull/1/head")
	if left, err := s.Verify(t.Context(), digest); err != nil || left.Accepted != nil {
		t.Errorf("none: %+v, %v", left, err)
	}
	s.state(store.Purged)
	git(t, s.remote, "update-ref", "refs/heads/again", old)
	if _, err := s.Verify(t.Context(), digest); !errors.Is(err, ErrResidue) {
		t.Errorf("it came back: %v", err)
	}
	s.state(store.Revoked)
}

// Who works on quotes what he has seen, and that may be no more.
func TestVerifyTellsWhoQuotesWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	old := git(t, s.remote, "rev-parse", "main")
	digest := s.applied()
	git(t, s.clone, "fetch", "-q", "origin")
	git(t, s.clone, "checkout", "-q", "--detach", "origin/main")
	git(t, s.clone, "commit", "-q", "--allow-empty", "-m", "Undo what "+old[:9]+" does")
	quoting := git(t, s.clone, "rev-parse", "HEAD")
	git(t, s.clone, "commit", "-q", "--allow-empty", "-m", "Undo what "+quoting+" does, 1234567")
	git(t, s.clone, "push", "-q", "origin", "HEAD:main")
	left, err := s.accept(digest)
	if err != nil || len(left.Quoting) != 1 || left.Quoting[0] != quoting {
		t.Errorf("%+v, %v", left, err)
	}
}
