package gitrepo

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refMap lists refs as name to id, symbolic ones with their target.
func refMap(t testing.TB, r *Repo) map[string]string {
	t.Helper()
	refs, err := r.Refs()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, ref := range refs {
		if _, twice := got[ref.Name]; twice {
			t.Errorf("%s is listed twice", ref.Name)
		}
		got[ref.Name] = strings.TrimSpace(ref.ID.String() + " " + ref.Target)
	}
	return got
}

// A gc that runs meanwhile takes loose refs away and writes packed-refs anew.
func TestRefsThatArePackedMeanwhileAreListed(t *testing.T) {
	dir := newRepo(t)
	r := open(t, dir)
	if _, err := r.Head(); err != nil { // reads packed-refs
		t.Fatal(err)
	}
	for _, name := range []string{"refs/heads/one", "refs/heads/two"} {
		git(t, dir, "update-ref", name, "HEAD")
		git(t, dir, "pack-refs", "--all", "--prune")
		if head, err := r.Head(); err != nil || head.IsZero() || refMap(t, r)[name] != head.String() {
			t.Errorf("HEAD is %s, %v, and %s is %q", head, err, name, refMap(t, r)[name])
		}
	}
}

// While git replaces packed-refs again and again, a list of the refs is whole.
func TestRefsAreWholeWhileTheyArePacked(t *testing.T) {
	dir := newRepo(t)
	r := open(t, dir)
	names := []string{"refs/heads/n1", "refs/heads/n2", "refs/heads/n3"}
	for _, name := range names {
		git(t, dir, "update-ref", name, "HEAD")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			for _, args := range [][]string{{"pack-refs", "--all", "--prune"}, {"update-ref", "refs/heads/n1", "HEAD~1"}, {"update-ref", "refs/heads/n1", "HEAD"}} {
				_ = exec.Command("git", append([]string{"-C", dir}, args...)...).Run()
			}
		}
	}()
	for listing := true; listing; {
		select {
		case <-done:
			listing = false
		default:
		}
		refs, err := r.Refs()
		for _, name := range names {
			if err == nil && !slices.ContainsFunc(refs, func(ref Ref) bool { return ref.Name == name }) {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

func TestRefsAreThoseOfGit(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "update-ref", "refs/notes/x", "HEAD~1")
	git(t, dir, "symbolic-ref", "refs/heads/alias", "refs/heads/side")
	for _, state := range []string{"loose", "packed", "mixed"} {
		switch state {
		case "packed":
			git(t, dir, "pack-refs", "--all")
		case "mixed":
			git(t, dir, "update-ref", "refs/heads/main", "HEAD~1")
		}
		want := map[string]string{"HEAD": git(t, dir, "rev-parse", "HEAD") + " refs/heads/main"}
		for _, line := range strings.Split(git(t, dir, "for-each-ref", "--format=%(refname) %(objectname) %(symref)"), "\n") {
			name, rest, _ := strings.Cut(line, " ")
			want[name] = strings.TrimSpace(rest)
		}
		if diff := cmp.Diff(want, refMap(t, open(t, dir))); diff != "" {
			t.Errorf("%s (-git +ours):\n%s", state, diff)
		}
	}
	refs, _ := open(t, dir).Refs()
	for _, ref := range refs {
		if ref.Name == "refs/tags/v1.0" && ref.Peeled.String() != git(t, dir, "rev-parse", "v1.0^{}") {
			t.Errorf("v1.0 peels to %s", ref.Peeled)
		}
	}
}

func TestRefsOfEveryWorktreeAndTheStash(t *testing.T) {
	dir := newRepo(t)
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "-q", "--detach", linked, "HEAD~2")
	git(t, linked, "update-ref", "refs/worktree/own", "HEAD~1")
	for _, text := range []string{"one", "two", "three"} {
		write(t, filepath.Join(dir, "text.txt"), text)
		git(t, dir, "-c", "user.name=S", "-c", "user.email=s@example.com", "stash", "-q")
	}
	main, other := refMap(t, open(t, dir)), refMap(t, open(t, linked))
	for _, c := range []struct {
		refs            map[string]string
		name, dir, want string
	}{
		{main, "worktrees/linked/HEAD", linked, "HEAD"},
		{main, "worktrees/linked/refs/worktree/own", linked, "refs/worktree/own"},
		{main, "refs/stash", dir, "stash@{0}"},
		{main, "stash@{1}", dir, "stash@{1}"},
		{main, "stash@{2}", dir, "stash@{2}"},
		{other, "HEAD", linked, "HEAD"},
		{other, "refs/worktree/own", linked, "refs/worktree/own"},
		{other, "stash@{2}", dir, "stash@{2}"},
	} {
		if want := git(t, c.dir, "rev-parse", c.want); c.refs[c.name] != want {
			t.Errorf("%s is %q, want %s", c.name, c.refs[c.name], want)
		}
	}
	if other["main-worktree/HEAD"] != git(t, dir, "rev-parse", "HEAD")+" refs/heads/main" {
		t.Errorf("the main worktree's HEAD is %q", other["main-worktree/HEAD"])
	}
}

func TestUnbornBranchIsNoError(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	r := open(t, dir)
	if diff := cmp.Diff(map[string]string{"HEAD": "refs/heads/main"}, refMap(t, r)); diff != "" {
		t.Error(diff)
	}
	var unknown *UnknownRevisionError
	if _, err := r.Resolve("HEAD"); !errors.As(err, &unknown) {
		t.Errorf("HEAD: %v", err)
	}
	if got, report := walked(t, r, nil, nil); len(got)+len(report.Missing) != 0 {
		t.Errorf("an empty history: %v %+v", got, report)
	}
}

func TestBrokenRefsAreToldNotSkipped(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "pack-refs", "--all")
	write(t, filepath.Join(dir, ".git", "refs", "heads", "empty"), "")
	write(t, filepath.Join(dir, ".git", "refs", "heads", "short"), "abcdef\n")
	write(t, filepath.Join(dir, ".git", "refs", "heads", "loop"), "ref: refs/heads/loop\n")
	write(t, filepath.Join(dir, ".git", "refs", "heads", "escape"), "ref: ../../../etc/passwd\n")
	write(t, filepath.Join(dir, ".git", "refs", "heads", "large"), strings.Repeat("a", maxRefFile+1))
	packed := filepath.Join(dir, ".git", "packed-refs")
	text, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, packed, string(text)+"nonsense refs/heads/bad\n")
	refs, err := open(t, dir).Refs()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"heads/empty", "heads/large", "heads/short", "heads/loop", "heads/escape", "packed-refs line"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("nothing about %s in: %v", name, err)
		}
	}
	if len(refs) != 6 { // HEAD, main, side, light, v1.0, tree-tag
		t.Errorf("%d good refs are left", len(refs))
	}
}

func TestDamagedPackedRefsAreNotComplete(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "pack-refs", "--all")
	path := filepath.Join(dir, ".git", "packed-refs")
	clean := string(mustRead(t, path))
	id := git(t, dir, "rev-parse", "HEAD")
	all, err := open(t, dir).Refs()
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(clean); cut++ {
		if clean[cut-1] == '\n' { // whole lines: git has nothing to tell it by either
			continue
		}
		write(t, path, clean[:cut])
		refs, err := open(t, dir).Refs()
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(clean), err)
		}
		for _, ref := range refs {
			if !slices.ContainsFunc(all, func(whole Ref) bool { return whole.Name == ref.Name && whole.ID == ref.ID }) {
				t.Fatalf("cut to %d bytes: %s %s is no ref of the whole file", cut, ref.ID, ref.Name)
			}
		}
	}
	for _, line := range []string{strings.Repeat("0", 40) + " refs/heads/x", id + strings.Repeat("a", 24) + " refs/heads/x", id[:39] + " refs/heads/x", id, id + " ",
		id + " refs/heads/../x", id + " refs/heads/side", "#" + id + " refs/heads/x", "^" + id + " x", strings.Repeat("\x00", 50), ""} {
		write(t, path, clean+line+"\n"+id+" refs/heads/behind\n")
		refs, err := open(t, dir).Refs()
		if !errors.Is(err, errRef) {
			t.Errorf("line %q: %v", line, err)
		}
		if len(refs) != len(all)+1 || !slices.ContainsFunc(refs, func(ref Ref) bool { return ref.Name == "refs/heads/behind" }) {
			t.Errorf("line %q: %d refs are left of %d", line, len(refs), len(all)+1)
		}
	}
}

func TestHeadIsNotUnbornWhenItsPackedRefIsDamaged(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "pack-refs", "--all")
	path := filepath.Join(dir, ".git", "packed-refs")
	write(t, path, strings.Replace(string(mustRead(t, path)), " refs/heads/main\n", "refs/heads/main\n", 1))
	refs, err := open(t, dir).Refs()
	if !errors.Is(err, errRef) || slices.ContainsFunc(refs, func(ref Ref) bool { return ref.Name == "HEAD" }) {
		t.Errorf("%v, %v", refs, err)
	}
}

func TestLooseRefOfZerosOrGarbageIsTold(t *testing.T) {
	for _, text := range []string{strings.Repeat("0", 40) + "\n", strings.Repeat("\x00", 41), strings.Repeat("z", 40) + "\n", strings.Repeat("a", 41) + "\n"} {
		dir := newRepo(t)
		git(t, dir, "pack-refs", "--all") // a packed value that is out of date must not stand in
		write(t, filepath.Join(dir, ".git", "refs", "heads", "main"), text)
		r := open(t, dir)
		refs, err := r.Refs()
		if err == nil || !strings.Contains(err.Error(), "refs/heads/main") || !strings.Contains(err.Error(), "HEAD") {
			t.Errorf("%q: %v", text, err)
		}
		if len(refs) != 4 { // side, light, v1.0, tree-tag
			t.Errorf("%q: %d refs are left", text, len(refs))
		}
		if id, err := r.Resolve("main"); err == nil {
			t.Errorf("%q: main is %s", text, id)
		}
	}
}

func TestResolveNamesWhatRevParseNames(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "branch", "dup", "HEAD~3")
	git(t, dir, "tag", "dup", "HEAD~3")
	git(t, dir, "branch", "both", "v1.0^{}")
	git(t, dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "tag", "-a", "-m", "same commit", "both", "v1.0^{}")
	git(t, dir, "tag", "nest", "HEAD~4")
	git(t, dir, "branch", "nest/ed", "HEAD~1")
	git(t, dir, "update-ref", "refs/remotes/origin/main", "HEAD~5")
	git(t, dir, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	full := git(t, dir, "rev-parse", "HEAD~2")
	r := open(t, dir)
	revs := []string{"HEAD", "@", "main", "heads/main", "refs/heads/main", "dup", "heads/dup", "tags/dup", "both", "nest/ed", "origin", "origin/main", "v1.0", "v1.0^{}",
		"v1.0^{commit}", "HEAD~3", "HEAD^", "HEAD^1", "HEAD~2^2", "HEAD~~", "HEAD^^", "HEAD^0", "HEAD~0", "@~4", "side~1^1", full, full[:9], full[:9] + "~1",
		strings.ToUpper(full[:10]), "HEAD@{0}", "HEAD@{1}", "main@{2}", "v1.0-0-g" + full[:9]}
	for _, rev := range revs {
		got, err := r.Resolve(rev)
		want := git(t, dir, "rev-parse", "--verify", "-q", rev+"^{commit}")
		if err != nil || got.String() != want {
			t.Errorf("%s is %s, %v; git says %s", rev, got, err, want)
		}
	}
	for _, rev := range []string{"", "nope", "HEAD~999", "HEAD^3", "HEAD^x", "tree-tag", "abcd", "../config", "config", "HEAD@{99}", "HEAD:src", "-", "0000", strings.Repeat("1", 40)} {
		var unknown *UnknownRevisionError
		if id, err := r.Resolve(rev); !errors.As(err, &unknown) || unknown.Rev != rev {
			t.Errorf("%q is %s, %v", rev, id, err)
		}
		cmd := exec.Command("git", "rev-parse", "--verify", "-q", rev+"^{commit}")
		cmd.Dir = dir
		if cmd.Run() == nil {
			t.Errorf("git does resolve %q", rev)
		}
	}
}

func TestATagDoesNotStandInForABranchOfItsName(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "update-ref", "refs/remotes/origin/main", "HEAD~5")
	git(t, dir, "update-ref", "refs/remotes/upstream/main", "HEAD~5")
	tags := []string{"main", "origin/main", "upstream", "heads/side", "HEAD", "refs/heads/main"}
	for _, name := range tags {
		git(t, dir, "update-ref", "refs/tags/"+name, "HEAD~1")
	}
	git(t, dir, "symbolic-ref", "refs/remotes/upstream/HEAD", "refs/remotes/upstream/main")
	for _, state := range []string{"loose", "packed"} {
		if state == "packed" {
			git(t, dir, "pack-refs", "--all")
		}
		r := open(t, dir)
		for name, meant := range map[string][]string{
			"main":        {"refs/tags/main", "refs/heads/main"},
			"main~2":      {"refs/tags/main", "refs/heads/main"},
			"main@{0}":    {"refs/tags/main", "refs/heads/main"},
			"origin/main": {"refs/tags/origin/main", "refs/remotes/origin/main"},
			"upstream":    {"refs/tags/upstream", "refs/remotes/upstream/HEAD"},
			"heads/side":  {"refs/heads/side", "refs/tags/heads/side"},
		} {
			var unknown *UnknownRevisionError
			id, err := r.Resolve(name)
			if !errors.As(err, &unknown) || unknown.Rev != name || !errors.Is(err, ErrAmbiguous) {
				t.Errorf("%s: %s is %s, %v", state, name, id, err)
				continue
			}
			for _, full := range meant {
				if !strings.Contains(err.Error(), full) {
					t.Errorf("%s: nothing about %s in: %v", state, full, err)
				}
				if got, err := r.Resolve(full); err != nil || got.String() != git(t, dir, "rev-parse", full) {
					t.Errorf("%s: %s is %s, %v", state, full, got, err)
				}
			}
		}
		if got, err := r.Resolve("HEAD"); err != nil || got.String() != git(t, dir, "rev-parse", "HEAD") {
			t.Errorf("%s: HEAD is %s, %v", state, got, err)
		}
	}
}

func TestATagDoesNotStandInForWhatIsMissing(t *testing.T) {
	dir := newRepo(t)
	for _, name := range []string{"HEAD", "refs/heads/gone", "refs/remotes/origin/HEAD"} {
		git(t, dir, "update-ref", "refs/tags/"+name, "HEAD~1")
	}
	git(t, dir, "symbolic-ref", "HEAD", "refs/heads/unborn")
	r := open(t, dir)
	for _, name := range []string{"HEAD", "@", "refs/heads/gone", "refs/remotes/origin/HEAD"} {
		var unknown *UnknownRevisionError
		if id, err := r.Resolve(name); !errors.As(err, &unknown) {
			t.Errorf("%s is %s, %v", name, id, err)
		}
	}
}

func TestAmbiguousAbbreviationIsAnError(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	seen := map[string]string{}
	for i := 0; ; i++ { // two blobs whose ids share four digits: about three hundred tries
		text := strings.Repeat("x", i)
		id := fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)))
		if other, found := seen[id[:4]]; found {
			for _, content := range []string{text, other} {
				gitInput(t, dir, []byte(content), "hash-object", "-w", "--stdin")
			}
			if _, err := open(t, dir).Resolve(id[:4]); err == nil || !strings.Contains(err.Error(), "ambiguous") {
				t.Errorf("%s: %v", id[:4], err)
			}
			return
		}
		seen[id[:4]] = text
	}
}
