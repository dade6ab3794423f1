package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rawDiffs gives, for each commit, git's list of changes against its first parent.
func rawDiffs(t testing.TB, dir string) map[string][]string {
	t.Helper()
	out := git(t, dir, "log", "--all", "--diff-merges=first-parent", "--root", "--raw", "-r", "--no-renames", "--no-abbrev", "-z", "--format=%x01%H")
	diffs := map[string][]string{}
	for _, part := range strings.Split(out, "\x01")[1:] {
		fields := strings.Split(strings.Trim(part, "\x00\n"), "\x00")
		list := []string{}
		for i := 1; i+1 < len(fields); i += 2 {
			head := strings.TrimLeft(fields[i], "\n:")
			f := strings.Fields(head)
			list = append(list, fmt.Sprintf("%s %s %s %s %s", f[0], f[1], f[2], f[3], fields[i+1]))
		}
		slices.Sort(list)
		diffs[fields[0]] = list
	}
	return diffs
}

func rawLine(c Change, hash int) string {
	zero := func(id ID) string {
		if id.IsZero() {
			return strings.Repeat("0", 2*hash)
		}
		return id.String()
	}
	return fmt.Sprintf("%06o %06o %s %s %s", c.Old.Mode, c.New.Mode, zero(c.Old.ID), zero(c.New.ID), c.Path)
}

// diffEveryCommit compares DiffTrees with git on the whole history.
func diffEveryCommit(t *testing.T, dir string) {
	t.Helper()
	want := rawDiffs(t, dir)
	r := open(t, dir)
	rd := r.NewReader(32 << 20)
	commits := 0
	_, err := r.Walk(context.Background(), tipsOf(t, r), nil, func(c *Commit) error {
		commits++
		var before ID
		if len(c.Parents) > 0 {
			parent, err := rd.Commit(c.Parents[0])
			if err != nil {
				return err
			}
			before = parent.Tree
		}
		got := []string{}
		err := rd.DiffTrees(before, c.Tree, func(change Change) error {
			got = append(got, rawLine(change, r.HashSize()))
			return nil
		})
		slices.Sort(got)
		if diff := cmp.Diff(want[c.ID.String()], got, cmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })); diff != "" {
			t.Errorf("%s (-git +ours):\n%s", c.ID, diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if commits != len(want) {
		t.Errorf("%d commits, git has %d", commits, len(want))
	}
}

func TestDiffTreesEqualsGitOnEveryCommit(t *testing.T) {
	dir := newRepo(t)
	sub := newRepo(t)
	git(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub, "sub")
	commitAt(t, dir, 80, "a submodule")
	if err := os.Chmod(filepath.Join(dir, "text.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "odd \xff\"name\n"), "bytes\n")
	commitAt(t, dir, 81, "modes and names")
	diffEveryCommit(t, dir)
	diffEveryCommit(t, newRepo(t, "--object-format=sha256"))
}

func TestDiffTreesEqualsGitOnRealHistories(t *testing.T) {
	root := os.Getenv("LEAKGATE_REPOS")
	if root == "" {
		t.Skip("set LEAKGATE_REPOS to a folder of repositories to compare their whole histories")
	}
	for _, dir := range repositoriesIn(root) {
		t.Run(strings.TrimPrefix(dir, root), func(t *testing.T) { diffEveryCommit(t, dir) })
	}
}

func TestDiffTreesGoesOnWhereASubtreeIsMissing(t *testing.T) {
	dir := newRepo(t)
	r := open(t, dir)
	rd := r.NewReader(0)
	c, err := rd.Commit(mustResolve(t, r, "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	lost := git(t, dir, "rev-parse", "HEAD:src/f3")
	if err := os.Remove(filepath.Join(dir, ".git", "objects", lost[:2], lost[2:])); err != nil {
		t.Fatal(err)
	}
	var paths []string
	err = rd.DiffTrees(ID{}, c.Tree, func(change Change) error {
		paths = append(paths, change.Path)
		return nil
	})
	var tree *TreeError
	if !errors.As(err, &tree) || tree.Path != "src/f3" || tree.ID.String() != lost || !errors.Is(err, ErrMissing) {
		t.Errorf("error: %v", err)
	}
	want := strings.Split(git(t, dir, "-c", "core.quotePath=false", "ls-files"), "\n")
	want = slices.DeleteFunc(want, func(path string) bool { return strings.HasPrefix(path, "src/f3/") })
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-git +ours):\n%s", diff)
	}
}

// storeTree writes a tree that git itself would refuse.
func storeTree(t testing.TB, dir string, lines ...string) ID {
	t.Helper()
	hexed := gitInput(t, dir, []byte(strings.Join(lines, "")), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	id, err := ParseID(hexed)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestHostileTreesHideNothing(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	blob := func(c string) string { return strings.Repeat(c, 20) }
	unsorted := storeTree(t, dir, "100644 b\x00"+blob("b"), "100644 a\x00"+blob("a"), "100644 a\x00"+blob("c"))
	sorted := storeTree(t, dir, "100644 a\x00"+blob("a"))
	cut := storeTree(t, dir, "100644 a\x00"+blob("a"), "100644 b\x00short")
	nomode := storeTree(t, dir, "a\x00"+blob("a"))
	rd := open(t, dir).NewReader(0)
	var paths []string
	if err := rd.DiffTrees(sorted, unsorted, func(c Change) error {
		paths = append(paths, c.Path)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, paths); diff != "" {
		t.Errorf("unsorted with a double name: %s", diff)
	}
	var corrupt *CorruptError
	for _, id := range []ID{cut, nomode} {
		if err := rd.DiffTrees(ID{}, id, func(Change) error { return nil }); !errors.As(err, &corrupt) {
			t.Errorf("malformed tree: %v", err)
		}
	}
	deep := sorted
	for range maxTreeDepth + 10 {
		data := append([]byte("40000 d\x00"), deep.Bytes()...)
		deep = storeTreeDirect(t, dir, data)
	}
	if err := rd.DiffTrees(ID{}, deep, func(Change) error { return nil }); !errors.As(err, &corrupt) {
		t.Errorf("endless nesting: %v", err)
	}
}

// BenchmarkHistory walks every commit of LEAKGATE_BENCH_REPO and tells what it changed.
func BenchmarkHistory(b *testing.B) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		b.Skip("set LEAKGATE_BENCH_REPO to a repository")
	}
	for b.Loop() {
		r, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		rd := r.NewReader(64 << 20)
		commits, changes := 0, 0
		_, err = r.Walk(context.Background(), tipsOf(b, r), nil, func(c *Commit) error {
			commits++
			var before ID
			if len(c.Parents) > 0 {
				parent, err := rd.Commit(c.Parents[0])
				if err != nil {
					return err
				}
				before = parent.Tree
			}
			return rd.DiffTrees(before, c.Tree, func(Change) error { changes++; return nil })
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(commits), "commits")
		b.ReportMetric(float64(changes), "changes")
		r.Close()
	}
}
