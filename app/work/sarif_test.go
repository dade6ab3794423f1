package work_test

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// What a pull request brings is an alert: what stands in a file, and what it took out
// again, each in its category.
func TestPullRequestsBecomeAlerts(t *testing.T) {
	w := newWorld(t)
	w.app.Permissions["security_events"] = "write"
	w.repo.CodeSecurity = true
	w.branch("leaky", "gone.txt", leak())
	w.local.Git("rm", "-q", "gone.txt")
	w.local.Commit("Remove it")
	head := w.local.File("here.txt", leak())
	w.push("leaky")
	w.pull("leaky")
	w.deliver()
	w.concluded(head, "failure")
	var done []ghfake.Sarif
	w.eventually("both are processed", func() bool {
		done = nil
		for _, s := range w.Sarifs(w.repo) {
			if s.Status == "complete" {
				done = append(done, s)
			}
		}
		return len(done) == 2
	})
	for i, want := range []string{"leakgate/head here.txt", "leakgate/history gone.txt"} {
		category, file, _ := strings.Cut(want, " ")
		if done[i].Category != category || !strings.Contains(string(done[i].Log), file) || done[i].Ref != "refs/pull/1/head" || done[i].SHA != head {
			t.Errorf("%s at %s %s:\n%s", done[i].Category, done[i].Ref, done[i].SHA, done[i].Log)
		}
	}
}

// An App that may not write alerts says so, and judges all the same.
func TestWithoutAlertsTheVerdictStands(t *testing.T) {
	w := newWorld(t)
	head := w.branch("leaky", "b.txt", leak())
	w.pull("leaky")
	w.deliver()
	if run := w.concluded(head, "failure"); !strings.Contains(run.Summary, "code scanning was not told of it") {
		t.Errorf("%s", run.Summary)
	}
}
