package work_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPeopleDoNotWait prints how long it takes from a delivery to the completed check run,
// for pull requests of 50 commits in a repository with 20,000 and a warm mirror. It is run
// where LEAKGATE_BENCH is set: make bench-app.
func TestPeopleDoNotWait(t *testing.T) {
	if os.Getenv("LEAKGATE_BENCH") == "" {
		t.Skip("LEAKGATE_BENCH is not set: make bench-app")
	}
	w := newWorld(t)
	w.local.Pipe(longHistory(20_000), "fast-import", "--quiet", "--force")
	w.local.Git("reset", "-q", "--hard", "main")
	w.push("-f", "main")
	w.deliver()
	w.concluded(w.local.Git("rev-parse", "main"), "success")
	var took []time.Duration
	for n := range 20 {
		branch := fmt.Sprintf("b%d", n)
		w.local.Git("checkout", "-q", "-B", branch, "main")
		for i := range 50 {
			w.local.File(fmt.Sprintf("src/f%d.txt", i), fmt.Sprintf("change %d of %s\n%s", i, branch, strings.Repeat("some text\n", 200)))
		}
		head := w.local.Git("rev-parse", "HEAD")
		w.push(branch)
		w.pull(branch)
		begin := time.Now()
		w.deliver()
		w.concluded(head, "success")
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("delivery to verdict, of the push and of a pull request of 50 commits: p50 %s, p95 %s, max %s",
		took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
}

// longHistory is one for git fast-import: https://git-scm.com/docs/git-fast-import
func longHistory(commits int) string {
	var b strings.Builder
	for i := range commits {
		text := fmt.Sprintf("commit %d\n%s", i, strings.Repeat("line\n", 20))
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 4\nnext\n", 1_700_000_000+i)
		if i == 0 {
			b.WriteString("deleteall\n")
		}
		fmt.Fprintf(&b, "M 100644 inline src/f%d.txt\ndata %d\n%s\n", i%200, len(text), text)
	}
	return b.String()
}
