package action

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/inspect"
)

// maxPayload is the largest event that GitHub sends, with room to spare, in bytes:
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const maxPayload = 32 << 20

const githubFix = "add `with: {fetch-depth: 0}` to the actions/checkout step"

// githubPayload is what is read of an event:
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type githubPayload struct {
	Ref         string            `json:"ref"`
	Before      string            `json:"before"`
	After       string            `json:"after"`
	Deleted     bool              `json:"deleted"`
	Commits     []json.RawMessage `json:"commits"`
	PullRequest *struct {
		Commits int       `json:"commits"`
		Base    githubEnd `json:"base"`
		Head    githubEnd `json:"head"`
	} `json:"pull_request"`
	MergeGroup *struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
		HeadSHA string `json:"head_sha"`
	} `json:"merge_group"`
	Repository struct {
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
}

type githubEnd struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

// GitHub reads the event of a workflow run. Events that bring no commits of
// their own judge the whole history. The error is a usage error for an event
// that must not be judged.
func GitHub(env func(string) string) (change.Event, error) {
	name := env("GITHUB_EVENT_NAME")
	if name == "pull_request_target" {
		return change.Event{}, &inspect.UsageError{Err: fmt.Errorf("pull_request_target runs with the secrets and the write token of the base " +
			"repository beside code of the pull request: use `on: pull_request`, which needs neither here")}
	}
	p, err := readPayload(env("GITHUB_EVENT_PATH"))
	if err != nil {
		return change.Event{}, err
	}
	e := change.Event{Name: "GitHub " + name, Head: env("GITHUB_SHA"), Target: p.Repository.DefaultBranch, Fix: githubFix}
	e.Branch = change.BranchOf(env("GITHUB_REF"))
	switch {
	case name == "push":
		fillPush(&e, p)
	case name == "merge_group" && p.MergeGroup != nil:
		e.Kind, e.Head, e.Base = change.Proposal, p.MergeGroup.HeadSHA, p.MergeGroup.BaseSHA
		e.Target = change.BranchOf(p.MergeGroup.BaseRef)
		e.Branch = e.Target
	case strings.HasPrefix(name, "pull_request") && p.PullRequest != nil:
		e.Kind, e.Merged, e.Commits = change.Proposal, p.PullRequest.Head.SHA, p.PullRequest.Commits
		e.Base, e.Target = p.PullRequest.Base.SHA, p.PullRequest.Base.Ref
		e.Branch = e.Target
	case name == "merge_group" || strings.HasPrefix(name, "pull_request"):
		return change.Event{}, fmt.Errorf("the payload of the event %s does not say what it is about", name)
	}
	return e, nil
}

// fillPush fills in a push. A branch's deletion brings nothing; a tag is compared
// with the default branch.
func fillPush(e *change.Event, p githubPayload) {
	e.Kind, e.Base, e.Commits = change.Push, p.Before, len(p.Commits)
	switch {
	case p.Deleted || p.After != "" && change.IsZero(p.After):
		e.Kind = change.Nothing
	case strings.HasPrefix(p.Ref, "refs/tags/"):
		e.Kind, e.Branch, e.Base = change.Tag, "", ""
		if p.After != "" {
			e.Head = p.After // of an annotated tag the tag itself, so that its message is judged
		}
	default:
		e.Head, e.Branch = p.After, change.BranchOf(p.Ref)
	}
}

func readPayload(path string) (p githubPayload, err error) {
	if path == "" {
		return p, fmt.Errorf("GITHUB_EVENT_PATH is not set: the step reads the event of a workflow run")
	}
	f, err := os.Open(path)
	if err != nil {
		return p, fmt.Errorf("read the event: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPayload+1))
	if err == nil && len(text) > maxPayload {
		err = fmt.Errorf("larger than %d bytes", maxPayload)
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read the event: %w", err)
	}
	return p, nil
}
