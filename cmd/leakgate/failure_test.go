package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
)

// leaky is a repository with one token in its history.
func leaky(t *testing.T) *gittest.Repo {
	t.Helper()
	repo := gittest.New(t)
	repo.File("a.txt", "token: "+gittest.Token()+"\n")
	repo.File("b.txt", "hello\n")
	return repo
}

func TestExitCodesFollowFromWhatHappened(t *testing.T) {
	clean := gittest.New(t)
	clean.File("a.txt", "hello\n")
	blocked := leaky(t)
	damaged := gittest.New(t)
	damaged.File("a.txt", "hello\n")
	loseObject(t, damaged, "HEAD:a.txt")
	both := leaky(t)
	loseObject(t, both, "HEAD:b.txt")
	for _, c := range []struct {
		name string
		args []string
		want int
		says string
	}{
		{"clean", []string{"scan", clean.Dir}, exitClean, "Clean"},
		{"blocked", []string{"scan", blocked.Dir}, exitBlocked, "Blocked"},
		{"a wrong flag", []string{"scan", "--nonsense"}, exitUsage, "unknown flag"},
		{"two paths", []string{"scan", ".", ".."}, exitUsage, "accepts at most 1"},
		{"no repository", []string{"scan", t.TempDir()}, exitUsage, "not a git repository"},
		{"a file by flag that is not there", []string{"scan", clean.Dir, "--policy", "nowhere.yaml"}, exitUsage, "nowhere.yaml"},
		{"a missing object", []string{"scan", damaged.Dir}, exitUndecided, "missing"},
		{"a finding and a missing object", []string{"scan", both.Dir}, exitBlocked, "missing"},
		{"an empty repository", []string{"scan", gittest.New(t).Dir}, exitUndecided, "nothing to look at"},
		{"a folder that is a file", []string{"scan", "--dir", filepath.Join(clean.Dir, "a.txt")}, exitUsage, "not a folder"},
		{"a folder that is not there", []string{"scan", "--dir", filepath.Join(clean.Dir, "nowhere")}, exitUsage, "nowhere"},
	} {
		code, out, errs := command(t, "", c.args...)
		if code != c.want || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s%s", c.name, code, c.want, c.says, out, errs)
		}
	}
}

// loseObject removes the object that a revision names.
func loseObject(t *testing.T, repo *gittest.Repo, rev string) {
	t.Helper()
	id := repo.Git("rev-parse", rev)
	if err := os.Remove(filepath.Join(repo.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingObjectIsInTheCoverageOfEveryFormat(t *testing.T) {
	repo := leaky(t)
	id := repo.Git("rev-parse", "HEAD:b.txt")
	loseObject(t, repo, "HEAD:b.txt")
	for _, format := range []string{"text", "json", "sarif", "junit", "markdown", "gitlab"} {
		_, out, _ := command(t, "", "scan", repo.Dir, "--format", format)
		if !strings.Contains(out, id) {
			t.Errorf("%s does not name the missing object", format)
		}
	}
}

func TestAReportThatCannotBeWrittenLosesNothing(t *testing.T) {
	repo := leaky(t)
	file := filepath.Join(t.TempDir(), "no", "such", "folder.json")
	code, out, errs := command(t, "", "scan", repo.Dir, "--report", "json="+file)
	if code != exitBlocked || !strings.Contains(out, "a.txt:1") || !strings.Contains(errs, "folder.json") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	clean := gittest.New(t)
	clean.File("a.txt", "hello\n")
	if code, _, _ := command(t, "", "scan", clean.Dir, "--report", "json="+file); code != exitUndecided {
		t.Errorf("a report that was asked for and is not there: exit %d", code)
	}
}

func TestAStoppedScanSaysSoAndLeavesNoHalfReport(t *testing.T) {
	repo := leaky(t)
	folder := t.TempDir()
	var out, errs bytes.Buffer
	w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, env: func(string) string { return "" }}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	stop()
	code := w.run(ctx, []string{"scan", repo.Dir, "--report", "json=" + filepath.Join(folder, "out.json")})
	if code != exitUndecided || !strings.Contains(out.String()+errs.String(), "stopped") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		text, err := os.ReadFile(file)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s was left half-written", file)
		}
	}
}

// cutOff is an input that ends with an error.
type cutOff struct{ io.Reader }

func (b cutOff) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestInputThatEndsEarlyIsIncomplete(t *testing.T) {
	var out, errs bytes.Buffer
	w := &world{stdin: cutOff{strings.NewReader("hello\n")}, stdout: &out, stderr: &errs, now: time.Now,
		env: func(string) string { return "" }}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if code := w.run(context.Background(), []string{"scan", "-"}); code != exitUndecided || !strings.Contains(out.String(), "ended early") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
}
