package inspect_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/cache"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// rescans holds scans that know what earlier ones learned against scans that do not.
type rescans struct {
	t      *testing.T
	folder cache.Folder
	key    secret.Key
	now    time.Time
}

func newRescans(t *testing.T) *rescans {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &rescans{t: t, key: key, now: time.Now(), folder: cache.Folder{
		Path: filepath.Join(t.TempDir(), "cache"), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
}

// scan gives everything that a report says but how much was known, and that.
func (s *rescans) scan(q inspect.Question) (string, scanner.Coverage) {
	s.t.Helper()
	r, err := inspect.Run(context.Background(), q, inspect.World{
		Key: s.key, Now: func() time.Time { return s.now }, Log: s.folder.Log, Version: "test", Cache: s.folder, Engine: "test",
	})
	if err != nil {
		return "error: " + err.Error(), scanner.Coverage{}
	}
	c := r.Result.Coverage
	r.Result.Coverage.KnownCommits, r.Result.Coverage.KnownBlobs = 0, 0
	var text bytes.Buffer
	for _, format := range []string{"json", "sarif"} {
		if err := report.Write(&text, format, r); err != nil {
			s.t.Fatal(err)
		}
	}
	return text.String(), c
}

// same fails where a scan that knows something says something else, and returns
// what it knew.
func (s *rescans) same(what string, q inspect.Question) scanner.Coverage {
	s.t.Helper()
	got, known := s.scan(q)
	q.NoCache = true
	want, _ := s.scan(q)
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		s.t.Fatalf("%s: a scan with the cache says something else (-without +with):\n%s", what, diff)
	}
	return known
}

func TestEveryHidingPlaceIsFoundAgain(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			make := p.value
			if make == nil {
				make = gittest.Token
			}
			repo, s := gittest.New(t), newRescans(t)
			q := inspect.Question{Path: repo.Dir}
			repo.File("first.txt", "token: "+gittest.Token()+"\n")
			s.same("first", q)
			p.hide(repo, make())
			s.same("hidden", q)
			if known := s.same("again", q); known.KnownCommits == 0 && known.Complete() {
				t.Error("nothing was known")
			}
			repo.File("last.txt", "nothing\n")
			repo.Git("mv", "last.txt", "moved.txt")
			repo.Commit("Move")
			s.same("one more", q)
			s.same("and again", q)
		})
	}
}

// TestRandomRescans changes a repository in random ways and scans it after each.
func TestRandomRescans(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &changer{repo: gittest.New(t), rnd: rand.New(rand.NewPCG(seed, 3))}
			s := newRescans(t)
			knew := 0
			for n := range 30 {
				what := c.step()
				knew += s.same(fmt.Sprintf("step %d: %s", n, what), inspect.Question{Path: c.repo.Dir}).KnownCommits
			}
			if knew < 50 {
				t.Errorf("only %d commits were known in all: the test is too dull", knew)
			}
		})
	}
}

// TestRealRescans takes refs away from clones of the repositories below
// LEAKGATE_REPOS, gives them back, and commits, with a scan after each.
func TestRealRescans(t *testing.T) {
	for _, origin := range realRepositories(t) {
		t.Run(filepath.Base(origin), func(t *testing.T) {
			clone := gittest.New(t, "--bare")
			clone.Git("fetch", "-q", origin, "+refs/*:refs/*")
			clone.Git("symbolic-ref", "HEAD", clone.Git("-C", origin, "symbolic-ref", "HEAD"))
			policy := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(policy, []byte("version: 1\nlimits: {decode_depth: 5}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s, q := newRescans(t), inspect.Question{Path: clone.Dir, PolicyFile: policy}
			refs := strings.Split(clone.Git("for-each-ref", "--format=%(objectname) %(refname)"), "\n")
			few := refs[:0:0]
			for i, ref := range refs {
				if _, name, _ := strings.Cut(ref, " "); i%3 == 0 && name != clone.Git("symbolic-ref", "HEAD") {
					few = append(few, ref)
				}
			}
			update := func(format string) {
				var lines strings.Builder
				for _, ref := range few {
					id, name, _ := strings.Cut(ref, " ")
					fmt.Fprintf(&lines, format, name, id)
				}
				clone.Pipe(lines.String(), "update-ref", "--stdin")
			}
			update("delete %s %s\n")
			s.same("without a third of the refs", q)
			update("create %s %s\n")
			s.same("with all refs", q)
			tree := clone.Git("rev-parse", "HEAD^{tree}")
			clone.Git("update-ref", "HEAD", clone.Git("commit-tree", "-p", "HEAD", "-m", "Add nothing", tree))
			known := s.same("one more commit", q)
			clone.Git("update-ref", "HEAD", clone.Git("commit-tree", "-p", "HEAD~3", "-m", "Force something else", clone.Git("rev-parse", "HEAD~5^{tree}")))
			s.same("forced", q)
			t.Logf("%d of %d commits were known", known.KnownCommits, known.Commits)
			if known.KnownCommits < known.Commits-1 {
				t.Error("more was read than is new")
			}
		})
	}
}
