package rewrite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// lose removes a loose object.
func (g *ground) lose(rev string) {
	g.t.Helper()
	id := g.Git("rev-parse", rev)
	if err := os.Remove(filepath.Join(g.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
		g.t.Fatal(err)
	}
}

// TestWhatIsMissingIsNotClean: nobody can tell what is in an object that is not there.
func TestWhatIsMissingIsNotClean(t *testing.T) {
	for _, rev := range []string{"HEAD:dir/sub/file", "HEAD:dir/sub", "HEAD^{tree}", "HEAD~2:README"} {
		t.Run(rev, func(t *testing.T) {
			g := newGround(t, "sha1")
			g.File("dir/sub/file", "gone\n")
			g.File("leak", g.value)
			g.Write("README", "new\n")
			g.Commit("no more")
			g.lose(rev)
			if _, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{}); !errors.Is(err, gitrepo.ErrMissing) {
				t.Errorf("the rewrite: %v", err)
			}
			if _, err := Verify(t.Context(), open(t, g.Dir), &g.spec); !errors.Is(err, gitrepo.ErrMissing) {
				t.Errorf("the search: %v", err)
			}
		})
	}
}

// TestWhatNothingReachesMayBeIncomplete: git itself drops such objects one by one.
func TestWhatNothingReachesMayBeIncomplete(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	g.Git("checkout", "-q", "-b", "side")
	g.File("dir/file", "gone\n")
	g.lose("HEAD:dir/file")
	g.Git("checkout", "-qf", "main")
	g.Git("branch", "-qD", "side")
	if _, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{}); err != nil {
		t.Error(err)
	}
}

// TestVerifyRefusesNames: a clone shows them first of all.
func TestVerifyRefusesNames(t *testing.T) {
	g := newGround(t, "sha1")
	g.value = "letters-only"
	g.spec = Spec{Literals: []Literal{lit(g.value)}}
	g.Git("tag", "v-"+g.value)
	if _, err := Verify(t.Context(), open(t, g.Dir), &g.spec); !errors.Is(err, ErrSpec) {
		t.Errorf("a tag that is named after a value: %v", err)
	}
}

// TestDropReachesTags has a tag of a tree that a commit has.
func TestDropReachesTags(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("dir/file", "x\n")
	g.Git("tag", "-am", "a tree", "tree", "HEAD^{tree}")
	g.Git("tag", "light", "HEAD^{tree}")
	if _, err := Apply(t.Context(), open(t, g.Dir), &Spec{Drop: []string{"dir"}}, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	for _, rev := range []string{"main", "tree", "light"} {
		if got := g.Git("ls-tree", "--name-only", rev); got != "README" {
			t.Errorf("%s holds %s", rev, got)
		}
	}
}

// TestCleanForgetsDrafts, of every working tree.
func TestCleanForgetsDrafts(t *testing.T) {
	g := newGround(t, "sha1")
	side := filepath.Join(t.TempDir(), "side")
	g.Git("worktree", "add", "-q", "-b", "side", side)
	g.Git("-C", side, "commit", "-q", "--allow-empty", "-m", "Use "+g.value)
	g.Commit("Use " + g.value)
	if _, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	keep := filepath.Join(g.Dir, ".git", "objects", "pack", "pack-1.keep")
	if err := os.WriteFile(keep, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err == nil || !strings.Contains(err.Error(), "*.keep") {
		t.Errorf("a pack that is kept: %v", err)
	}
	if err := os.Remove(keep); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(g.Dir, ".git"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), g.value) {
			t.Errorf("%s still holds the value", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
