package purge

import (
	"errors"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/store"
)

// A credential in two remotes has one incident: it is purged when both are clean, and not while
// one of them is only rewritten, or rolled back.
func TestAnIncidentIsPurgedWithItsLastRemote(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.Remote
	git(t, s.remote, "update-ref", "-d", "refs/pull/1/head")
	other := filepath.Join(t.TempDir(), "other.git")
	git(t, "/", "clone", "-q", "--mirror", s.remote, other)
	second, err := wire.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	s.Policy.Owned = append(s.Policy.Owned, other)
	verify := func(remote *wire.Remote, digest string, want error, state store.State) {
		t.Helper()
		s.Remote = remote
		if _, err := s.Verify(t.Context(), digest); !errors.Is(err, want) {
			t.Fatalf("verify: %v, not %v", err, want)
		}
		s.state(state)
	}
	before := git(t, s.remote, "rev-parse", "main")
	one := s.applied()
	s.Remote = second
	two := s.applied()
	verify(first, one, ErrElsewhere, store.Revoked)
	verify(second, two, nil, store.Purged)
	verify(first, one, nil, store.Purged)
	git(t, other, "branch", "again", before)
	verify(second, two, ErrResidue, store.Revoked)
	verify(first, one, ErrElsewhere, store.Revoked)
	git(t, other, "branch", "-D", "again")
	verify(second, two, nil, store.Purged)
	if err := s.Rollback(t.Context(), two, []age.Identity{s.identity}); err != nil {
		t.Fatal(err)
	}
	s.state(store.Revoked)
	verify(first, one, ErrElsewhere, store.Revoked)
}
