package ghfake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"
)

func TestPullRequestsFollowTheirBranches(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.pull("topic")
	n := p.GetNumber()
	if w.tip("refs/pull/1/head") != p.GetHead().GetSHA() || w.tip("refs/pull/1/merge^2") != p.GetHead().GetSHA() || w.tip("refs/pull/1/merge^1") != w.tip("main") {
		t.Error("the refs of the pull request are wrong")
	}
	next := w.local.File("topic.txt", "newer\n")
	w.push("topic")
	if w.get(n).GetHead().GetSHA() != next || w.tip("refs/pull/1/head") != next {
		t.Error("the head did not follow a push")
	}
	w.local.Git("checkout", "-q", "main")
	w.local.File("topic.txt", "theirs\n")
	w.push("main")
	if got := w.get(n); got.GetMergeable() || got.GetMergeableState() != "dirty" || w.repo.hasRef("refs/pull/1/merge") {
		t.Error("a conflict merges")
	}
	_, _, err := w.ada.PullRequests.Merge(w.ctx, "acme", "app", n, "", nil)
	refused(t, err, 405, "not mergeable")
	w.local.Git("checkout", "-q", "topic")
	w.local.Git("reset", "-q", "--hard", "main")
	w.local.File("other.txt", "x\n")
	w.push("--force", "topic")
	w.local.Git("checkout", "-q", "main")
	w.local.Git("merge", "-q", "topic")
	w.push("main")
	if got := w.get(n); got.GetState() != "closed" || !got.GetMerged() {
		t.Errorf("a base that has the head leaves it %s, merged %v", got.GetState(), got.GetMerged())
	}
}

func (w *world) get(n int) *github.PullRequest {
	w.t.Helper()
	p, _, err := w.bob.PullRequests.Get(w.ctx, "acme", "app", n)
	w.must(err)
	return p
}

func TestPullRequestsThatCannotBeOpened(t *testing.T) {
	w := newWorld(t, Options{})
	w.pull("topic")
	w.local.Git("checkout", "-q", "--orphan", "fresh")
	w.local.Commit("Begin anew")
	w.push("fresh", "main:same")
	for head, want := range map[string]string{
		"topic":   "A pull request already exists for acme:topic.",
		"fresh":   "The fresh branch has no history in common with main",
		"same":    "No commits between main and same",
		"nothing": "head",
	} {
		_, _, err := w.bob.PullRequests.Create(w.ctx, "acme", "app", &github.NewPullRequest{Title: github.Ptr("t"), Head: &head, Base: github.Ptr("main")})
		refused(t, err, 422, want)
	}
	if refs := w.repo.refs("refs/pull/2"); len(refs) > 0 {
		t.Errorf("a refusal leaves %v", refs)
	}
}

func TestPullRequestFromAFork(t *testing.T) {
	w := newWorld(t, Options{})
	fork, err := w.Fork(w.repo, "eve")
	w.must(err)
	w.Collaborator(w.repo, "eve", "read")
	w.local.Git("checkout", "-q", "-b", "gift", "main")
	sha := w.local.File("gift.txt", "x\n")
	w.local.Git("push", "-q", strings.Replace(w.CloneURL(fork), "//", "//eve:"+w.PAT("eve")+"@", 1), "gift")
	p, _, err := w.eve.PullRequests.Create(w.ctx, "acme", "app", &github.NewPullRequest{Title: github.Ptr("t"), Head: github.Ptr("eve:gift"), Base: github.Ptr("main")})
	w.must(err)
	if p.GetHead().GetRepo().GetFullName() != "eve/app" || w.tip("refs/pull/1/head") != sha {
		t.Errorf("the head is %v", p.GetHead())
	}
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: sha})
	w.must(err)
	if len(run.PullRequests) != 0 {
		t.Error("a check run knows of a pull request from a fork")
	}
}

func TestReviews(t *testing.T) {
	w := newWorld(t, Options{})
	_, _, err := w.ada.Repositories.CreateRuleset(w.ctx, "acme", "app", ruleset(&github.RepositoryRulesetRules{
		PullRequest: &github.PullRequestRuleParameters{RequiredApprovingReviewCount: 1, DismissStaleReviewsOnPush: true},
	}))
	w.must(err)
	n := w.pull("topic").GetNumber()
	say := func(c *github.Client, event, body string) error {
		_, _, err := c.PullRequests.CreateReview(w.ctx, "acme", "app", n, &github.PullRequestReviewRequest{Event: &event, Body: &body})
		return err
	}
	merge := func() error {
		_, _, err := w.ada.PullRequests.Merge(w.ctx, "acme", "app", n, "", nil)
		return err
	}
	refused(t, say(w.bob, "APPROVE", ""), 422, "Can not approve your own pull request")
	refused(t, say(w.bob, "REQUEST_CHANGES", "no"), 422, "Can not request changes on your own pull request")
	refused(t, say(w.ada, "REQUEST_CHANGES", ""), 422, "body can't be blank")
	refused(t, merge(), 405, "approving review is required")
	w.must(say(w.ada, "APPROVE", ""))
	w.local.File("topic.txt", "sneaked in\n")
	w.push("topic")
	refused(t, merge(), 405, "approving review is required")
	w.must(say(w.ada, "REQUEST_CHANGES", "no"))
	refused(t, merge(), 405, "Changes were requested")
	w.must(say(w.ada, "APPROVE", ""))
	w.must(merge())
	reviews, _, err := w.bob.PullRequests.ListReviews(w.ctx, "acme", "app", n, nil)
	w.must(err)
	var states []string
	for _, r := range reviews {
		states = append(states, r.GetState())
	}
	if got := strings.Join(states, " "); got != "DISMISSED CHANGES_REQUESTED APPROVED" {
		t.Errorf("the reviews are %s", got)
	}
}

func TestFilesOfAPullRequest(t *testing.T) {
	w := newWorld(t, Options{})
	w.local.File("old name.txt", strings.Repeat("line\n", 30))
	w.local.File("gone.txt", "x\n")
	w.local.File("bin", "\x00\x01")
	w.push("main")
	w.local.Git("checkout", "-q", "-b", "topic")
	w.local.Git("mv", "old name.txt", "neu é?#.txt")
	w.local.Git("rm", "-q", "gone.txt")
	w.local.Write("a.txt", "one\n2\nthree\n")
	w.local.Write("bin", "\x00\x02")
	w.local.File("*.txt", "star\n")
	w.push("topic")
	p, _, err := w.bob.PullRequests.Create(w.ctx, "acme", "app", &github.NewPullRequest{Title: github.Ptr("t"), Head: github.Ptr("topic"), Base: github.Ptr("main")})
	w.must(err)
	files, _, err := w.bob.PullRequests.ListFiles(w.ctx, "acme", "app", p.GetNumber(), nil)
	w.must(err)
	got := map[string]string{}
	for _, f := range files {
		got[f.GetFilename()] = fmt.Sprintf("%s +%d -%d %s %q", f.GetStatus(), f.GetAdditions(), f.GetDeletions(), f.GetPreviousFilename(), f.GetPatch())
	}
	for name, want := range map[string]string{
		"a.txt":       `modified +1 -1  "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three"`,
		"bin":         `modified +0 -0  ""`,
		"gone.txt":    `removed +0 -1  "@@ -1 +0,0 @@\n-x"`,
		"neu é?#.txt": `renamed +0 -0 old name.txt ""`,
		"*.txt":       `added +1 -0  "@@ -0,0 +1 @@\n+star"`,
	} {
		if got[name] != want {
			t.Errorf("%s: %s, not %s", name, got[name], want)
		}
	}
	if p.GetChangedFiles() != 5 || p.GetAdditions() != 2 || p.GetDeletions() != 2 {
		t.Errorf("%d files, +%d -%d", p.GetChangedFiles(), p.GetAdditions(), p.GetDeletions())
	}
}

func TestCodeOwners(t *testing.T) {
	w := newWorld(t, Options{})
	w.local.File(".github/CODEOWNERS", "* @bob # everything\n/.leakgate/ @ada\ndocs/**/*.md @eve\n")
	w.push("main")
	_, _, err := w.ada.Repositories.CreateRuleset(w.ctx, "acme", "app", ruleset(&github.RepositoryRulesetRules{
		PullRequest: &github.PullRequestRuleParameters{RequireCodeOwnerReview: true},
	}))
	w.must(err)
	w.local.Git("checkout", "-q", "-b", "rewrite")
	w.local.File(".leakgate/rewrites/1.json", "{}\n")
	w.push("rewrite")
	p, _, err := w.bob.PullRequests.Create(w.ctx, "acme", "app", &github.NewPullRequest{Title: github.Ptr("t"), Head: github.Ptr("rewrite"), Base: github.Ptr("main")})
	w.must(err)
	if len(p.RequestedReviewers) != 1 || p.RequestedReviewers[0].GetLogin() != "ada" {
		t.Errorf("asked are %v", p.RequestedReviewers)
	}
	_, _, err = w.bob.PullRequests.Merge(w.ctx, "acme", "app", p.GetNumber(), "", nil)
	refused(t, err, 405, "code owner review of .leakgate/rewrites/1.json")
	_, _, err = w.ada.PullRequests.CreateReview(w.ctx, "acme", "app", p.GetNumber(), &github.PullRequestReviewRequest{Event: github.Ptr("APPROVE")})
	w.must(err)
	_, _, err = w.bob.PullRequests.Merge(w.ctx, "acme", "app", p.GetNumber(), "", nil)
	w.must(err)
	for file, want := range map[string]string{"a.txt": "bob", "docs/a.md": "eve", "docs/x/y/a.md": "eve", "x/docs/a.md": "bob", ".leakgate/x": "ada", "x/.leakgate/x": "bob"} {
		if owners := w.ownersOf(w.repo, w.tip("main"), file); len(owners) != 1 || owners[0].Login != want {
			t.Errorf("%s is owned by %v, not %s", file, owners, want)
		}
	}
}

func TestRequiredChecks(t *testing.T) {
	w := newWorld(t, Options{})
	_, _, err := w.ada.Repositories.CreateRuleset(w.ctx, "acme", "app", ruleset(&github.RepositoryRulesetRules{
		RequiredStatusChecks: &github.RequiredStatusChecksRuleParameters{RequiredStatusChecks: []*github.RuleStatusCheck{{Context: "leakgate", IntegrationID: &w.app.ID}}},
	}))
	w.must(err)
	p := w.pull("topic")
	merge := func() error {
		_, _, err := w.ada.PullRequests.Merge(w.ctx, "acme", "app", p.GetNumber(), "", nil)
		return err
	}
	conclude := func(conclusion string) {
		_, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: p.GetHead().GetSHA(), Conclusion: &conclusion})
		w.must(err)
	}
	refused(t, merge(), 405, `Required status check "leakgate" is expected`)
	_, _, err = w.bob.Repositories.CreateStatus(w.ctx, "acme", "app", p.GetHead().GetSHA(), github.RepoStatus{State: github.Ptr("success"), Context: github.Ptr("leakgate")})
	w.must(err)
	refused(t, merge(), 405, "is expected") // a status is not of the app
	conclude("success")
	conclude("action_required")
	refused(t, merge(), 405, "is expected")
	if w.local.Try("push", "-q", "origin", "topic:main") {
		t.Error("a push needs no check")
	}
	conclude("success")
	w.must(merge())
}

func TestReviewCommentsStandInTheDiff(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.pull("topic")
	for line, good := range map[int]bool{1: true, 2: false} {
		_, _, err := w.ada.PullRequests.CreateComment(w.ctx, "acme", "app", p.GetNumber(), &github.PullRequestComment{
			Body: github.Ptr("hm"), CommitID: github.Ptr(p.GetHead().GetSHA()), Path: github.Ptr("topic.txt"), Line: &line, Side: github.Ptr("RIGHT"),
		})
		if good {
			w.must(err)
		} else {
			refused(t, err, 422, "must be part of the diff")
		}
	}
}

func TestRulesetsHoldPushes(t *testing.T) {
	w := newWorld(t, Options{})
	set, _, err := w.ada.Repositories.CreateRuleset(w.ctx, "acme", "app", ruleset(
		&github.RepositoryRulesetRules{NonFastForward: &github.EmptyRuleParameters{}, Deletion: &github.EmptyRuleParameters{}},
		&github.BypassActor{ActorID: &w.app.ID, ActorType: github.Ptr(github.BypassActorTypeIntegration), BypassMode: github.Ptr(github.BypassModeAlways)}))
	w.must(err)
	before := w.tip("main")
	w.local.Git("commit", "-q", "--amend", "-m", "rewritten")
	cmd := func(args ...string) bool { return w.local.Try(append([]string{"push", "-q", "--force"}, args...)...) }
	if cmd("origin", "main") || w.tip("main") != before {
		t.Error("main was rewritten by an administrator")
	}
	if cmd("--atomic", "origin", "main", "main:side") || w.repo.hasRef("refs/heads/side") {
		t.Error("half of an atomic push went through")
	}
	if !cmd("origin", "main:side") {
		t.Error("another branch is held too")
	}
	_, _, err = w.ada.Git.UpdateRef(w.ctx, "acme", "app", "heads/main", github.UpdateRef{SHA: w.local.Git("rev-parse", "main"), Force: github.Ptr(true)})
	refused(t, err, 422, "Cannot force-push to this branch")
	token, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, w.installed.ID, nil)
	w.must(err)
	if !cmd(strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+token.GetToken()+"@", 1), "main") {
		t.Error("the app does not bypass its ruleset")
	}
	w.local.Git("commit", "-q", "--amend", "-m", "rewritten again")
	_, _, err = w.ada.Repositories.UpdateRuleset(w.ctx, "acme", "app", set.GetID(), github.RepositoryRuleset{Name: "main", Enforcement: "disabled"})
	w.must(err)
	if !cmd("origin", "main") {
		t.Error("a disabled ruleset holds")
	}
	if got := w.Rulesets(w.repo); len(got) != 1 || got[0].Body["enforcement"] != "disabled" {
		t.Errorf("the rulesets are %v", got)
	}
}
