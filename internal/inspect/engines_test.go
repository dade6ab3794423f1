package inspect_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
)

// TestBothEnginesFindTheSame holds the fast engine against the reference one, on
// packed histories of long files that change a little at a time, and on the
// repositories below LEAKGATE_REPOS when it is set.
func TestBothEnginesFindTheSame(t *testing.T) {
	for seed := range uint64(3) {
		repo := gittest.New(t)
		grow(repo, rand.New(rand.NewPCG(seed, 3)))
		repo.Git("repack", "-adfq", "--depth=40", "--window=30")
		if n := compareEngines(t, repo.Dir); n < 20 {
			t.Errorf("only %d findings: the history is too dull", n)
		}
	}
	for _, repo := range realRepositories(t) {
		t.Logf("%s: %d findings", filepath.Base(repo), compareEngines(t, repo))
	}
}

// grow commits versions of two long files in which secrets and other lines come,
// go and move.
func grow(repo *gittest.Repo, rnd *rand.Rand) {
	files := [2][]string{}
	for f := range files {
		for n := range 600 {
			files[f] = append(files[f], fmt.Sprintf("%d: some line of file %d, number %d", n, f, rnd.IntN(1000)))
		}
	}
	fresh := func() string {
		switch rnd.IntN(4) {
		case 0:
			return "token: " + gittest.Token()
		case 1:
			return "api_key = \"" + gittest.Letters(30) + "\""
		case 2:
			return "-----BEGIN RSA PRIVATE" + " KEY-----\n" + strings.Repeat(gittest.Letters(64)+"\n", 1+rnd.IntN(20)) + "-----END RSA PRIVATE" + " KEY-----"
		}
		return fmt.Sprintf("another line %d", rnd.IntN(100))
	}
	for n := range 40 {
		f := rnd.IntN(len(files))
		for range 1 + rnd.IntN(4) {
			at := rnd.IntN(len(files[f]))
			if rnd.IntN(3) == 0 {
				files[f] = append(files[f][:at], files[f][at+1:]...)
			} else {
				files[f][at] = fresh()
			}
		}
		repo.Write(fmt.Sprintf("file%d.txt", f), strings.Join(files[f], "\n")+"\n")
		repo.Commit(fmt.Sprintf("Version %d", n))
	}
}

func compareEngines(t *testing.T, dir string) int {
	t.Helper()
	list := func(reference bool) (out []string) {
		for _, f := range ask(t, inspect.Question{Path: dir, Reference: reference}) {
			out = append(out, fmt.Sprintf("%s %s %s %d:%d-%d:%d %v %v %s %v %s", f.Rule.ID, f.At.Path, f.Commit.ID, f.At.StartLine,
				f.At.StartColumn, f.At.EndLine, f.At.EndColumn, f.At.DecodedFrom, f.At.Span, f.Fingerprint, f.At.AtHead, f.LineHash))
		}
		return out
	}
	want := list(true)
	if diff := cmp.Diff(want, list(false)); diff != "" {
		t.Errorf("%s: the engines differ (-reference +fast):\n%s", filepath.Base(dir), diff)
	}
	return len(want)
}
