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
	if strings.Trim(id, "0") == "" {
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

func compareHistory(t *testing.T, repo string) {
	cmd := gitCommand(repo, append([]string{"log", "--all", "-p", "--format="}, patchFlags...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	blobs := openBlobs(t, repo)
	pairs, failed := 0, 0
	err = readPatches(out, func(p filePatch) error {
		if p.new == "" { // only the mode changed
			return nil
		}
		old, err := blobs.read(p.old)
		if err != nil {
			return nil // a submodule's commit is no blob
		}
		new, err := blobs.read(p.new)
		if err != nil || IsBinary(old) || IsBinary(new) || bytes.Equal(old, new) {
			return nil
		}
		pairs++
		diff := cmp.Diff(p.added, AddedLines(old, new))
		if diff != "" {
			if failed++; failed <= 5 {
				t.Errorf("%s %s..%s: added lines (-git +ours):\n%s", p.name, p.old, p.new, diff)
			}
		}
		return nil
	})
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d pairs, %d mismatches", repo, pairs, failed)
	if pairs == 0 {
		t.Error("no patch was compared")
	}
}
