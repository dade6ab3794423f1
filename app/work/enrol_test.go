package work_test

import (
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
)

// organisation gives acme a policy.
func (w *world) organisation(text string) {
	w.t.Helper()
	home, err := w.Repository("acme/.github", true)
	w.must(err)
	w.Collaborator(home, "ada", "admin")
	local := gittest.New(w.t)
	local.File("leakgate.yaml", text)
	local.Git("push", "-q", strings.Replace(w.CloneURL(home), "//", "//x-access-token:"+w.PAT("ada")+"@", 1), "main")
}

func (w *world) comments(number int) (all []string) {
	w.t.Helper()
	list, _, err := w.ada.Issues.ListComments(w.t.Context(), "acme", "app", number, &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}})
	w.must(err)
	for _, c := range list {
		all = append(all, c.GetBody())
	}
	return all
}

func TestWhoDidNotAskSeesNothing(t *testing.T) {
	w := newWorldAt(t, gate.NotEnrolled)
	silent := w.branch("silent", "a.txt", leak())
	n := w.pull("silent")
	w.deliver()
	w.eventually("the push and the pull request were looked at before the policy is there", func() bool {
		return strings.Count(w.log.String(), "a repository that is not enrolled") >= 2
	})
	w.local.Git("checkout", "-q", "main")
	w.local.File(".leakgate.yaml", "version: 1\n")
	w.push("main")
	w.deliver()
	asked := w.branch("asked", "b.txt", leak())
	m := w.pull("asked")
	w.deliver()
	w.concluded(asked, "failure")
	w.eventually("the comment is there", func() bool { return len(w.comments(m)) == 1 })
	if runs := w.runs(silent); len(runs) > 0 || len(w.comments(n)) > 0 {
		t.Errorf("%d check runs and %d comments before anybody asked", len(runs), len(w.comments(n)))
	}
}

func TestStagesOfAnOrganisation(t *testing.T) {
	w := newWorldAt(t, gate.NotEnrolled)
	w.organisation("version: 1\nenroll: [{names: [app], stage: warn}]\n")
	head := w.branch("leaky", "b.txt", leak())
	n := w.pull("leaky")
	w.deliver()
	run := w.concluded(head, "neutral")
	w.eventually("the comment is there", func() bool { return len(w.comments(n)) == 1 })
	if body := w.comments(n)[0]; !strings.Contains(body, "would block") || !strings.Contains(run.Title, "would block") {
		t.Errorf("%s\n%s", run.Title, body)
	}
	// The next head says it in the same comment.
	w.local.Git("checkout", "-q", "leaky")
	w.local.Git("reset", "-q", "--hard", "main")
	fixed := w.local.File("b.txt", "nothing\n")
	w.push("-f", "leaky")
	w.deliver()
	w.concluded(fixed, "success")
	w.eventually("the comment says that it is over", func() bool { c := w.comments(n); return len(c) == 1 && strings.Contains(c[0], "No secrets in") })
}

func TestObservedRepositoriesSeeNothing(t *testing.T) {
	w := newWorldAt(t, gate.NotEnrolled)
	w.organisation("version: 1\nenroll: [{all: true, stage: observe}]\n")
	head := w.branch("leaky", "b.txt", leak())
	n := w.pull("leaky")
	w.deliver()
	w.eventually("it was looked at", func() bool {
		return strings.Contains(w.log.String(), "msg=verdict") && strings.Contains(w.log.String(), "conclusion=neutral")
	})
	if runs := w.runs(head); len(runs) > 0 || len(w.comments(n)) > 0 {
		t.Errorf("%d check runs, %d comments", len(runs), len(w.comments(n)))
	}
}

// A policy that cannot be read is a check run that says where, at once.
func TestBrokenPoliciesFailAndSayWhere(t *testing.T) {
	w := newWorld(t)
	w.local.Git("checkout", "-q", "main")
	w.local.File(".leakgate.yaml", "version: 1\nmode: loud\n")
	w.push("main")
	head := w.branch("x", "b.txt", "nothing\n")
	w.pull("x")
	w.deliver()
	if run := w.concluded(head, "action_required"); !strings.Contains(run.Title+run.Summary, ".leakgate.yaml:2:7") {
		t.Errorf("%s\n%s", run.Title, run.Summary)
	}
}

func TestBrokenOrganisationFailsAndSaysWhere(t *testing.T) {
	w := newWorldAt(t, gate.NotEnrolled)
	w.organisation("version: 1\nenroll: [{stage: block}]\n")
	head := w.branch("x", "b.txt", "nothing\n")
	w.pull("x")
	w.deliver()
	if run := w.concluded(head, "action_required"); !strings.Contains(run.Title+run.Summary, "acme/.github/leakgate.yaml:2:10") {
		t.Errorf("%s\n%s", run.Title, run.Summary)
	}
}
