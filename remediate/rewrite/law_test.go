package rewrite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// ground is a repository with values in its history.
type ground struct {
	*gittest.Repo
	t      *testing.T
	format string // sha1 or sha256
	value  string
	other  string // a second value, which holds the first
	spec   Spec
}

func newGround(t *testing.T, format string) *ground {
	g := &ground{Repo: gittest.New(t, "--object-format="+format), t: t, format: format, value: "p@ss/w&" + gittest.Letters(20)}
	g.other = "long-" + g.value + "-" + gittest.Letters(9)
	for _, v := range []string{g.value, g.other} {
		g.spec.Literals = append(g.spec.Literals, Literal{secret.New(v), Placeholder})
	}
	g.File("README", "clean\n")
	return g
}

// raw stores an object as it is, however malformed.
func (g *ground) raw(kind, content string) string {
	return g.Pipe(content, "hash-object", "-w", "--literally", "--stdin", "-t", kind)
}

// objects gives every object of a repository with its content, by git.
func objects(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	cmd := exec.Command("git", "-C", dir, "cat-file", "--batch", "--batch-all-objects")
	cmd.Env = append(gittest.Environment(), "GIT_NO_REPLACE_OBJECTS=1")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		head, rest, _ := bytes.Cut(text, []byte("\n"))
		var id, kind string
		var size int
		if _, err := fmt.Sscan(string(head), &id, &kind, &size); err != nil {
			t.Fatal(err)
		}
		out[id] = kind + "\n" + string(rest[:size])
		text = rest[size+1:]
	}
	return out
}

// spellings are the forms in which a value may be left, made apart from those of the package.
func spellings(values ...string) []string {
	var out []string
	for _, v := range values {
		out = append(out, secret.Forms(secret.New(v))...)
		var low, high []byte
		for _, u := range utf16.Encode([]rune(v)) {
			low, high = append(low, byte(u), byte(u>>8)), append(high, byte(u>>8), byte(u))
		}
		out = append(out, string(low), string(high), strings.ReplaceAll(v, "&", `\u0026`))
	}
	return out
}

func holds(text string, forms []string) bool {
	return slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(text, f) })
}

// open opens a repository until the test ends.
func open(t *testing.T, dir string) *gitrepo.Repo {
	t.Helper()
	repo, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	return repo
}

// commitsOf lists all commits that refs reach, parents first.
func (g *ground) commitsOf() []string {
	return strings.Fields(g.Git("--no-replace-objects", "rev-list", "--all", "--topo-order", "--reverse"))
}

// touched tells of each commit whether it or an ancestor holds a value, by git alone.
func (g *ground) touched(content map[string]string, forms []string) map[string]bool {
	out := map[string]bool{}
	for _, id := range g.commitsOf() {
		raw := content[id]
		bad := holds(raw, forms)
		for _, line := range strings.Split(g.Git("--no-replace-objects", "ls-tree", "-rtz", id), "\x00") {
			fields := strings.Fields(line)
			if len(fields) < 4 {
				continue
			}
			bad = bad || holds(line, forms) || holds(content[fields[2]], forms) || slices.Contains(g.spec.Drop, fields[3])
		}
		bad = bad || holds(content[g.Git("--no-replace-objects", "rev-parse", id+"^{tree}")], forms)
		for _, parent := range strings.Fields(g.Git("--no-replace-objects", "rev-list", "--parents", "-n1", id))[1:] {
			bad = bad || out[parent]
		}
		out[id] = bad
	}
	return out
}

// holdsLaw rewrites the ground and holds everything that must be true of it.
func (g *ground) holdsLaw() (*Result, map[string]string) {
	t := g.t
	t.Helper()
	forms := spellings(g.value, g.other)
	before := objects(t, g.Dir)
	touched := g.touched(before, forms)
	sound := g.Try("fsck", "--strict", "--no-dangling")
	twin := t.TempDir()
	g.Git("clone", "-q", "--mirror", "--no-local", "file://"+g.Dir, twin)

	saved := Saved{filepath.Join(t.TempDir(), "old.git"), filepath.Join(t.TempDir(), "old.bundle")}
	r, err := Apply(context.Background(), open(t, g.Dir), &g.spec, Options{}, saved)
	if err != nil {
		t.Fatal(err)
	}
	g.keepsIDs(r, touched)
	g.keepsBytes(r, before)
	g.clean(forms)
	if sound && !g.Try("fsck", "--strict", "--no-dangling") {
		t.Error("git fsck finds fault with the rewritten repository:", g.Git("fsck", "--strict"))
	}
	g.again(r, twin)
	g.restores(r, saved)
	moves := map[string]string{}
	for _, m := range r.Commits {
		moves[m.Old.String()] = m.New.String()
	}
	return r, moves
}

// keepsIDs holds that those commits keep their ids that neither hold a value nor follow one, and no others.
func (g *ground) keepsIDs(r *Result, touched map[string]bool) {
	g.t.Helper()
	if len(r.Commits) != len(touched) {
		g.t.Errorf("%d commits are in the map, of %d", len(r.Commits), len(touched))
	}
	for _, m := range r.Commits {
		if bad := touched[m.Old.String()]; bad != (m.Old != m.New) && m.Name == "" && !g.isNote(m.Old.String()) {
			g.t.Errorf("commit %s: touched %v, but it becomes %s", m.Old, bad, m.New)
		}
	}
}

func (g *ground) isNote(id string) bool {
	return strings.Contains(g.Git("cat-file", "-p", id), "Notes added")
}

// keepsBytes holds that of commits only lines change that may.
func (g *ground) keepsBytes(r *Result, before map[string]string) {
	g.t.Helper()
	after := objects(g.t, g.Dir)
	for _, m := range r.Commits {
		old, changed := strings.Split(before[m.Old.String()], "\n"), strings.Split(after[m.New.String()], "\n")
		if a, b := rest(old), rest(changed); !slices.Equal(a, b) && !holds(strings.Join(a, "\n"), spellings(g.value, g.other)) && !strings.Contains(strings.Join(a, "\n"), "quotes") {
			g.t.Errorf("commit %s changed beyond what must:\n%q\n%q", m.Old, a, b)
		}
	}
}

// rest are the lines of a commit that a rewrite leaves as they are.
func rest(lines []string) []string {
	var out []string
	skip := false
	for _, l := range lines {
		key, _, _ := strings.Cut(l, " ")
		if skip = key == "tree" || key == "parent" || strings.HasPrefix(key, "gpgsig") || key == "mergetag" || skip && key == ""; !skip || l == "" {
			skip = false
			out = append(out, l)
		}
	}
	return out
}

// clean holds that a fresh clone has no value in any object and any ref.
func (g *ground) clean(forms []string) {
	g.t.Helper()
	fresh := g.t.TempDir()
	g.Git("clone", "-q", "--mirror", "--no-local", "file://"+g.Dir, fresh)
	for id, content := range objects(g.t, fresh) {
		if holds(content, forms) {
			g.t.Errorf("object %s still holds a value", id)
		}
	}
}

// again holds that a second rewrite changes nothing, and that another machine comes to the same ids.
func (g *ground) again(r *Result, twin string) {
	g.t.Helper()
	second, err := Run(context.Background(), open(g.t, g.Dir), &g.spec, Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	if !second.Clean() || second.Changed > 0 || second.Objects > 0 {
		g.t.Errorf("a second rewrite moves %d refs, %d commits, writes %d objects", len(second.Refs), second.Changed, second.Objects)
	}
	other, err := Run(context.Background(), open(g.t, twin), &g.spec, Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	named := func(moves []Move) (out []string) {
		for _, m := range moves {
			if !strings.HasPrefix(m.Name, "worktrees/") { // a mirror has none
				out = append(out, fmt.Sprint(m.Name, m.Old, m.New))
			}
		}
		slices.Sort(out)
		return out
	}
	if a, b := named(r.Refs), named(other.Refs); !slices.Equal(a, b) {
		g.t.Errorf("another repository comes to other ids:\n%q\n%q", a, b)
	}
}

// elsewhere is a place for what was before.
func elsewhere(t *testing.T) Saved { return Saved{Folder: filepath.Join(t.TempDir(), "before.git")} }

// restores holds that the bundle and the folder each bring every ref back.
func (g *ground) restores(r *Result, saved Saved) {
	g.t.Helper()
	if r.Clean() {
		return
	}
	for _, from := range []string{saved.Folder, saved.Bundle} {
		copied := g.t.TempDir()
		g.Git("clone", "-q", "--mirror", "--no-local", "file://"+g.Dir, copied)
		for _, m := range r.Refs {
			if m.Old.IsZero() || !strings.HasPrefix(m.Name, "refs/") {
				continue
			}
			g.Git("-C", copied, "fetch", "-q", "--force", "--no-tags", from, m.Name+":"+m.Name)
			if got := g.Git("-C", copied, "rev-parse", m.Name); got != m.Old.String() {
				g.t.Errorf("%s gives %s as %s, not %s", from, m.Name, got, m.Old)
			}
		}
		if info, err := os.Stat(from); err != nil || info.Mode().Perm()&0o077 != 0 {
			g.t.Errorf("%s can be read by others: %v %v", from, info.Mode(), err)
		}
	}
}

// formats runs a test for both hashes.
func formats(t *testing.T, test func(t *testing.T, g *ground)) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			test(t, newGround(t, format))
		})
	}
}
