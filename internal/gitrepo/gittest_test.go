package gitrepo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// git runs the real git, the judge in these tests.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return gitInput(t, dir, nil, args...)
}

func gitInput(t testing.TB, dir string, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Cid", "GIT_COMMITTER_EMAIL=cid@example.com")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimRight(string(out), "\n")
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commitAt commits everything, minutes after a fixed moment.
func commitAt(t testing.TB, dir string, minute int, message string) {
	t.Helper()
	git(t, dir, "add", "-A")
	date := fmt.Sprintf("%d +0130", 1_700_000_000+60*minute)
	cmd := exec.Command("git", "-c", "user.name=Ann Ö", "-c", "user.email=ann@example.com", "commit", "-q", "--allow-empty", "-m", message)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("commit: %v\n%s", err, out)
	}
}

// newRepo makes a repository of some forty commits with branches, a merge, type
// changes, folders, tags and a text that grows, so that packs hold deltas.
func newRepo(t testing.TB, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, append([]string{"init", "-q", "-b", "main"}, args...)...)
	r := rand.New(rand.NewPCG(3, 4))
	lines := make([]string, 400)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d %x", i, r.Uint64())
	}
	for i := range 30 {
		lines[r.IntN(len(lines))] = fmt.Sprintf("changed %d %x", i, r.Uint64())
		write(t, filepath.Join(dir, "text.txt"), strings.Join(lines, "\n"))
		write(t, filepath.Join(dir, "src", fmt.Sprintf("f%d", i%7), "deep", "file.go"), strings.Join(lines[:i+1], "\n"))
		commitAt(t, dir, i, fmt.Sprintf("change %d\n\nbody", i))
	}
	git(t, dir, "checkout", "-q", "-b", "side", "HEAD~5")
	write(t, filepath.Join(dir, "side.txt"), "side\n")
	commitAt(t, dir, 40, "side")
	git(t, dir, "checkout", "-q", "main")
	git(t, dir, "-c", "user.name=M", "-c", "user.email=m@example.com", "merge", "-q", "--no-ff", "-m", "merge", "side")
	if err := os.Remove(filepath.Join(dir, "side.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("text.txt", filepath.Join(dir, "side.txt")); err != nil {
		t.Fatal(err)
	}
	commitAt(t, dir, 50, "file becomes a link")
	os.Remove(filepath.Join(dir, "side.txt"))
	write(t, filepath.Join(dir, "side.txt", "inside"), "a folder now\n")
	write(t, filepath.Join(dir, "side.txt-x"), "sorts between\n")
	write(t, filepath.Join(dir, "empty"), "")
	commitAt(t, dir, 51, "link becomes a folder")
	git(t, dir, "tag", "light")
	git(t, dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "tag", "-a", "-m", "a tag", "v1.0")
	git(t, dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "tag", "-a", "-m", "of a tree", "tree-tag", "HEAD^{tree}")
	return dir
}

func open(t testing.TB, path string) *Repo {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// catFile gives the content of every object as git prints it.
func catFile(t testing.TB, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	out := git(t, dir, "cat-file", "--batch-all-objects", "--batch") + "\n"
	for out != "" {
		head, rest, _ := strings.Cut(out, "\n")
		var id, kind string
		var size int
		if _, err := fmt.Sscan(head, &id, &kind, &size); err != nil || len(rest) < size {
			if strings.Trim(out, "\n") == "" {
				break
			}
			t.Fatalf("unexpected answer of git: %q %v", head, err)
		}
		contents[id] = kind + " " + rest[:size]
		out = rest[min(size+1, len(rest)):]
	}
	return contents
}

// scanned gathers what Scan visits, failing when anything comes twice.
func scanned(t testing.TB, r *Repo, ids []ID, opts ScanOptions) map[string]Packed {
	t.Helper()
	var mutex sync.Mutex
	got := map[string]Packed{}
	err := r.Scan(context.Background(), ids, opts, func(_ int, o Packed) (any, error) {
		mutex.Lock()
		defer mutex.Unlock()
		if _, twice := got[o.ID.String()]; twice {
			t.Errorf("object %s was visited twice", o.ID)
		}
		o.Data, o.Delta = bytes.Clone(o.Data), bytes.Clone(o.Delta)
		got[o.ID.String()] = o
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// mustMatchGit compares every way of reading with what git prints.
func mustMatchGit(t *testing.T, dir string) {
	t.Helper()
	mustMatch(t, dir, catFile(t, dir))
}

func mustMatch(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	mustMatchRepo(t, open(t, dir), want)
}

func mustMatchRepo(t *testing.T, r *Repo, want map[string]string) {
	t.Helper()
	rd := r.NewReader(1 << 16)
	var ids []ID
	for name, content := range want {
		id, err := ParseID(name)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		o, err := rd.Object(id)
		if err != nil {
			t.Fatalf("object %s: %v", name, err)
		}
		if o.Type.String()+" "+string(o.Data) != content {
			t.Fatalf("object %s differs from git's", name)
		}
		kind, size, err := rd.Header(id)
		if err != nil || kind != o.Type || size != int64(len(o.Data)) {
			t.Fatalf("header of %s: %s %d %v", name, kind, size, err)
		}
	}
	for _, opts := range []ScanOptions{{}, {All: true}, {All: true, CacheBytes: 1, Workers: 3}, {Workers: 1, CacheBytes: 1}} {
		got := scanned(t, r, append(ids, ids[0]), opts)
		if len(got) != len(want) {
			t.Fatalf("%+v visited %d of %d objects", opts, len(got), len(want))
		}
		for name, o := range got {
			if o.Err != nil || o.Type.String()+" "+string(o.Data) != want[name] {
				t.Fatalf("%+v: %s differs from git's: %v", opts, name, o.Err)
			}
			if !opts.All && ids[o.Index].String() != name {
				t.Fatalf("%s has index %d", name, o.Index)
			}
			if !o.Base.IsZero() {
				base, err := rd.Object(o.Base)
				if err != nil {
					t.Fatal(err)
				}
				if again, err := applyDelta(nil, base.Data, o.Delta); err != nil || !bytes.Equal(again, o.Data) {
					t.Fatalf("delta of %s does not make it: %v", name, err)
				}
			}
		}
	}
}

// storeTreeDirect writes a loose tree without starting git: for many of them.
func storeTreeDirect(t testing.TB, dir string, data []byte) ID {
	t.Helper()
	raw := append(fmt.Appendf(nil, "tree %d\x00", len(data)), data...)
	sum := sha1.Sum(raw)
	id, err := IDFromBytes(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	name := id.String()
	write(t, filepath.Join(dir, ".git", "objects", name[:2], name[2:]), string(deflated(t, raw, 1)))
	return id
}
