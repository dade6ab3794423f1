package hub

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/remediate/purge"
)

// Verdicts are what people said last on the pull request of a plan. It is an error
// when the pull request does not ask for this plan any more.
func (h *Hub) Verdicts(ctx context.Context, digest string) ([]purge.Verdict, error) {
	pr, err := h.asking(ctx, digest)
	if err != nil {
		return nil, err
	}
	reviews, err := h.reviews(ctx, pr.GetNumber())
	if err != nil {
		return nil, err
	}
	last := map[int64]*github.PullRequestReview{}
	for _, r := range reviews {
		if r.GetID() < last[r.GetUser().GetID()].GetID() {
			continue // an older word
		}
		if slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}, r.GetState()) && r.GetUser().GetID() != 0 {
			last[r.GetUser().GetID()] = r
		}
	}
	var out []purge.Verdict
	for _, r := range last {
		v, err := h.verdict(ctx, pr, r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b purge.Verdict) int { return int(a.Review - b.Review) })
	return out, nil
}

// asking is the pull request of a plan, open or merged, whose head carries its manifest.
func (h *Hub) asking(ctx context.Context, digest string) (*github.PullRequest, error) {
	pr, err := h.find(ctx, purge.Branch(digest))
	switch {
	case err != nil:
		return nil, err
	case pr == nil:
		return nil, fmt.Errorf("%w, no pull request does: leakgate rewrite propose", purge.ErrNoProposal)
	case pr.GetState() == "closed" && pr.MergedAt == nil:
		return nil, fmt.Errorf("%w: pull request %d was closed without a merge; reopen it to go on", purge.ErrNoProposal, pr.GetNumber())
	}
	return pr, h.carries(ctx, pr.GetHead().GetSHA(), digest)
}

// verdict holds one review against the pull request and what its author may do now.
func (h *Hub) verdict(ctx context.Context, pr *github.PullRequest, r *github.PullRequestReview) (purge.Verdict, error) {
	v := purge.Verdict{Pull: pr.GetNumber(), Review: r.GetID(), User: r.GetUser().GetID(), Login: r.GetUser().GetLogin(), Head: r.GetCommitID()}
	switch {
	case r.GetState() == "CHANGES_REQUESTED":
		v.Stops, v.Fault = true, "asks for changes"
	case r.GetState() == "DISMISSED":
		v.Fault = "the review was dismissed"
	case v.Head != pr.GetHead().GetSHA():
		v.Fault = "the review is of an older head of the pull request"
	case r.GetUser().GetType() != "User":
		v.Fault = "not a person"
	case v.User == pr.GetUser().GetID():
		v.Fault = "opened the pull request"
	default:
		return v, h.permitted(ctx, &v)
	}
	return v, nil
}

// permitted asks what the reviewer may do now, and whether the name is still his.
func (h *Hub) permitted(ctx context.Context, v *purge.Verdict) error {
	p, _, err := h.client.Repositories.GetPermissionLevel(ctx, h.owner, h.name, v.Login)
	switch {
	case status(err) == http.StatusNotFound:
		v.Fault = "nobody has that name any more"
	case err != nil:
		return failed("read what "+v.Login+" may do", err)
	case p.GetUser().GetID() != v.User:
		v.Fault = "somebody else has that name now"
	case p.GetPermission() != "admin" && p.GetPermission() != "write":
		v.Fault = "may not write to the repository"
	}
	return nil
}
