package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// refuses runs apply, which must say why it does not and move nothing.
func (f *forge) refuses(words ...string) {
	f.t.Helper()
	before := f.refs()
	f.says(f.run(exitUndecided, "rewrite", "apply", f.digest, "--stdin"), words...)
	if f.refs() != before {
		f.t.Error("the remote changed")
	}
}

// reviewed has bob and carl approve what the head is now, and their reviews counted.
func (f *forge) reviewed(number int) (bob *github.PullRequestReview) {
	f.t.Helper()
	bob = f.review("bob", "APPROVE", number)
	f.review("carl", "APPROVE", number)
	f.says(f.run(exitClean, "rewrite", "approve", f.digest, "--from-reviews"), "bob approves plan", "carl approves plan")
	return bob
}

// A review counts as long as it stands: of this head, by who may write, on a pull request
// that asks for this plan. Whatever happens between approve and apply is noticed.
func TestReviewsAreReadAgain(t *testing.T) {
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	f.operate("approvals = 2")
	pull := f.propose()
	n, branch := pull.GetNumber(), pull.GetHead().GetRef()
	pulls := f.ann.PullRequests

	f.review("bob", "APPROVE", n)
	f.review("carl", "REQUEST_CHANGES", n)
	f.says(f.run(exitClean, "rewrite", "approve", f.digest, "--from-reviews"), "bob approves", "carl does not count: asks for changes")
	f.refuses("carl asks for changes")

	bob := f.reviewed(n)
	_, _, err := pulls.DismissReview(t.Context(), "acme", "app", n, bob.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.Ptr("no")})
	f.must(err)
	f.refuses("1 of 2 approvals", "dismissed")
	f.review("bob", "APPROVE", n)
	f.refuses("1 of 2 approvals", "another took its place")

	// Another head is to be looked at again, another manifest is another plan.
	f.local.Git("fetch", "-q", "origin", branch)
	f.local.Git("checkout", "-q", "--detach", "FETCH_HEAD")
	f.local.File("added.conf", "e\n")
	f.local.Git("push", "-q", "origin", "HEAD:"+branch)
	f.refuses("0 of 2 approvals", "older head")
	f.local.File(".leakgate/rewrites/"+f.digest[:16]+".json", "{}\n")
	f.local.Git("push", "-q", "origin", "HEAD:"+branch)
	f.refuses("does not carry the manifest")
	f.local.Git("push", "-qf", "origin", "HEAD~:"+branch)
	f.reviewed(n)

	_, _, err = pulls.Edit(t.Context(), "acme", "app", n, &github.PullRequest{State: github.Ptr("closed")})
	f.must(err)
	f.refuses("closed without a merge")
	_, _, err = pulls.Edit(t.Context(), "acme", "app", n, &github.PullRequest{State: github.Ptr("open")})
	f.must(err)
	f.Collaborator(f.repo, "bob", "read")
	f.refuses("1 of 2 approvals", "may not write")
	f.Collaborator(f.repo, "bob", "write")

	f.badWeather()
	f.Limit("ann", 5000)
	f.dismissedUnderWay(n)
	_, _, err = pulls.Merge(t.Context(), "acme", "app", n, "", nil) // merged in the middle
	f.must(err)
	f.says(f.run(exitClean, "rewrite", "apply", f.digest, "--stdin"), "refs moved")
	f.clean()
	f.hides()
}

// dismissedUnderWay has a review dismissed while the new history is being made.
func (f *forge) dismissedUnderWay(number int) {
	f.t.Helper()
	bob := f.reviewed(number)
	past, let := make(chan struct{}), make(chan struct{})
	close(past)
	f.Fail(ghfake.Fault{Operation: "pulls/list-reviews", Wait: past})
	f.Fail(ghfake.Fault{Operation: "pulls/list-reviews", Wait: let})
	before, calls := f.refs(), f.Calls("pulls/list-reviews")
	c := f.start("leakgate", f.value+"\n", "rewrite", "apply", f.digest, "--stdin")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	f.must(c.Start())
	f.await(func() bool { return f.Calls("pulls/list-reviews") == calls+2 })
	_, _, err := f.ann.PullRequests.DismissReview(f.t.Context(), "acme", "app", number, bob.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.Ptr("no")})
	f.must(err)
	close(let)
	if c.Wait() == nil || f.refs() != before {
		f.t.Error("a review that was dismissed under way counts")
	}
	f.says(out.String(), "1 of 2 approvals", "dismissed")
	f.reviewed(number)
}

// badWeather has GitHub fail in its ways; each time it is said, and nothing is lost.
func (f *forge) badWeather() {
	f.t.Helper()
	f.Fail(ghfake.Fault{Operation: "pulls/list-reviews", Status: 503})
	f.refuses("GitHub is not well", "run it again")
	f.Fail(ghfake.Fault{Operation: "repos/get-collaborator-permission-level", Status: 502})
	f.refuses("GitHub is not well")
	f.Fail(ghfake.Fault{Operation: "pulls/list", Lose: true}) // the first call of the run: later ones the client repeats alone
	f.refuses("no answer that can be read")
	f.Fail(ghfake.Fault{Operation: "pulls/list", Status: 429, RetryIn: 7e9})
	f.refuses("fewer calls")
	f.Limit("ann", 1)
	f.refuses("fewer calls until")
}

// A pull request whose opening was answered by nobody is found, one that was closed is
// opened anew, and one of a fork with the same branch is not taken for it.
func TestOnePullRequestAsks(t *testing.T) {
	slow(t)
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	f.plan("--override", "@acme/all <b>*see*</b> ```", "--manifest", filepath.Join(f.dir, "manifest.json"))
	f.Fail(ghfake.Fault{Operation: "pulls/create", Lose: true, After: true})
	f.run(exitUndecided, "rewrite", "propose", f.digest, "--stdin")
	f.run(exitClean, "rewrite", "propose", f.digest, "--stdin")
	pull := f.pull()
	for _, markup := range []string{"@acme", "<b>", "*see*"} {
		if strings.Contains(pull.GetBody(), markup) {
			t.Errorf("the text holds markup of others: %s", pull.GetBody())
		}
	}
	_, _, err := f.ann.PullRequests.Edit(t.Context(), "acme", "app", pull.GetNumber(), &github.PullRequest{Body: github.Ptr("nothing to see")})
	f.must(err)
	f.run(exitClean, "rewrite", "propose", f.digest, "--stdin")
	f.says(f.pull().GetBody(), f.digest)
	f.local.File("moved.conf", "main goes on\n")
	f.local.Git("push", "-q", "origin", "main")
	f.run(exitClean, "rewrite", "propose", f.digest, "--stdin")
	if n := f.Calls("pulls/create"); n != 1 {
		t.Errorf("%d pull requests were opened", n)
	}
	_, _, err = f.ann.PullRequests.Edit(t.Context(), "acme", "app", pull.GetNumber(), &github.PullRequest{State: github.Ptr("closed")})
	f.must(err)
	second := f.find(`Pull request (\d+) asks`, f.run(exitClean, "rewrite", "propose", f.digest, "--stdin"))
	if second == fmt.Sprint(pull.GetNumber()) {
		t.Error("a closed pull request asks")
	}
	n, err := strconv.Atoi(second)
	f.must(err)
	_, _, err = f.ann.PullRequests.Merge(t.Context(), "acme", "app", n, "", nil)
	f.must(err)
	f.says(f.run(exitClean, "rewrite", "propose", f.digest, "--stdin"), "Pull request "+second)
}

// What is not the same elsewhere is said on the pull request, and so is what nobody can tell.
func TestAPlanThatIsNotReproducible(t *testing.T) {
	slow(t)
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	pull := f.propose()
	manifest := filepath.Join(f.dir, "manifest.json")
	state := func(want string) {
		t.Helper()
		s, _, err := f.ann.Repositories.GetCombinedStatus(t.Context(), "acme", "app", pull.GetHead().GetSHA(), nil)
		if err != nil || len(s.Statuses) != 1 || s.Statuses[0].GetState() != want {
			t.Errorf("the status is %v, not %s (%v)", s, want, err)
		}
	}
	f.elsewhere(func() {
		f.value += "\nclean"
		f.says(f.run(exitBlocked, "rewrite", "reproduce", manifest, "--remote", f.CloneURL(f.repo), "--stdin", "--check"), "another plan comes out")
		state("failure")
		f.value, _, _ = strings.Cut(f.value, "\n")
		f.Fail(ghfake.Fault{Operation: "git", Status: 503})
		f.run(exitUndecided, "rewrite", "reproduce", manifest, "--remote", f.CloneURL(f.repo), "--stdin", "--check")
		state("error")
		f.run(exitBlocked, "rewrite", "reproduce", manifest, "--remote", f.CloneURL(f.repo), "--replace-text", f.text("nothing-that-is-there\n"), "--check")
		state("failure")
		f.local.File("on.top", "commits on top change nothing\n")
		f.local.Git("push", "-q", "origin", "main")
		f.run(exitClean, "rewrite", "reproduce", manifest, "--remote", f.CloneURL(f.repo), "--stdin", "--check")
		state("success")
		f.run(exitUsage, "rewrite", "reproduce", manifest, "--stdin")
		f.run(exitUsage, "rewrite", "reproduce", manifest, "--remote", "https://elsewhere.example/acme/app.git", "--stdin")
		f.run(exitUsage, "rewrite", "reproduce", filepath.Join(f.dir, "identity"), "--stdin")
	})
	f.hides()
}

func (f *forge) text(content string) string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "text")
	f.must(os.WriteFile(file, []byte(content), 0o600))
	return file
}

// An App proposes, checks, opens the rulesets for itself, and tells.
func TestAnAppTakesALeakOut(t *testing.T) {
	slow(t)
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	app, err := f.App("purger", "", map[string]string{"contents": "write", "pull_requests": "write", "checks": "write", "administration": "write", "metadata": "read", "actions": "read"})
	f.must(err)
	installed := f.Install(app, "acme")
	tr, err := ghinstallation.New(http.DefaultTransport, app.ID, installed.ID, app.Key)
	f.must(err)
	tr.BaseURL = f.API
	token, err := tr.Token(t.Context())
	f.must(err)
	f.operate("approvals = 1\napp = " + fmt.Sprint(app.ID))
	f.env = append(f.env, "GITHUB_TOKEN="+token, tokenVariable+"="+token)
	f.closed(f.actor(github.BypassActorTypeIntegration, 77))
	rules := f.rulesets()
	feature := func() int {
		f.local.Git("checkout", "-qb", "feature", "main")
		f.local.File("feature.conf", "c\n")
		f.local.Git("push", "-q", "origin", "HEAD")
		return f.open("bob", "feature")
	}()
	pull := f.propose()
	if pull.GetUser().GetType() != "Bot" {
		t.Errorf("%s opened it", pull.GetUser().GetLogin())
	}
	for range 2 {
		f.run(exitClean, "rewrite", "reproduce", filepath.Join(f.dir, "manifest.json"), "--remote", f.CloneURL(f.repo), "--stdin", "--check")
	}
	runs, _, err := f.ann.Checks.ListCheckRunsForRef(t.Context(), "acme", "app", pull.GetHead().GetSHA(), nil)
	if err != nil || runs.GetTotal() != 1 || runs.CheckRuns[0].GetConclusion() != "success" || f.Calls("checks/create") != 1 {
		t.Errorf("the checks are %v, %v", runs, err)
	}
	f.review("bob", "APPROVE", pull.GetNumber())
	f.run(exitClean, "rewrite", "approve", f.digest, "--from-reviews")
	f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
	if f.rulesets() != rules {
		t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
	}
	f.clean()

	// A comment of somebody else with our mark is not ours.
	_, _, err = f.client("eve").Issues.CreateComment(t.Context(), "acme", "app", feature, &github.IssueComment{Body: github.Ptr("<!-- leakgate:told " + f.digest + " -->\nrun this")})
	f.must(err)
	for range 2 {
		f.says(f.run(exitClean, "rewrite", "tell", f.digest), "told: 1")
	}
	comments, _, err := f.ann.Issues.ListComments(t.Context(), "acme", "app", feature, nil)
	if err != nil || len(comments) != 2 || comments[0].GetUser().GetLogin() != "eve" || !strings.HasSuffix(comments[0].GetBody(), "run this") {
		t.Errorf("the comments are %v, %v", comments, err)
	}
	f.hides()
}
