package purge

import (
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// brought are what the guard finds in a revision of the scene's clone, where main
// is trusted and holds the manifest.
func (s *scene) brought(rev string) []Return {
	s.t.Helper()
	repo, err := gitrepo.Open(s.clone)
	if err != nil {
		s.t.Fatal(err)
	}
	defer repo.Close()
	base, err := repo.Resolve("origin/main")
	if err != nil {
		s.t.Fatal(err)
	}
	tip, err := gitrepo.ParseID(git(s.t, s.clone, "rev-parse", rev))
	if err != nil {
		s.t.Fatal(err)
	}
	bans := NewBans()
	if err := bans.Read(repo.NewReader(1<<20), base); err != nil {
		s.t.Fatal(err)
	}
	found, err := bans.Check(s.t.Context(), repo, []gitrepo.ID{tip}, []gitrepo.ID{base})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// rewritten is a scene whose main is rewritten and holds the manifest.
func rewritten(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	git(t, s.clone, "tag", "stale", "main")
	_, digest := s.plan()
	p, err := s.Propose(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	git(t, s.remote, "update-ref", "refs/heads/main", p.Branch)
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	git(t, s.clone, "fetch", "-q", "origin")
	git(t, s.clone, "checkout", "-q", "--detach", "origin/main")
	return s
}

func TestTheGuardLooksIntoTreesThatNoCommitHolds(t *testing.T) {
	t.Parallel()
	s := rewritten(t)
	if found := s.brought("stale^{tree}"); len(found) != 1 || found[0].Path != "config" {
		t.Errorf("a tree: %v", found)
	}
	git(t, s.clone, "tag", "-am", "a tree", "tree", "stale^{tree}")
	if found := s.brought("tree"); len(found) != 1 {
		t.Errorf("a tag of a tree: %v", found)
	}
	if found := s.brought("origin/main^{tree}"); len(found) != 0 {
		t.Errorf("a clean tree: %v", found)
	}
}

// A manifest may go when an operator says so, and not what it bans with the same change.
func TestAManifestIsLiftedOnPurpose(t *testing.T) {
	t.Parallel()
	s := rewritten(t)
	repo, err := gitrepo.Open(s.clone)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	resolve := func(rev string) gitrepo.ID {
		id, err := repo.Resolve(rev)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	name := git(t, s.clone, "ls-tree", "--name-only", "-r", "origin/main", Folder)
	git(t, s.clone, "checkout", "-qf", "--detach", "origin/main")
	git(t, s.clone, "rm", "-rq", Folder)
	git(t, s.clone, "commit", "-qm", "Tidy up")
	git(t, s.clone, "tag", "tidy")
	git(t, s.clone, "merge", "-q", "-m", "all", "--allow-unrelated-histories", "-X", "ours", "stale")
	bans := NewBans()
	if err := bans.Read(repo.NewReader(1<<20), resolve("origin/main")); err != nil {
		t.Fatal(err)
	}
	if err := bans.Lift("another.json"); err == nil {
		t.Error("a manifest that is not there was lifted")
	}
	if err := bans.Lift(name); err != nil {
		t.Fatal(err)
	}
	if found, err := bans.Check(t.Context(), repo, []gitrepo.ID{resolve("tidy")}, nil); err != nil || len(found) > 0 {
		t.Errorf("a lifted manifest is held: %v, %v", found, err)
	}
	if found, err := bans.Check(t.Context(), repo, []gitrepo.ID{resolve("HEAD")}, nil); err != nil || len(found) == 0 {
		t.Errorf("what it bans passes with it: %v", err)
	}
}

// Who takes the manifest away today could bring the old history tomorrow.
func TestTheGuardKeepsItsManifests(t *testing.T) {
	t.Parallel()
	s := rewritten(t)
	write(t, s.clone, "fine", "fine\n")
	git(t, s.clone, "tag", "fine")
	if found := s.brought("fine"); len(found) != 0 {
		t.Errorf("a commit on top: %v", found)
	}
	git(t, s.clone, "rm", "-rq", Folder)
	git(t, s.clone, "commit", "-qm", "Tidy up")
	if found := s.brought("HEAD"); len(found) != 1 || !found[0].Lifts {
		t.Errorf("the manifest is removed: %v", found)
	}

	// a branch from before the manifest has none, and takes none away, unless a merge does
	git(t, s.clone, "checkout", "-qf", "--detach", "old")
	write(t, s.clone, "work", "work\n")
	if found := s.brought("HEAD"); len(found) != 0 {
		t.Errorf("a branch from before: %v", found)
	}
	git(t, s.clone, "tag", "work")
	git(t, s.clone, "merge", "-q", "-m", "merge", "origin/main")
	if found := s.brought("HEAD"); len(found) != 0 {
		t.Errorf("a merge that keeps it: %v", found)
	}
	git(t, s.clone, "checkout", "-qf", "--detach", "work")
	git(t, s.clone, "merge", "-q", "-s", "ours", "-m", "ours", "origin/main")
	if found := s.brought("HEAD"); len(found) != 1 || !found[0].Lifts {
		t.Errorf("a merge that drops it: %v", found)
	}
}

// A tag whose own message held a value comes back without any commit that changed.
func TestTheGuardKnowsTagsThatHeldAValue(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	git(t, s.clone, "tag", "-am", "it is "+value, "told", "old")
	git(t, s.clone, "tag", "-am", "on top", "above", "told")
	git(t, s.clone, "push", "-q", "origin", "told", "above")
	m, _ := s.plan()
	bans := NewBans()
	if err := bans.Add(m); err != nil {
		t.Fatal(err)
	}
	repo, err := gitrepo.Open(s.clone)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	git(t, s.clone, "tag", "-am", "another above", "other", "told")
	for _, rev := range []string{"told", "above", "other"} {
		tip, err := gitrepo.ParseID(git(t, s.clone, "rev-parse", rev))
		if err != nil {
			t.Fatal(err)
		}
		if found, err := bans.Check(t.Context(), repo, []gitrepo.ID{tip}, nil); err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", rev, found, err)
		}
	}
}
