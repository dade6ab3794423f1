package action

import (
	"strings"

	"github.com/leakgate/leakgate/internal/change"
)

// providers is every CI that can be told by its environment: a new one is one
// line here, one function and one row of the test. A function gives the event
// of the run, or false when the run is not that CI's.
var providers = []func(env func(string) string) (change.Event, bool){
	gitlab,
	bitbucket,
	azure,
	jenkins,
	buildkite,
	circleci,
}

// OnGitHub reports whether the run is one of GitHub Actions, or of a server that
// speaks like it: [GitHub] reads its event.
func OnGitHub(env func(string) string) bool { return env("GITHUB_ACTIONS") == "true" }

// Detect gives the event of the run that the environment tells of. Where it tells
// of none, the event is what the checked out branch adds to the default branch;
// nothing is fetched unless CI is set, by which many other systems tell themselves.
func Detect(env func(string) string) change.Event {
	for _, provider := range providers {
		if e, ok := provider(env); ok {
			return e
		}
	}
	return change.Event{Name: "no known CI", Kind: change.Push, Local: env("CI") == "" || env("CI") == "false",
		Fix: "fetch the rest with git fetch --unshallow"}
}

// gitlab: https://docs.gitlab.com/ci/variables/predefined_variables/
//
// A merged result and a merge train name the tips of both branches; a detached
// merge request pipeline names only the merge base, which its author chooses, so
// the target's tip is asked of the clone. Whatever else starts a pipeline on a
// branch (by hand, by the API, from another pipeline) tells no former tip.
func gitlab(env func(string) string) (change.Event, bool) {
	if env("GITLAB_CI") != "true" {
		return change.Event{}, false
	}
	e := change.Event{Name: "GitLab CI", Kind: change.Push, Head: env("CI_COMMIT_SHA"), Base: env("CI_COMMIT_BEFORE_SHA"),
		Target: env("CI_DEFAULT_BRANCH"), Branch: env("CI_COMMIT_BRANCH"), Fix: "set the variable `GIT_DEPTH: 0` for the job"}
	source := env("CI_PIPELINE_SOURCE")
	switch {
	case env("CI_MERGE_REQUEST_IID") != "":
		e.Kind, e.Base = change.Proposal, env("CI_MERGE_REQUEST_TARGET_BRANCH_SHA")
		e.Target = env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		e.Branch = e.Target
	case source == "external_pull_request_event":
		e.Kind, e.Base = change.Proposal, env("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA")
		e.Target = env("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")
		e.Branch = e.Target
	case env("CI_COMMIT_TAG") != "":
		e.Kind = change.Tag
	case source == "schedule":
		e.Kind = change.Everything
	case source != "push":
		e.Base = ""
	}
	return e, true
}

// bitbucket: https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/
//
// A pull request is built as a local merge into its destination; of a push
// nobody tells the former tip or the default branch.
func bitbucket(env func(string) string) (change.Event, bool) {
	if env("BITBUCKET_BUILD_NUMBER") == "" {
		return change.Event{}, false
	}
	e := change.Event{Name: "Bitbucket Pipelines", Kind: change.Push, Branch: env("BITBUCKET_BRANCH"),
		Fix: "set `clone: {depth: full}` for the step"}
	switch {
	case env("BITBUCKET_PR_ID") != "":
		e.Kind, e.Target = change.Proposal, env("BITBUCKET_PR_DESTINATION_BRANCH")
		e.Branch = e.Target
	case env("BITBUCKET_TAG") != "":
		e.Kind = change.Tag
	}
	return e, true
}

// azure: https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables
//
// A pull request of Azure Repos is built as a test merge. Of a push nobody tells
// the former tip.
func azure(env func(string) string) (change.Event, bool) {
	if !strings.EqualFold(env("TF_BUILD"), "true") {
		return change.Event{}, false
	}
	e := change.Event{Name: "Azure Pipelines", Kind: change.Push, Head: env("BUILD_SOURCEVERSION"), Branch: change.BranchOf(env("BUILD_SOURCEBRANCH")),
		Fix: "set `fetchDepth: 0` in the checkout step"}
	switch {
	case env("SYSTEM_PULLREQUEST_TARGETBRANCH") != "":
		e.Kind, e.Merged = change.Proposal, env("SYSTEM_PULLREQUEST_SOURCECOMMITID")
		e.Target = strings.TrimPrefix(env("SYSTEM_PULLREQUEST_TARGETBRANCH"), "refs/heads/")
		e.Branch = e.Target
	case strings.HasPrefix(env("BUILD_SOURCEBRANCH"), "refs/tags/"):
		e.Kind = change.Tag
	case env("BUILD_REASON") == "Schedule":
		e.Kind = change.Everything
	}
	return e, true
}

// jenkins: https://www.jenkins.io/doc/book/pipeline/multibranch/ and
// https://plugins.jenkins.io/git/#plugin-content-environment-variables
//
// What the last successful build of the branch judged needs no second look.
func jenkins(env func(string) string) (change.Event, bool) {
	if env("JENKINS_URL") == "" {
		return change.Event{}, false
	}
	e := change.Event{Name: "Jenkins", Kind: change.Push, Head: env("GIT_COMMIT"), Base: env("GIT_PREVIOUS_SUCCESSFUL_COMMIT"),
		Branch: firstOf(env("BRANCH_NAME"), strings.TrimPrefix(env("GIT_BRANCH"), "origin/")),
		Fix:    "turn shallow clones off and add the target branch to the refspec of the Git plugin"}
	switch {
	case env("CHANGE_TARGET") != "":
		e.Kind, e.Base, e.Target = change.Proposal, "", env("CHANGE_TARGET")
		e.Branch = e.Target
	case env("TAG_NAME") != "":
		e.Kind, e.Base, e.Branch = change.Tag, "", ""
	}
	return e, true
}

// buildkite: https://buildkite.com/docs/pipelines/configure/environment-variables
func buildkite(env func(string) string) (change.Event, bool) {
	if env("BUILDKITE") != "true" {
		return change.Event{}, false
	}
	e := change.Event{Name: "Buildkite", Kind: change.Push, Head: env("BUILDKITE_COMMIT"), Target: env("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
		Branch: env("BUILDKITE_BRANCH"), Fix: "leave --depth out of BUILDKITE_GIT_CLONE_FLAGS"}
	if e.Head == "HEAD" { // a build of whatever the branch's tip is
		e.Head = ""
	}
	switch {
	case env("BUILDKITE_PULL_REQUEST") != "" && env("BUILDKITE_PULL_REQUEST") != "false":
		e.Kind, e.Target = change.Proposal, env("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
		e.Branch = e.Target
	case env("BUILDKITE_TAG") != "":
		e.Kind, e.Branch = change.Tag, ""
	case env("BUILDKITE_SOURCE") == "schedule":
		e.Kind = change.Everything
	}
	return e, true
}

// circleci: https://circleci.com/docs/reference/variables/
//
// No variable tells the target of a pull request or the former tip, so a branch
// is held against the default branch.
func circleci(env func(string) string) (change.Event, bool) {
	if env("CIRCLECI") != "true" {
		return change.Event{}, false
	}
	e := change.Event{Name: "CircleCI", Kind: change.Push, Head: env("CIRCLE_SHA1"), Branch: env("CIRCLE_BRANCH"),
		Fix: "set `method: full` in the checkout step"}
	if env("CIRCLE_TAG") != "" {
		e.Kind = change.Tag
	}
	return e, true
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
