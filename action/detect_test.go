package action

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

// environment answers for variables given as NAME=VALUE.
func environment(variables string) func(string) string {
	env := map[string]string{}
	for _, v := range strings.Fields(variables) {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

func TestEveryCIIsToldByItsEnvironment(t *testing.T) {
	const gitlab = "GITLAB_CI=true CI_COMMIT_SHA=c CI_DEFAULT_BRANCH=main "
	for _, c := range []struct {
		env  string
		want change.Event
	}{
		{gitlab + "CI_PIPELINE_SOURCE=push CI_COMMIT_BEFORE_SHA=b CI_COMMIT_BRANCH=x",
			change.Event{Name: "GitLab CI", Kind: change.Push, Head: "c", Base: "b", Target: "main", Branch: "x"}},
		{gitlab + "CI_PIPELINE_SOURCE=push CI_COMMIT_BEFORE_SHA=" + zeros + " CI_COMMIT_TAG=v1",
			change.Event{Name: "GitLab CI", Kind: change.Tag, Head: "c", Base: zeros, Target: "main"}},
		{gitlab + "CI_PIPELINE_SOURCE=merge_request_event CI_MERGE_REQUEST_IID=1 CI_COMMIT_BEFORE_SHA=" + zeros +
			" CI_MERGE_REQUEST_DIFF_BASE_SHA=d CI_MERGE_REQUEST_TARGET_BRANCH_NAME=stable",
			change.Event{Name: "GitLab CI", Kind: change.Proposal, Head: "c", Target: "stable", Branch: "stable"}},
		{gitlab + "CI_PIPELINE_SOURCE=merge_request_event CI_MERGE_REQUEST_IID=1 CI_MERGE_REQUEST_EVENT_TYPE=merge_train" +
			" CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_MERGE_REQUEST_TARGET_BRANCH_SHA=t",
			change.Event{Name: "GitLab CI", Kind: change.Proposal, Head: "c", Base: "t", Target: "main", Branch: "main"}},
		{gitlab + "CI_PIPELINE_SOURCE=external_pull_request_event CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA=t" +
			" CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME=main",
			change.Event{Name: "GitLab CI", Kind: change.Proposal, Head: "c", Base: "t", Target: "main", Branch: "main"}},
		{gitlab + "CI_PIPELINE_SOURCE=parent_pipeline CI_COMMIT_BEFORE_SHA=b CI_COMMIT_BRANCH=x",
			change.Event{Name: "GitLab CI", Kind: change.Push, Head: "c", Target: "main", Branch: "x"}},
		{gitlab + "CI_PIPELINE_SOURCE=web CI_COMMIT_BEFORE_SHA=" + zeros + " CI_COMMIT_BRANCH=x",
			change.Event{Name: "GitLab CI", Kind: change.Push, Head: "c", Target: "main", Branch: "x"}},
		{gitlab + "CI_PIPELINE_SOURCE=schedule CI_COMMIT_BRANCH=main CI_COMMIT_BEFORE_SHA=" + zeros,
			change.Event{Name: "GitLab CI", Kind: change.Everything, Head: "c", Base: zeros, Target: "main", Branch: "main"}},
		{"BITBUCKET_BUILD_NUMBER=1 BITBUCKET_COMMIT=c BITBUCKET_BRANCH=x BITBUCKET_PR_ID=2 BITBUCKET_PR_DESTINATION_BRANCH=main",
			change.Event{Name: "Bitbucket Pipelines", Kind: change.Proposal, Target: "main", Branch: "main"}},
		{"BITBUCKET_BUILD_NUMBER=1 BITBUCKET_COMMIT=c BITBUCKET_BRANCH=x",
			change.Event{Name: "Bitbucket Pipelines", Kind: change.Push, Branch: "x"}},
		{"BITBUCKET_BUILD_NUMBER=1 BITBUCKET_TAG=v1", change.Event{Name: "Bitbucket Pipelines", Kind: change.Tag}},
		{"TF_BUILD=True BUILD_SOURCEVERSION=c BUILD_SOURCEBRANCH=refs/pull/1/merge BUILD_REASON=PullRequest" +
			" SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main SYSTEM_PULLREQUEST_SOURCECOMMITID=h",
			change.Event{Name: "Azure Pipelines", Kind: change.Proposal, Head: "c", Merged: "h", Target: "main", Branch: "main"}},
		{"TF_BUILD=True BUILD_SOURCEVERSION=c BUILD_SOURCEBRANCH=refs/heads/x BUILD_REASON=IndividualCI",
			change.Event{Name: "Azure Pipelines", Kind: change.Push, Head: "c", Branch: "x"}},
		{"TF_BUILD=True BUILD_SOURCEVERSION=c BUILD_SOURCEBRANCH=refs/tags/v1", change.Event{Name: "Azure Pipelines", Kind: change.Tag, Head: "c"}},
		{"TF_BUILD=True BUILD_SOURCEVERSION=c BUILD_SOURCEBRANCH=refs/heads/main BUILD_REASON=Schedule",
			change.Event{Name: "Azure Pipelines", Kind: change.Everything, Head: "c", Branch: "main"}},
		{"JENKINS_URL=http://j/ GIT_COMMIT=c BRANCH_NAME=PR-1 CHANGE_ID=1 CHANGE_TARGET=main GIT_PREVIOUS_SUCCESSFUL_COMMIT=b",
			change.Event{Name: "Jenkins", Kind: change.Proposal, Head: "c", Target: "main", Branch: "main"}},
		{"JENKINS_URL=http://j/ GIT_COMMIT=c GIT_BRANCH=origin/x GIT_PREVIOUS_SUCCESSFUL_COMMIT=b",
			change.Event{Name: "Jenkins", Kind: change.Push, Head: "c", Base: "b", Branch: "x"}},
		{"JENKINS_URL=http://j/ GIT_COMMIT=c BRANCH_NAME=v1 TAG_NAME=v1", change.Event{Name: "Jenkins", Kind: change.Tag, Head: "c"}},
		{"BUILDKITE=true BUILDKITE_COMMIT=c BUILDKITE_BRANCH=x BUILDKITE_PULL_REQUEST=7 BUILDKITE_PULL_REQUEST_BASE_BRANCH=stable" +
			" BUILDKITE_PIPELINE_DEFAULT_BRANCH=main",
			change.Event{Name: "Buildkite", Kind: change.Proposal, Head: "c", Target: "stable", Branch: "stable"}},
		{"BUILDKITE=true BUILDKITE_COMMIT=HEAD BUILDKITE_BRANCH=x BUILDKITE_PULL_REQUEST=false BUILDKITE_PIPELINE_DEFAULT_BRANCH=main",
			change.Event{Name: "Buildkite", Kind: change.Push, Target: "main", Branch: "x"}},
		{"BUILDKITE=true BUILDKITE_COMMIT=c BUILDKITE_BRANCH=v1 BUILDKITE_TAG=v1", change.Event{Name: "Buildkite", Kind: change.Tag, Head: "c"}},
		{"BUILDKITE=true BUILDKITE_COMMIT=c BUILDKITE_BRANCH=main BUILDKITE_SOURCE=schedule",
			change.Event{Name: "Buildkite", Kind: change.Everything, Head: "c", Branch: "main"}},
		{"CIRCLECI=true CIRCLE_SHA1=c CIRCLE_BRANCH=x", change.Event{Name: "CircleCI", Kind: change.Push, Head: "c", Branch: "x"}},
		{"CIRCLECI=true CIRCLE_SHA1=c CIRCLE_TAG=v1", change.Event{Name: "CircleCI", Kind: change.Tag, Head: "c"}},
		{"HOME=/root", change.Event{Name: "no known CI", Kind: change.Push, Local: true}},
		{"CI=false", change.Event{Name: "no known CI", Kind: change.Push, Local: true}},
		{"CI=true", change.Event{Name: "no known CI", Kind: change.Push}},
	} {
		got := Detect(environment(c.env))
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(change.Event{}, "Fix")); diff != "" || got.Fix == "" {
			t.Errorf("%s: fix %q\n%s", c.env, got.Fix, diff)
		}
	}
	if OnGitHub(environment("CI=true")) || !OnGitHub(environment("GITHUB_ACTIONS=true")) {
		t.Error("GitHub Actions is not told by GITHUB_ACTIONS")
	}
}

// judge plans an event in a clone and asks.
func judge(t *testing.T, dir string, e change.Event, git *fetched) (change.Plan, *report.Report, error) {
	t.Helper()
	p, err := change.NewPlan(context.Background(), e, inspect.Question{Path: dir}, git.git)
	if err != nil || p.Nothing {
		return p, nil, err
	}
	r, err := p.Ask(context.Background(), surroundings(t))
	return p, r, err
}

// branched is a server with a secret on main and another on the branch feature.
func branched(t *testing.T) (r *gittest.Repo, main, feature string) {
	t.Helper()
	r = gittest.New(t)
	r.File("old.env", "token: "+gittest.Token()+"\n")
	main = r.File("b.txt", "hello\n")
	r.Git("checkout", "-q", "-b", "feature")
	feature = r.File("app.env", "token: "+gittest.Token()+"\n")
	r.Git("checkout", "-q", "main")
	return r, main, feature
}

func TestAPlanJudgesByTheTargetsTip(t *testing.T) {
	r, main, feature := branched(t)
	whole := "all refs"
	for name, c := range map[string]struct {
		event change.Event
		at    string
		want  string
	}{
		"a merge request that names no base": {change.Event{Kind: change.Proposal, Head: feature, Target: "main"}, feature, main + ".." + feature},
		"one of what is checked out":         {change.Event{Kind: change.Proposal, Target: "main"}, feature, main + ".." + feature},
		"one that names the target's tip":    {change.Event{Kind: change.Proposal, Head: feature, Base: main, Target: "main"}, feature, main + ".." + feature},
		"a push without a former tip":        {change.Event{Kind: change.Push, Head: feature, Branch: "feature"}, feature, main + ".." + feature},
		"the same, default branch named":     {change.Event{Kind: change.Push, Head: feature, Branch: "feature", Target: "main"}, feature, main + ".." + feature},
		"a push to what may be the default":  {change.Event{Kind: change.Push, Head: main, Branch: "main"}, main, whole},
		"a push to the default branch":       {change.Event{Kind: change.Push, Head: main, Branch: "main", Target: "main"}, main, whole},
		"a branch that adds nothing":         {change.Event{Kind: change.Push, Head: main, Base: main, Branch: "feature"}, main, main + ".." + main},
		"a tag":                              {change.Event{Kind: change.Tag, Head: feature, Target: "main"}, feature, main + ".." + feature},
		"a schedule":                         {change.Event{Kind: change.Everything, Head: main}, main, whole},
		"a schedule on another branch":       {change.Event{Kind: change.Everything, Head: feature, Branch: "feature", Target: "main"}, feature, whole},
	} {
		t.Run(name, func(t *testing.T) {
			for _, depth := range []int{0, 1} {
				p, rep, err := judge(t, checkout(t, r, c.at, depth), c.event, &fetched{})
				if err != nil {
					t.Fatal(err)
				}
				blocked := 1
				if c.want == main+".."+main {
					blocked = 0
				}
				if rep.Result.Range.Text != c.want || !rep.Result.Coverage.Complete() || rep.Verdict.ExitCode() != blocked {
					t.Errorf("depth %d: %s, %q, missed %v, exit %d", depth, p.Why, rep.Result.Range.Text, rep.Result.Coverage.Missed, rep.Verdict.ExitCode())
				}
				want := main
				if c.want == whole && c.event.Head == "" {
					want = ""
				}
				if p.Question.Trust != want {
					t.Errorf("the policy is that of %q", p.Question.Trust)
				}
			}
		})
	}
}

func TestWhatCannotBeFetchedIsNotClean(t *testing.T) {
	r, main, feature := branched(t)
	for name, e := range map[string]change.Event{
		"the target":         {Kind: change.Proposal, Head: feature, Target: "main"},
		"its tip":            {Kind: change.Proposal, Head: feature, Base: main, Target: "main"},
		"the default branch": {Kind: change.Push, Head: feature, Branch: "feature", Target: "main"},
		"the head":           {Kind: change.Proposal, Head: main, Base: main, Target: "main"},
		"the history":        {Kind: change.Everything},
	} {
		e.Fix = "write this"
		_, _, err := judge(t, checkout(t, r, feature, 1), e, &fetched{fail: true})
		if err == nil || !strings.Contains(err.Error(), "write this") || inspect.IsUsage(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAChangeDoesNotJudgeItselfWhereTheDefaultBranchIsNotKnown(t *testing.T) {
	r, _, feature := branched(t)
	for _, env := range []string{
		"CI=true", "CIRCLECI=true CIRCLE_BRANCH=feature CIRCLE_SHA1=" + feature,
		"JENKINS_URL=http://j/ BRANCH_NAME=feature GIT_COMMIT=" + feature, "BITBUCKET_BUILD_NUMBER=1 BITBUCKET_BRANCH=feature",
		"TF_BUILD=True BUILD_SOURCEBRANCH=refs/heads/feature BUILD_SOURCEVERSION=" + feature,
	} {
		for _, depth := range []int{0, 1} {
			e := Detect(environment(env))
			_, _, err := judge(t, checkout(t, r, feature, depth), e, &fetched{fail: true})
			if err == nil || !strings.Contains(err.Error(), e.Fix) || inspect.IsUsage(err) {
				t.Errorf("%s: %v", env, err)
			}
		}
	}
}

func TestWithoutACINothingIsFetched(t *testing.T) {
	r, main, feature := branched(t)
	git := &fetched{}
	p, rep, err := judge(t, r.Dir, Detect(environment("")), git)
	if err != nil || rep.Result.Range.Text != "all refs" || rep.Verdict.ExitCode() != 1 {
		t.Errorf("%s: %v", p.Why, err)
	}
	clone := cloneOf(t, r, feature, 0)
	if _, _, err := judge(t, clone.Dir, Detect(environment("")), git); err == nil || !strings.Contains(err.Error(), "set-head") {
		t.Errorf("a clone without a default branch: %v", err)
	}
	clone.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	p, rep, err = judge(t, clone.Dir, Detect(environment("")), git)
	if err != nil || rep.Result.Range.Text != main+".."+feature {
		t.Errorf("%s: %v", p.Why, err)
	}
	if _, _, err := judge(t, checkout(t, r, feature, 1), Detect(environment("")), git); err == nil || !strings.Contains(err.Error(), "--unshallow") {
		t.Errorf("a shallow clone: %v", err)
	}
	if len(git.calls) > 0 {
		t.Errorf("fetched %q", git.calls)
	}
}

func TestABranchThatIsNoNameIsNotFetched(t *testing.T) {
	r, _, feature := branched(t)
	git := &fetched{}
	if _, _, err := judge(t, checkout(t, r, feature, 1), change.Event{Kind: change.Proposal, Head: feature, Target: "main:refs/heads/x"}, git); err == nil || len(git.calls) > 0 {
		t.Errorf("%v, fetched %q", err, git.calls)
	}
}

func TestARangeThatIsAskedForIsJudged(t *testing.T) {
	r, main, feature := branched(t)
	clone := checkout(t, r, feature, 0)
	o := step(t, clone, "schedule", object{}, "GITHUB_SHA="+feature, "INPUT_RANGE="+main+"..HEAD")
	o.expect(t, 1, "findings=1", "range="+main+"..HEAD")
	step(t, clone, "schedule", object{}, "GITHUB_SHA="+feature, "INPUT_RANGE=HEAD..HEAD").expect(t, 3, "findings=0")
	step(t, clone, "schedule", object{}, "GITHUB_SHA="+feature, "INPUT_RANGE=..HEAD").expect(t, 2)
	step(t, clone, "schedule", object{}, "GITHUB_SHA="+feature, "INPUT_RANGE=nowhere..HEAD").expect(t, 2)
	step(t, clone, "schedule", object{}, "GITHUB_SHA="+feature, "INPUT_RANGE=HEAD").expect(t, 2)
}
