package inspect_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

func TestADamagedCommitGraphIsANoticeAndChangesNothing(t *testing.T) {
	repo := gittest.New(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		repo.File(name+".txt", "token: "+gittest.Token()+"\n")
	}
	repo.Git("commit-graph", "write", "--reachable")
	file := filepath.Join(repo.Dir, ".git", "objects", "info", "commit-graph")
	ask := func() (findings int, notices string) {
		t.Helper()
		key, err := secret.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.Run(context.Background(), inspect.Question{What: inspect.Range, Path: repo.Dir, Range: "HEAD~2..HEAD"},
			inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil || r.Verdict.Decision != gate.Block || r.Result.Coverage.Commits != 2 {
			t.Fatalf("%v, %+v", err, r)
		}
		for _, n := range r.Verdict.Notices {
			notices += n.Text + "\n"
		}
		return len(r.Result.Findings), notices
	}
	if n, notices := ask(); n != 2 || notices != "" {
		t.Errorf("%d findings, %q", n, notices)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, notices := ask(); n != 2 || !strings.Contains(notices, "commit-graph") {
		t.Errorf("%d findings, %q", n, notices)
	}
}
