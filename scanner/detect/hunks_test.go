package detect

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hunk is what one change added to one file: what gitleaks searches as one text.
type hunk struct{ path, text string }

// repositories are the bare repositories below $LEAKGATE_REPOS, directly or in a folder "repo".
func repositories(t *testing.T) []string {
	t.Helper()
	root := os.Getenv("LEAKGATE_REPOS")
	if root == "" {
		t.Skip("LEAKGATE_REPOS names no folder of bare repositories")
	}
	var out []string
	for _, pattern := range []string{"*/HEAD", "*/repo/HEAD"} {
		heads, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, h := range heads {
			out = append(out, filepath.Dir(h))
		}
	}
	if len(out) == 0 {
		t.Fatalf("no bare repository below %s", root)
	}
	return out
}

// hunks calls visit for the hunks of a repository's history, until it returns false.
func hunks(t *testing.T, repo string, visit func(hunk) bool) {
	t.Helper()
	cmd := exec.Command("git", "-C", repo, "log", "-p", "-U0", "--full-history", "--all", "--diff-filter=tuxdb",
		"--no-color", "--no-ext-diff", "--no-textconv", "--format=commit %H")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	in := bufio.NewReaderSize(out, 1<<20)
	path := ""
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			if err := cmd.Wait(); err != nil {
				t.Logf("%s: git stopped, the rest of the history is not compared: %v: %s", repo, err, said.String())
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(line, "+++ "):
			path = strings.TrimPrefix(strings.TrimSpace(line[4:]), "b/")
		case strings.HasPrefix(line, "@@ "):
			if h := readHunk(t, in, line); h != "" && !visit(hunk{path, h}) {
				return
			}
		}
	}
}

// readHunk reads as many lines as the header "@@ -1,2 +3,4 @@" promises.
func readHunk(t *testing.T, in *bufio.Reader, header string) string {
	t.Helper()
	fields := strings.Fields(header)
	removed, added := lineCount(fields[1]), lineCount(fields[2])
	var text bytes.Buffer
	for removed+added > 0 {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		switch line[0] {
		case '-':
			removed--
		case '+':
			added--
			text.WriteString(line[1:])
		case '\\':
			text.Truncate(max(0, text.Len()-1))
		}
	}
	if next, _ := in.Peek(1); string(next) == `\` {
		text.Truncate(max(0, text.Len()-1))
	}
	return text.String()
}

func lineCount(field string) int {
	n := 1
	if _, count, ok := strings.Cut(field, ","); ok {
		fmt.Sscan(count, &n)
	}
	return n
}

func TestEveryGitleaksFindingInRealHunksIsFound(t *testing.T) {
	d, s := New(defaultSet(t), Options{Depth: 5}), &Scratch{}
	for _, repo := range repositories(t) {
		seen := map[hunk]bool{}
		texts, size, found, more := 0, 0, 0, 0
		hunks(t, repo, func(h hunk) bool {
			if seen[h] || len(h.text) > 1<<20 {
				return true
			}
			seen[h] = true
			f, m := compare(t, d, s, h.path, h.text)
			texts, size, found, more = texts+1, size+len(h.text), found+f, more+m
			return size < maxCorpus()
		})
		t.Logf("%s: %d hunks, %d bytes; gitleaks finds %d, we find %d", filepath.Base(filepath.Dir(repo)), texts, size, found, more)
	}
}

func TestWindowsFindInRealHunksWhatTheWholeTextHolds(t *testing.T) {
	windowed, reference := pair(t)
	s := &Scratch{}
	for _, repo := range repositories(t) {
		texts, size, found := 0, 0, 0
		seen := map[hunk]bool{}
		hunks(t, repo, func(h hunk) bool {
			if seen[h] || len(h.text) > 1<<20 {
				return true
			}
			seen[h] = true
			found += same(t, windowed, reference, s, h.text)
			texts, size = texts+1, size+len(h.text)
			return size < maxCorpus()
		})
		t.Logf("%s: %d hunks, %d bytes, %d matches", filepath.Base(filepath.Dir(repo)), texts, size, found)
	}
}

// maxCorpus is how many bytes of one repository are compared: $LEAKGATE_CORPUS megabytes or 8.
func maxCorpus() int {
	n := 8
	fmt.Sscan(os.Getenv("LEAKGATE_CORPUS"), &n)
	return n << 20
}
