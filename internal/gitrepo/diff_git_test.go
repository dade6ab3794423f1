package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patchFlags ask git for the patches a line scanner reads, without anything that a
// user's configuration could add.
var patchFlags = []string{"-U0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
	"--full-index", "--diff-algorithm=myers", "--indent-heuristic"}

func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	return cmd
}

// filePatch is what git printed for one file.
type filePatch struct {
	name     string // as after "diff --git"
	old, new string // blob ids
	added    []LineRange
}

// readPatches reads the output of git diff or git log -p with an empty format.
func readPatches(r io.Reader, each func(filePatch) error) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	var patch filePatch
	flush := func() error {
		if patch.name == "" {
			return nil
		}
		return each(patch)
	}
	for {
		line, err := lines.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "diff --git "):
			if err := flush(); err != nil {
				return err
			}
			patch = filePatch{name: strings.TrimSpace(line)}
		case strings.HasPrefix(line, "index "):
			patch.old, patch.new, _ = strings.Cut(strings.Fields(line)[1], "..")
		case strings.HasPrefix(line, "@@ "):
			added, err := addedBy(line)
			if err != nil {
				return err
			}
			if added.Start < added.End {
				patch.added = append(patch.added, added)
			}
		}
		if err == io.EOF {
			return flush()
		}
		if err != nil {
			return err
		}
	}
}

// addedBy reads "@@ -a,b +c,d @@": lines are counted from 1, and a missing count is 1.
func addedBy(header string) (LineRange, error) {
	var start, count int
	text := strings.Fields(header)[2]
	if _, err := fmt.Sscanf(text, "+%d,%d", &start, &count); err == nil {
		return LineRange{start - 1, start - 1 + count}, nil
	}
	if _, err := fmt.Sscanf(text, "+%d", &start); err != nil {
		return LineRange{}, fmt.Errorf("hunk header %q: %w", header, err)
	}
	return LineRange{start - 1, start}, nil
}

// blobReader asks one running `git cat-file --batch` for blobs.
type blobReader struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func openBlobs(t *testing.T, repo string) *blobReader {
	t.Helper()
	cmd := gitCommand(repo, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &blobReader{in, bufio.NewReaderSize(out, 1<<20)}
}

func (b *blobReader) read(id string) ([]byte, error) {
	if isNull(id) {
		return nil, nil
	}
	fmt.Fprintln(b.in, id)
	header, err := b.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var size int
	if _, err := fmt.Sscanf(header, id+" blob %d", &size); err != nil {
		return nil, fmt.Errorf("cat-file said %q", header)
	}
	data := make([]byte, size+1)
	_, err = io.ReadFull(b.out, data)
	return data[:size], err
}

// TestAddedLinesAreThoseOfGitInRealHistories reads every patch of every commit of
// the repositories in the folder LEAKGATE_REPOS, or one level below.
func TestAddedLinesAreThoseOfGitInRealHistories(t *testing.T) {
	needGit(t)
	folder := os.Getenv("LEAKGATE_REPOS")
	if folder == "" {
		t.Skip("set LEAKGATE_REPOS to a folder of git repositories to compare with git on them")
	}
	for _, repo := range repositoriesIn(folder) {
		t.Run(filepath.Base(filepath.Dir(repo))+"/"+filepath.Base(repo), func(t *testing.T) { compareHistory(t, repo) })
	}
}

func repositoriesIn(folder string) (repos []string) {
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, dir := range found {
			_, bare := os.Stat(filepath.Join(dir, "objects"))
			_, checkedOut := os.Stat(filepath.Join(dir, ".git"))
			if bare == nil || checkedOut == nil {
				repos = append(repos, dir)
			}
		}
	}
	return repos
}

// compareHistory writes all changed blobs of a history into two trees, so that one
// run of git diffs them, and blobs that a partial mirror lacks are left out.
func compareHistory(t *testing.T, repo string) {
	blobs := openBlobs(t, repo)
	scratch := newScratch(t, repo)
	pairs := changedBlobs(t, repo)
	present := presentBlobs(t, repo, pairs)
	var oldTree, newTree bytes.Buffer
	for i, p := range pairs {
		if !present[p.old] || !present[p.new] {
			continue
		}
		if !isNull(p.old) {
			fmt.Fprintf(&oldTree, "100644 blob %s\t%s\n", p.old, pairName(i))
		}
		fmt.Fprintf(&newTree, "100644 blob %s\t%s\n", p.new, pairName(i))
	}
	cmd := scratch("diff-tree", append(append([]string{"-p"}, patchFlags...), makeTree(t, scratch, &oldTree), makeTree(t, scratch, &newTree))...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	compared, failed := 0, 0
	err = readPatches(out, func(p filePatch) error {
		same, err := comparePatch(t, blobs, p, failed < 5)
		if err != nil {
			return err
		}
		compared++
		if !same {
			failed++
		}
		return nil
	})
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d pairs, %d mismatches", repo, compared, failed)
	if compared == 0 {
		t.Error("no patch was compared")
	}
}

func comparePatch(t *testing.T, blobs *blobReader, p filePatch, show bool) (same bool, err error) {
	old, err := blobs.read(p.old)
	if err != nil {
		return false, err
	}
	new, err := blobs.read(p.new)
	if err != nil {
		return false, err
	}
	if IsBinary(old) || IsBinary(new) {
		if p.added != nil {
			t.Errorf("%s..%s: git shows lines of what we call binary", p.old, p.new)
		}
		return p.added == nil, nil
	}
	added := AddedLines(old, new)
	if err := checkAdded(old, new, added); err != nil {
		t.Errorf("%s..%s: %v", p.old, p.new, err)
	}
	diff := cmp.Diff(p.added, added)
	if diff != "" && show {
		t.Errorf("%s..%s: added lines (-git +ours):\n%s", p.old, p.new, diff)
	}
	return diff == "", nil
}

func isNull(id string) bool { return strings.Trim(id, "0") == "" }

// blobPair is the ids of the two versions of a file; the null id is no file.
type blobPair struct{ old, new string }

func changedBlobs(t *testing.T, repo string) (pairs []blobPair) {
	out, err := gitCommand(repo, "log", "--all", "--raw", "--no-abbrev", "--no-renames", "--format=").Output()
	if err != nil {
		t.Fatalf("git log: %v", err)
	}
	seen := map[blobPair]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(f[1], "100") || f[0] != ":000000" && !strings.HasPrefix(f[0], ":100") {
			continue
		}
		p := blobPair{f[2], f[3]}
		if p.old != p.new && !seen[p] {
			seen[p] = true
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// presentBlobs tells which blobs the repository has; no file is always there.
func presentBlobs(t *testing.T, repo string, pairs []blobPair) map[string]bool {
	var ids strings.Builder
	present := map[string]bool{}
	for _, p := range pairs {
		fmt.Fprintf(&ids, "%s\n%s\n", p.old, p.new)
		present[p.old] = isNull(p.old)
	}
	cmd := gitCommand(repo, "cat-file", "--batch-check")
	cmd.Stdin = strings.NewReader(ids.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git cat-file: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[1] == "blob" {
			present[f[0]] = true
		}
	}
	return present
}

// newScratch makes an empty repository that borrows the objects of repo, and
// returns what runs git in it.
func newScratch(t *testing.T, repo string) func(verb string, args ...string) *exec.Cmd {
	dir := t.TempDir()
	common, err := gitCommand(repo, "rev-parse", "--path-format=absolute", "--git-common-dir").Output()
	if err != nil {
		t.Fatal(err)
	}
	run := func(verb string, args ...string) *exec.Cmd {
		cmd := gitCommand(dir, append([]string{verb}, args...)...)
		cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(strings.TrimSpace(string(common)), "objects"))
		return cmd
	}
	if out, err := run("init", "-q", "--bare").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return run
}

func makeTree(t *testing.T, run func(string, ...string) *exec.Cmd, entries io.Reader) string {
	cmd := run("mktree")
	cmd.Stdin = entries
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git mktree: %v", err)
	}
	return strings.TrimSpace(string(out))
}
