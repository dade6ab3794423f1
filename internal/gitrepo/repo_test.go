package gitrepo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryObjectEqualsGits(t *testing.T) {
	formats := map[string][]string{"sha1": nil, "sha256": {"--object-format=sha256"}}
	for name, args := range formats {
		t.Run(name, func(t *testing.T) {
			dir := newRepo(t, args...)
			t.Run("loose", func(t *testing.T) { mustMatchGit(t, dir) })
			git(t, dir, "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50")
			t.Run("packed with deltas", func(t *testing.T) { mustMatchGit(t, dir) })
			write(t, filepath.Join(dir, "more"), "more\n")
			commitAt(t, dir, 60, "more")
			git(t, dir, "repack", "-q")
			write(t, filepath.Join(dir, "loose"), "loose\n")
			commitAt(t, dir, 61, "loose")
			t.Run("two packs and loose", func(t *testing.T) { mustMatchGit(t, dir) })
			git(t, dir, "multi-pack-index", "write")
			t.Run("with multi-pack-index", func(t *testing.T) { mustMatchGit(t, dir) })
			want := catFile(t, dir) // without .idx files git itself no longer lists objects, though it reads them
			for _, path := range packFiles(t, dir, "*.idx") {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			t.Run("multi-pack-index alone", func(t *testing.T) { mustMatch(t, dir, want) })
		})
	}
}

func packFiles(t testing.TB, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, ".git", "objects", "pack", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return paths
}

func TestScanReadsDeltasOfEveryKind(t *testing.T) {
	dir := newRepo(t)
	objects := git(t, dir, "rev-list", "--objects", "--all", "--no-object-names")
	repack := func(t *testing.T, format string, args ...string) {
		other := t.TempDir()
		git(t, other, "init", "-q", "-b", "main")
		pack := filepath.Join(other, ".git", "objects", "pack", "pack")
		gitInput(t, dir, []byte(objects+"\n"), append([]string{"pack-objects", "-q", "--window=50", "--depth=50", pack}, args...)...)
		if format == "v1" {
			for _, path := range packFiles(t, other, "*.pack") {
				git(t, other, "index-pack", "--index-version=1", "-o", strings.TrimSuffix(path, ".pack")+".idx2", path)
				if err := os.Rename(strings.TrimSuffix(path, ".pack")+".idx2", strings.TrimSuffix(path, ".pack")+".idx"); err != nil {
					t.Fatal(err)
				}
			}
		}
		mustMatchGit(t, other)
		deltas := 0
		for _, o := range scanned(t, open(t, other), nil, ScanOptions{All: true}) {
			if !o.Base.IsZero() {
				deltas++
			}
		}
		if deltas < 20 {
			t.Fatalf("only %d deltas: the test proves little", deltas)
		}
	}
	t.Run("reference deltas", func(t *testing.T) { repack(t, "") })
	t.Run("offset deltas", func(t *testing.T) { repack(t, "", "--delta-base-offset") })
	t.Run("index version 1", func(t *testing.T) { repack(t, "v1") })
	t.Run("64-bit offsets", func(t *testing.T) { repack(t, "", "--index-version=2,0x100") })
}

func TestOpenFindsTheRepository(t *testing.T) {
	dir := newRepo(t)
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "-q", linked, "side")
	bare := filepath.Join(t.TempDir(), "bare.git")
	git(t, dir, "clone", "-q", "--bare", dir, bare)
	shared := filepath.Join(t.TempDir(), "shared")
	git(t, dir, "clone", "-q", "--shared", dir, shared)
	super := t.TempDir()
	git(t, super, "init", "-q")
	git(t, super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", dir, "sub")

	for name, c := range map[string]struct{ path, work, common string }{
		"work tree":          {dir, dir, dir + "/.git"},
		"folder inside":      {dir + "/src/f1", dir, dir + "/.git"},
		"git folder":         {dir + "/.git", dir, dir + "/.git"},
		"linked worktree":    {linked, linked, dir + "/.git"},
		"worktree's own dir": {dir + "/.git/worktrees/linked", linked, dir + "/.git"},
		"bare":               {bare, "", bare},
		"inside bare":        {bare + "/refs", "", bare},
		"alternates":         {shared, shared, shared + "/.git"},
		"submodule":          {super + "/sub", super + "/sub", super + "/.git/modules/sub"},
		"submodule's folder": {super + "/.git/modules/sub", super + "/sub", super + "/.git/modules/sub"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, c.path)
			if r.WorkDir() != c.work || r.CommonDir() != c.common {
				t.Errorf("work tree %q, common folder %q; want %q, %q", r.WorkDir(), r.CommonDir(), c.work, c.common)
			}
			mustMatchGit(t, c.path)
			head, err := r.Resolve("HEAD")
			if want := git(t, c.path, "rev-parse", "HEAD"); err != nil || head.String() != want {
				t.Errorf("HEAD is %s, %v; want %s", head, err, want)
			}
		})
	}
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotRepository) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent folder: %v", err)
	}
	gone := t.TempDir()
	write(t, filepath.Join(gone, ".git"), "gitdir: /nowhere/at/all\n")
	if _, err := Open(gone); !errors.Is(err, ErrNotRepository) || !strings.Contains(err.Error(), "/nowhere/at/all") {
		t.Errorf("dangling .git file: %v", err)
	}
	for _, c := range []struct{ config, want string }{
		{"[core]\nrepositoryformatversion = 2\n", "repositoryformatversion"},
		{"[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = reftable\n", "reftable"},
		{"[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = sha512\n", "sha512"},
		{"[core]\nrepositoryformatversion = 1\n[Extensions] someThing\n", "something"},
	} {
		dir := t.TempDir()
		git(t, dir, "init", "-q")
		write(t, filepath.Join(dir, ".git", "config"), c.config)
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.config, err)
		}
	}
	if os.Getuid() == 0 {
		t.Skip("the superuser may read everything: unreadable folders are not tested")
	}
	dir := newRepo(t)
	if err := os.Chmod(filepath.Join(dir, ".git"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(dir, ".git"), 0o755)
	if _, err := Open(dir); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("unreadable git folder: %v", err)
	}
}

func TestConfigIsReadAsGitReadsIt(t *testing.T) {
	text := "# note\n[core]\n\tbare = true ; note\n worktree = \"a # b\"  \n[remote \"Or\\\"igin.x\"] promisor\n[A \"b\"]\nlong = one \\\n  two\nempty =\n[old.Sub]\nkey=1\n"
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, text)
	for line := range strings.SplitSeq(strings.TrimRight(git(t, t.TempDir(), "config", "-f", path, "-l", "-z"), "\x00"), "\x00") {
		key, want, assigned := strings.Cut(line, "\n")
		if !assigned {
			want = "true"
		}
		if got, ok := parseConfig(text)[key]; !ok || got != want {
			t.Errorf("%s is %q, git says %q", key, got, want)
		}
	}
}

func TestShallowAndPartialClonesAreKnown(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "config", "uploadpack.allowFilter", "true")
	shallow, partial := filepath.Join(t.TempDir(), "shallow"), filepath.Join(t.TempDir(), "partial")
	git(t, dir, "clone", "-q", "--depth=3", "file://"+dir, shallow)
	git(t, dir, "clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+dir, partial)
	if r := open(t, shallow); len(r.Shallow()) == 0 || r.Promisor() {
		t.Errorf("shallow clone: %d cut commits, promisor %v", len(r.Shallow()), r.Promisor())
	}
	r := open(t, partial)
	if len(r.Shallow()) != 0 || !r.Promisor() {
		t.Errorf("partial clone: %d cut commits, promisor %v", len(r.Shallow()), r.Promisor())
	}
	blob, err := ParseID(git(t, dir, "rev-parse", "HEAD:text.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.NewReader(0).Object(blob); !errors.Is(err, ErrMissing) {
		t.Errorf("filtered blob: %v", err)
	}
	if o := scanned(t, r, []ID{blob}, ScanOptions{})[blob.String()]; !errors.Is(o.Err, ErrMissing) {
		t.Errorf("scan of a filtered blob: %v", o.Err)
	}
}
