package rewrite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// TestPeer holds the trees of all commits against those of git-filter-repo. What
// differs on purpose is not in this history: files with NUL bytes, encoded
// values, names, and commits that become empty.
func TestPeer(t *testing.T) {
	if _, err := exec.LookPath("git-filter-repo"); err != nil {
		t.Skip("this test needs git-filter-repo, which scripts/get-filter-repo installs; test/e2e/run rewrite runs it")
	}
	g := newGround(t, "sha1")
	g.randomHistory(60)
	peer := t.TempDir()
	g.Git("clone", "-q", "--bare", "--no-local", "file://"+g.Dir, peer)
	replacements := filepath.Join(t.TempDir(), "text")
	text := g.other + "\n" + g.value + "==>gone\nregex:([a-c]+)-x==>\\1-y\nglob:line *7==>seven\n"
	if err := os.WriteFile(replacements, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Git("-C", peer, "filter-repo", "--force", "--partial", "--replace-text", replacements)
	spec, err := ReadText(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Apply(context.Background(), open(t, g.Dir), &spec, Options{}, elsewhere(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteMaps(filepath.Join(t.TempDir(), "maps")); err != nil {
		t.Fatal(err)
	}
	theirs := g.commitMap(filepath.Join(peer, "filter-repo", "commit-map"))
	compared, same := 0, 0
	for _, m := range r.Commits {
		their, ok := theirs[m.Old.String()]
		if !ok {
			t.Errorf("git-filter-repo does not know %s", m.Old)
			continue
		}
		compared++
		a, b := g.Git("rev-parse", m.New.String()+"^{tree}"), g.Git("-C", peer, "rev-parse", their+"^{tree}")
		if a != b {
			t.Errorf("the trees of what %s becomes differ: %s %s", m.Old, a, b)
		}
		if m.Old == m.New {
			same++
		}
	}
	if compared < 60 || same == 0 || same == compared {
		t.Errorf("%d commits compared, %d stay: this proves little", compared, same)
	}
}

// randomHistory makes commits on branches that merge, with values in some of them.
func (g *ground) randomHistory(n int) {
	words := []string{"abc-x", "line 17", "line 18", "plain", g.value, g.other, "b-x c-x"}
	for i := range n {
		if i%10 == 9 {
			g.Git("checkout", "-q", "-b", fmt.Sprint("b", i), "HEAD~3")
		}
		if i%10 == 4 && i > 10 {
			g.Git("merge", "-q", "-s", "ours", "-m", fmt.Sprint("Merge ", i), "main")
		}
		var text strings.Builder
		fmt.Fprintf(&text, "version %d\n", i)
		for range 1 + rand.N(20) {
			word := words[rand.N(len(words))]
			if i < 5 {
				word = "early " + gittest.Letters(9)
			}
			fmt.Fprintf(&text, "%s%s", word, []string{"\n", "\r\n", " "}[rand.N(3)])
		}
		g.File(fmt.Sprintf("dir%d/file%d", rand.N(3), rand.N(4)), text.String())
	}
}

// commitMap reads a map in git-filter-repo's format.
func (g *ground) commitMap(path string) map[string]string {
	text, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	out := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		old, changed, _ := strings.Cut(line, " ")
		out[old] = changed
	}
	return out
}
