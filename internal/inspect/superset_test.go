package inspect_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/cmd/scm"
	gitleaks "github.com/zricethezav/gitleaks/v8/report"
	"github.com/zricethezav/gitleaks/v8/sources"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/manifest/sealed"
	"github.com/leakgate/leakgate/scanner"
)

// spot is what gitleaks and leakgate are compared by.
type spot struct {
	rule, path, commit string
	line               int
}

// TestHistoriesHoldWhatGitleaksFinds makes histories in which lines with and
// without tokens come, go and move, and goes through the repositories below
// LEAKGATE_REPOS when it is set.
func TestHistoriesHoldWhatGitleaksFinds(t *testing.T) {
	for seed := range uint64(4) {
		repo := gittest.New(t)
		shuffle(repo, rand.New(rand.NewPCG(seed, 1)))
		if n := compareWithGitleaks(t, repo.Dir); n < 5 {
			t.Errorf("gitleaks finds only %d: the history is too dull", n)
		}
	}
	for _, repo := range realRepositories(t) {
		t.Logf("%s: %d findings of gitleaks", filepath.Base(repo), compareWithGitleaks(t, repo))
	}
}

// realRepositories are those below LEAKGATE_REPOS, none when it is not set.
func realRepositories(t *testing.T) []string {
	t.Helper()
	folder := os.Getenv("LEAKGATE_REPOS")
	if folder == "" {
		return nil
	}
	repos, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return repos
}

// shuffle commits versions of a few files that share and move lines.
func shuffle(repo *gittest.Repo, rnd *rand.Rand) {
	lines := []string{"}", "", "func main() {", "# a comment", "key: value"}
	for range 8 {
		lines = append(lines, "token: "+gittest.Token(), fmt.Sprintf("line %d", rnd.IntN(100)), "api_key = \""+gittest.Letters(30)+"\"")
	}
	for n := range 25 {
		var text []string
		for range 5 + rnd.IntN(40) {
			text = append(text, lines[rnd.IntN(len(lines))])
		}
		repo.Write(fmt.Sprintf("file%d.txt", rnd.IntN(3)), strings.Join(text, "\n")+strings.Repeat("\n", rnd.IntN(2)))
		repo.Commit(fmt.Sprintf("Version %d", n))
	}
}

// compareWithGitleaks fails for what gitleaks finds and leakgate does not, and
// counts what gitleaks finds.
func compareWithGitleaks(t *testing.T, dir string) int {
	t.Helper()
	config := filepath.Join(t.TempDir(), "default.toml")
	if err := os.WriteFile(config, []byte("[extend]\nuseDefault = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ours := map[spot]bool{}
	found := ask(t, inspect.Question{Path: dir, RulesFile: config, IgnoreFile: empty})
	for _, f := range found {
		ours[spot{f.Rule.ID, f.At.Path, f.Commit.ID, f.At.StartLine}] = true
	}
	theirs := gitleaksHistory(t, dir)
	for _, f := range theirs {
		at := spot{f.RuleID, f.File, f.Commit, f.StartLine}
		if !ours[at] && !explained(f, found) {
			t.Errorf("%s: only gitleaks finds %+v", filepath.Base(dir), at)
		}
	}
	return len(theirs)
}

// explained are the intended differences: a match of the generic rule whose
// value is part of one that another rule of leakgate knows better on that line,
// a match that begins with a newline, which is placed on the line below, and a
// match of the generic rule that is the verified ciphertext of a SealedSecret.
func explained(f gitleaks.Finding, ours []scanner.Finding) bool {
	if _, err := sealed.Parse(f.Secret); err == nil && f.RuleID == "generic-api-key" {
		return true
	}
	for _, o := range ours {
		if o.At.Path != f.File || o.Commit.ID != f.Commit {
			continue
		}
		if f.RuleID == "generic-api-key" && o.At.StartLine == f.StartLine && strings.Contains(o.Secret.Reveal(), f.Secret) {
			return true
		}
		if o.Rule.ID == f.RuleID && o.At.StartLine == f.StartLine+1 && strings.HasPrefix(f.Match, "\n") {
			return true
		}
	}
	return false
}

func gitleaksHistory(t *testing.T, dir string) []gitleaks.Finding {
	t.Helper()
	d := gitleaksDetector(t)
	cmd, err := sources.NewGitLogCmd(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.DetectSource(context.Background(), &sources.Git{
		Cmd: cmd, Config: &d.Config, Sema: d.Sema, Remote: &sources.RemoteInfo{Platform: scm.NoPlatform},
	})
	if err != nil {
		t.Logf("gitleaks: %v", err)
	}
	return found
}
