package rewrite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// refused holds that a rewrite fails with an error that says so, hides the value, and changes nothing.
func (g *ground) refused(want error, says string) {
	g.t.Helper()
	state := func() string {
		files, err := filepath.Glob(filepath.Join(g.Dir, ".git", "objects", "pack", "*"))
		if err != nil {
			g.t.Fatal(err)
		}
		refs := g.Git("for-each-ref")
		return fmt.Sprint(files, refs, g.Git("status", "--porcelain"))
	}
	before := state()
	_, err := Apply(context.Background(), open(g.t, g.Dir), &g.spec, Options{}, elsewhere(g.t))
	if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) {
		g.t.Errorf("the error is %v, and does not say %q", err, says)
	}
	if holds(fmt.Sprint(err), spellings(g.value, g.other)) {
		g.t.Error("the error holds a value")
	}
	if after := state(); after != before {
		g.t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

// TestRefused has what cannot be rewritten.
func TestRefused(t *testing.T) {
	for name, change := range map[string]func(g *ground){
		"it contains value": func(g *ground) {
			g.spec.Literals[0].With = "x" + g.other
			g.refused(ErrSpec, "choose another replacement")
		},
		"itself":  func(g *ground) { g.spec.Literals[0].With = "x" + g.value; g.refused(ErrSpec, "contains value 1") },
		"nothing": func(g *ground) { g.spec = Spec{}; g.refused(ErrSpec, "nothing is to be") },
		"empty expression": func(g *ground) {
			g.spec.Patterns = []Pattern{{regexp.MustCompile("x*"), ""}}
			g.refused(ErrSpec, "the empty text")
		},
		"path":  func(g *ground) { g.spec.Drop = []string{"../x"}; g.refused(ErrSpec, "no path from the top") },
		"dirty": func(g *ground) { g.Write("README", "changed"); g.refused(ErrBusy, "not committed") },
		"merging": func(g *ground) {
			g.Write(".git/MERGE_HEAD", g.Git("rev-parse", "HEAD"))
			g.refused(ErrBusy, "under way")
		},
		"grafts": func(g *ground) { g.Write(".git/info/grafts", "x"); g.refused(ErrBusy, "convert-graft-file") },
		"never ends": func(g *ground) {
			g.spec.Patterns = []Pattern{{regexp.MustCompile("le(a+)k"), "lea${1}k"}}
			g.File("x", "leak")
			g.refused(ErrSpec, "again and again")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "sha1")
			g.File("leak", g.value)
			change(g)
		})
	}
}

// TestNamesRefused has a value in the name of a tag.
func TestNamesRefused(t *testing.T) {
	g := newGround(t, "sha1")
	g.value = gittest.Token()
	g.spec = Spec{Literals: []Literal{lit(g.value)}}
	g.File("leak", g.value)
	g.Git("tag", "release-"+g.value)
	g.refused(ErrSpec, "git tag NEW OLD")
}

// TestPartial has clones that lack history.
func TestPartial(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	g.Git("config", "uploadpack.allowFilter", "true")
	for flag, says := range map[string]string{"--depth=1": "--unshallow", "--filter=blob:none": "partial clone"} {
		dir := t.TempDir()
		g.Git("clone", "-q", flag, "file://"+g.Dir, dir)
		_, err := Run(context.Background(), open(t, dir), &g.spec, Options{})
		if !errors.Is(err, ErrPartial) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the error is %v", flag, err)
		}
	}
}

// TestDamage has objects that cannot be read.
func TestDamage(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	id := g.Git("rev-parse", "HEAD:README")
	path := filepath.Join(g.Dir, ".git", "objects", id[:2], id[2:])
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("no zlib"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), open(t, g.Dir), &g.spec, Options{Write: true}); err == nil || !strings.Contains(err.Error(), "git fsck") {
		t.Errorf("the error is %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestRace has a ref that moves between the reading of the refs and their transaction.
func TestRace(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	g.Git("branch", "other")
	repo := open(t, g.Dir)
	moved := ""
	opts := Options{Notice: func(stage string) {
		if stage == "move refs" {
			g.Git("branch", "-f", "other", "HEAD~1")
			moved = g.Git("for-each-ref")
		}
	}}
	_, err := Apply(context.Background(), repo, &g.spec, opts, elsewhere(t))
	if err == nil || !strings.Contains(err.Error(), "none has moved") || g.Git("for-each-ref") != moved {
		t.Errorf("a ref that moved was overwritten, or another moved: %v", err)
	}
	if packs, _ := filepath.Glob(filepath.Join(g.Dir, ".git/objects/pack/*")); len(packs) > 0 {
		t.Errorf("the new pack stays: %v", packs)
	}
}

// TestNoRoom has no place for what was before.
func TestNoRoom(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	refs := g.Git("for-each-ref")
	for _, saved := range []Saved{
		{Folder: "/dev/full/x"}, {Folder: filepath.Join(g.Dir, "README")}, {filepath.Join(t.TempDir(), "x"), filepath.Join(g.Dir, "README")}, {filepath.Join(t.TempDir(), "x"), "/dev/full/x"},
	} {
		if _, err := Apply(context.Background(), open(t, g.Dir), &g.spec, Options{}, saved); err == nil || !strings.Contains(err.Error(), "back up: ") && !strings.Contains(err.Error(), "the bundle: ") {
			t.Errorf("the error is %v", err)
		}
	}
	if packs, _ := filepath.Glob(filepath.Join(g.Dir, ".git/objects/pack/*")); len(packs) > 0 || g.Git("for-each-ref") != refs {
		t.Errorf("something changed: %v", packs)
	}
}

// TestManyRefs moves many refs, some with names that few have.
func TestManyRefs(t *testing.T) {
	g := newGround(t, "sha1")
	leak := g.File("leak", g.value)
	names := []string{"refs/heads/ünï/cödé", "refs/heads/a'b\"c$d`e", "refs/tags/-dash", "refs/pull/7/head", "refs/weird/\xff\xfe", "refs/heads/" + strings.Repeat("x", 200)}
	gittest.FewArguments(t)
	for i := range gittest.ManyRefs() { // with their long names more than a program may be given
		names = append(names, fmt.Sprintf("refs/tags/%0230d", i))
	}
	g.packed(names, leak)
	r, err := Apply(context.Background(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Refs) != len(names)+1 || len(r.Pulls()) != 1 {
		t.Errorf("%d refs moved of %d, %d of pull requests", len(r.Refs), len(names)+1, len(r.Pulls()))
	}
	if strings.Contains(g.Git("for-each-ref"), leak) {
		t.Error("a ref did not move")
	}
	g.clean(spellings(g.value))
}

// packed writes refs as git packs them: git itself takes minutes to make, pack and prune 100,000.
func (g *ground) packed(names []string, id string) {
	g.Git("pack-refs", "--all")
	path := filepath.Join(g.Dir, ".git/packed-refs")
	there, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(there)))
	for _, n := range names {
		lines = append(lines, id+" "+n+"\n")
	}
	byName := func(a, b string) int { return strings.Compare(a[len(id):], b[len(id):]) }
	slices.SortFunc(lines[1:], byName)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if got := strings.Count(g.Git("for-each-ref"), "\n"); got < len(names) {
		g.t.Fatalf("git reads %d refs of %d", got, len(names))
	}
}

// TestStash has values in entries of the stash.
func TestStash(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	for i := range 3 {
		g.Write("README", fmt.Sprint("change ", i))
		g.Git("stash", "push", "-q", "-m", fmt.Sprint("stash ", i, " ", g.value))
	}
	if _, err := Apply(context.Background(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	if err := Clean(context.Background(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	list := g.Git("stash", "list")
	if strings.Count(list, "\n") < 2 || strings.Contains(list, g.value) {
		t.Errorf("the stash is %q", hide(list, g.value))
	}
	for id, content := range objects(t, g.Dir) {
		if holds(content, spellings(g.value)) {
			t.Errorf("after clean, object %s holds a value", id)
		}
	}
	if left, err := Verify(context.Background(), open(t, g.Dir), &g.spec); err != nil || left.Any() {
		t.Errorf("verify finds %v %v", left, err)
	}
	g.Git("stash", "pop", "-q", "stash@{2}")
	if got, _ := os.ReadFile(filepath.Join(g.Dir, "README")); string(got) != "change 0" {
		t.Errorf("the oldest entry of the stash gives %q", got)
	}
}

// TestWorktrees has branches that are checked out elsewhere, one detached.
func TestWorktrees(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	g.Git("worktree", "add", "-q", "-b", "one", one)
	g.Git("worktree", "add", "-q", "--detach", two)
	g.holdsLaw()
	for _, dir := range []string{g.Dir, one, two} {
		if got, _ := os.ReadFile(filepath.Join(dir, "leak")); string(got) != Placeholder {
			t.Errorf("the file in %s is not rewritten", dir)
		}
		if got := g.Git("-C", dir, "status", "--porcelain"); got != "" {
			t.Errorf("%s is not clean: %s", dir, got)
		}
	}
}

// TestDrop takes paths out.
func TestDrop(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		g.File("keep/a", "x\n")
		clean := g.Git("rev-parse", "HEAD")
		g.File("keep/secret.pem", g.value)
		g.File("private/deep/x", g.other)
		g.File("keep/b", "y "+g.value)
		g.File("private/y", "more")
		g.Git("checkout", "-q", "--orphan", "only")
		g.Git("rm", "-rfq", ".")
		g.File("private/y", "more")
		g.spec.Drop = []string{"private", "keep/secret.pem"}
		r, moves := g.holdsLaw()
		if moves[clean] != clean {
			t.Error("a commit before what is dropped changed")
		}
		if got := g.Git("ls-tree", "-r", "--name-only", "main"); got != "README\nkeep/a\nkeep/b" {
			t.Errorf("the files are %q", got)
		}
		if got := g.Git("ls-tree", "-r", "only"); got != "" || r.Changed != 5 {
			t.Errorf("an orphan branch has %q; %d changed", got, r.Changed)
		}
	})
}

// TestPatterns replaces by expressions.
func TestPatterns(t *testing.T) {
	g := newGround(t, "sha1")
	g.File("a", "user=joe\npass="+g.value+"\n")
	spec, err := ReadText(strings.NewReader(`regex:pass=(\S)\S*==>pass=\1..` + "\n" + `glob:user=*==>nobody` + "\nliteral:READ==>WRITE\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(context.Background(), open(t, g.Dir), &spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(g.Dir, "a")); string(got) != "nobody\npass=p..\n" {
		t.Errorf("the file is %q", hide(string(got), g.value))
	}
	if got := g.Git("ls-tree", "--name-only", "HEAD"); got != "WRITEME\na" {
		t.Errorf("the files are %q", got)
	}
}

// TestReadText reads what git-filter-repo's manual shows, and refuses what two tools read differently.
func TestReadText(t *testing.T) {
	spec, err := ReadText(strings.NewReader("p455w0rd\nfoo==>bar\nglob:*666*==>\nregex:\\bdriver\\b==>pilot\nliteral:MM/DD/YYYY==>YYYY-MM-DD\nregex:([0-9]{2})/([0-9]{2})/([0-9]{4})==>\\3-\\1-\\2\na==>b==>c\r\n"))
	if err != nil || len(spec.Literals) != 4 || len(spec.Patterns) != 3 {
		t.Fatalf("%d literals, %d expressions, %v", len(spec.Literals), len(spec.Patterns), err)
	}
	if l := spec.Literals[3]; l.Value.Reveal() != "a==>b" || l.With != "c" || spec.Literals[0].With != Placeholder {
		t.Error("a line is read wrongly")
	}
	out, err := newEditor(&spec).edit([]byte("the driver of 12/31/2025\nx666y\nmail foo p455w0rd"), false)
	if want := "the pilot of 2025-12-31\n\nmail bar " + Placeholder; err != nil || string(out) != want {
		t.Errorf("the text becomes %q (%v)", out, err)
	}
	for _, bad := range []string{"regex:(?=x)", "regex:(==>x", "==>x", "regex:a(b)==>$1", `regex:a==>\q`} {
		if _, err := ReadText(strings.NewReader("ok\n" + bad)); !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestMaskStays holds that a value of asterisks is refused: nothing could stand in its place.
func TestMaskStays(t *testing.T) {
	spec := Spec{Literals: []Literal{{secret.New("****"), "x"}}}
	if !errors.Is(spec.Check(), ErrSpec) {
		t.Error("it is accepted")
	}
}
