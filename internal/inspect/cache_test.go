package inspect_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
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
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &changer{repo: gittest.New(t), rnd: rand.New(rand.NewPCG(seed, 3))}
			s := newRescans(t)
			knew := 0
			for n := range 40 {
				what := c.step()
				knew += s.same(fmt.Sprintf("step %d: %s", n, what), inspect.Question{Path: c.repo.Dir}).KnownCommits
			}
			if knew < 100 {
				t.Errorf("only %d commits were known in all: the test is too dull", knew)
			}
		})
	}
}
