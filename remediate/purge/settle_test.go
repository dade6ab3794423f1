package purge

import (
	"errors"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// cutOff runs an apply whose end nobody sees: the process dies before the push is
// sent, or behind it.
func (s *scene) cutOff(point string) (m *Manifest, digest string) {
	s.t.Helper()
	m, digest = s.plan()
	s.approve(digest)
	s.killed("apply", point, digest)
	return m, digest
}

// Somebody pushed on top before the next run looked: where from tells what became of the push.
func TestAMovedRefTellsWhereItCameFrom(t *testing.T) {
	t.Parallel()
	for point, want := range map[string]string{pushing: refused, "sent": pushed} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			git(t, s.remote, "branch", "-D", "side")
			git(t, s.remote, "tag", "-d", "v1")
			_, digest := s.cutOff(point)
			git(t, s.clone, "fetch", "-q", "origin")
			git(t, s.clone, "checkout", "-q", "--detach", "origin/main")
			write(t, s.clone, "c", "on top\n")
			git(t, s.clone, "push", "-q", "origin", "HEAD:main")
			told, err := s.Settle(t.Context(), digest, nil, "")
			if err != nil || len(told.Refs) != 1 || told.Of != "" {
				t.Fatalf("%+v, %v", told, err)
			}
			if p, err := s.recall(t.Context(), digest); err != nil || p.last != want {
				t.Errorf("the journal says %s, %v", p.last, err)
			}
			if _, err := s.Apply(t.Context(), digest); err != nil {
				t.Fatal(err)
			}
			if found := s.holds("refs/heads/*:refs/heads/*"); len(found) > 0 {
				t.Errorf("the value is in %v", found)
			}
			if got := git(t, s.remote, "show", "main:c"); got != "on top" {
				t.Errorf("what came on top is %q", got)
			}
		})
	}
}

// One ref, and somebody put something else there: only a person knows.
func TestAPushThatNobodyCanTellOfIsSettledByAPerson(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{true, false} {
		s := newScene(t)
		git(t, s.remote, "branch", "-D", "side")
		git(t, s.remote, "tag", "-d", "v1")
		_, digest := s.cutOff("sent")
		git(t, s.clone, "checkout", "-q", "--orphan", "other")
		write(t, s.clone, "c", "something else\n")
		git(t, s.clone, "rm", "-qrf", "--cached", "config")
		git(t, s.clone, "commit", "-q", "--amend", "-m", "another root")
		git(t, s.clone, "push", "-qf", "origin", "HEAD:main")
		now := s.refs()
		for _, step := range []func() error{
			func() error { _, err := s.Apply(t.Context(), digest); return err },
			func() error { _, err := s.Settle(t.Context(), digest, nil, ""); return err },
		} {
			if err := step(); !errors.Is(err, ErrUnsettled) || !strings.Contains(err.Error(), "rewrite settle") {
				t.Fatalf("the error is %v", err)
			}
		}
		if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("rollback: %v", err)
		}
		if _, err := s.Settle(t.Context(), digest, &taken, ""); err == nil || errors.Is(err, ErrUnsettled) {
			t.Errorf("without a reason: %v", err)
		}
		asked, err := s.Settle(t.Context(), digest, &taken, "the server's log says so")
		if !errors.Is(err, ErrUnproven) || len(asked.Refs) != 1 || asked.Refs[0].Took || asked.Refs[0].Stayed {
			t.Fatalf("nobody signed it: %+v, %v", asked, err)
		}
		words := []remediate.Word{remediate.WordRefused, remediate.WordTaken}
		said, other := words[1], words[0]
		if !taken {
			said, other = other, said
		}
		s.sign(digest, other, asked.Of)
		if _, err := s.Settle(t.Context(), digest, &taken, "the server's log says so"); !errors.Is(err, ErrUnproven) {
			t.Fatalf("the opposite was signed: %v", err)
		}
		s.sign(digest, said, asked.Of)
		told, err := s.Settle(t.Context(), digest, &taken, "the server's log says so")
		if err != nil || len(told.Signed) != 1 || told.Signed[0] != "approver" || told.Unproven {
			t.Fatalf("%+v, %v", told, err)
		}
		s.afterSettling(digest, taken)
		if s.refs() != now {
			t.Error("the remote changed")
		}
	}
}

func (s *scene) afterSettling(digest string, taken bool) {
	s.t.Helper()
	p, err := s.recall(s.t.Context(), digest)
	if err != nil || p.last != map[bool]string{true: pushed, false: refused}[taken] {
		s.t.Errorf("the journal says %s, %v", p.last, err)
	}
	_, err = s.Apply(s.t.Context(), digest)
	if taken && err != nil || !taken && !errors.Is(err, ErrChanged) {
		s.t.Errorf("apply: %v", err)
	}
	if _, err := s.Settle(s.t.Context(), digest, &taken, "again"); err == nil {
		s.t.Error("settled twice")
	}
	if _, err := p.bundle.open(s.t.TempDir()+"/before.git", []age.Identity{s.identity}); err != nil {
		s.t.Errorf("what was there is lost: %v", err)
	}
}

// A rollback that was cut off, and somebody who worked on at once.
func TestACutOffRollbackIsSettledByWhereRefsComeFrom(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	git(t, s.remote, "branch", "-D", "side")
	git(t, s.remote, "tag", "-d", "v1")
	digest := s.applied()
	if _, err := s.accept(digest); err != nil {
		t.Fatal(err)
	}
	s.state(store.Purged)
	s.killed("rollback", "sent back", digest)
	git(t, s.clone, "checkout", "-q", "main")
	write(t, s.clone, "c", "on top of the old history\n")
	git(t, s.clone, "push", "-q", "origin", "main")
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
		t.Fatal(err)
	}
	if p, err := s.recall(t.Context(), digest); err != nil || p.last != returned {
		t.Errorf("the journal says %s, %v", p.last, err)
	}
	s.state(store.Revoked)
}
