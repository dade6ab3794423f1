package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/remediate/purge"
)

// Pull is the pull request that asks for a rewrite.
type Pull struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
	Head   string `json:"head"`
	// Asked are logins and teams that were asked for a review: the owners of the
	// code, whom GitHub asks itself, and the approvers of the operator.
	Asked []string `json:"asked"`
	// Unasked says of each approver that could not be asked why.
	Unasked []string `json:"unasked"`
}

// Fits refuses the plan of a repository that no GitHub has: its ids are of SHA-256.
// See https://git-scm.com/docs/hash-function-transition and the interface, whose ids are of 40 digits:
// https://docs.github.com/rest/git/commits#get-a-commit-object.
func Fits(m *purge.Manifest) error {
	if !m.SHA256() {
		return nil
	}
	return errors.New("the ids of this remote are of SHA-256, which GitHub has no repositories of: give --github none (or take github out of [rewrite]), open the pull request where the remote is, and approve with keys")
}

// marker is the first line of a text that is found by it again.
func marker(kind, digest string) string { return "<!-- leakgate:" + kind + " " + digest + " -->" }

// Propose opens the pull request of a proposal, or brings the one that is open up to
// date, and asks the approvers, who are ids of users, for their reviews.
func (h *Hub) Propose(ctx context.Context, m *purge.Manifest, p *purge.Proposal, n Needs) (*Pull, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	pr, err := h.find(ctx, p.Branch)
	if err != nil {
		return nil, err
	}
	title, body := title(digest), body(m, digest, p, n)
	if pr == nil || pr.GetState() == "closed" && pr.MergedAt == nil {
		pr, err = h.create(ctx, p, title, body)
	} else if pr.GetTitle() != title || pr.GetBody() != body {
		pr, _, err = h.client.PullRequests.Edit(ctx, h.owner, h.name, pr.GetNumber(), &github.PullRequest{Title: &title, Body: &body})
		err = failed("bring the pull request up to date", err)
	}
	if err != nil {
		return nil, err
	}
	out := &Pull{Number: pr.GetNumber(), URL: pr.GetHTMLURL(), Head: pr.GetHead().GetSHA()}
	if pr.MergedAt != nil {
		return out, nil // nobody is asked any more
	}
	return out, h.ask(ctx, pr, n.Users, out)
}

// create opens it. One that was opened by a call whose answer was lost is found.
func (h *Hub) create(ctx context.Context, p *purge.Proposal, title, body string) (*github.PullRequest, error) {
	head, base := strings.TrimPrefix(p.Branch, "refs/heads/"), strings.TrimPrefix(p.Base, "refs/heads/")
	pr, _, err := h.client.PullRequests.Create(ctx, h.owner, h.name, &github.NewPullRequest{Title: &title, Body: &body, Head: &head, Base: &base, MaintainerCanModify: github.Ptr(false)})
	if status(err) == http.StatusUnprocessableEntity {
		if there, ferr := h.find(ctx, p.Branch); ferr == nil && there.GetState() == "open" {
			return there, nil
		}
	}
	return pr, failed("open the pull request", err)
}

// find gives the pull request of a branch of this repository, or nil: one that is open
// before one that was merged, before one that was closed. Branches of forks with the
// same name are none.
func (h *Hub) find(ctx context.Context, branch string) (*github.PullRequest, error) {
	o := &github.PullRequestListOptions{State: "all", Head: h.owner + ":" + strings.TrimPrefix(branch, "refs/heads/")}
	pulls, err := all(func(page github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		o.ListOptions = page
		return h.client.PullRequests.List(ctx, h.owner, h.name, o)
	})
	if err != nil {
		return nil, failed("look for the pull request", err)
	}
	pulls = slices.DeleteFunc(pulls, func(pr *github.PullRequest) bool {
		return !h.here(pr.GetHead()) || "refs/heads/"+pr.GetHead().GetRef() != branch
	})
	slices.SortStableFunc(pulls, func(a, b *github.PullRequest) int { return standing(a) - standing(b) })
	if len(pulls) == 0 {
		return nil, nil
	}
	return pulls[0], nil
}

func standing(pr *github.PullRequest) int {
	switch {
	case pr.GetState() == "open":
		return 0
	case pr.MergedAt != nil:
		return 1
	}
	return 2
}

// here reports whether a side of a pull request is a branch of this repository.
func (h *Hub) here(side *github.PullRequestBranch) bool {
	return strings.EqualFold(side.GetRepo().GetFullName(), h.owner+"/"+h.name)
}

// ask requests the reviews of those who were neither asked nor have answered. GitHub asks
// the owners of the code when a pull request is opened, so they are only read.
func (h *Hub) ask(ctx context.Context, pr *github.PullRequest, users []int64, out *Pull) error {
	known, err := h.known(ctx, pr.GetNumber())
	if err != nil {
		return err
	}
	for _, id := range users {
		if known[id] {
			continue
		}
		u, _, err := h.client.Users.GetByID(ctx, id)
		if err == nil && u.GetID() == pr.GetUser().GetID() {
			out.Unasked = append(out.Unasked, u.GetLogin()+": opened the pull request")
			continue
		}
		if err == nil {
			_, _, err = h.client.PullRequests.RequestReviewers(ctx, h.owner, h.name, pr.GetNumber(), github.ReviewersRequest{Reviewers: []string{u.GetLogin()}})
		}
		if code := status(err); code == http.StatusNotFound || code == http.StatusUnprocessableEntity { // no such user, or one who may not read it
			out.Unasked = append(out.Unasked, fmt.Sprintf("user %d: %s", id, failed("ask for a review", err)))
		} else if err != nil {
			return failed("ask for a review", err)
		}
	}
	asked, err := h.reviewers(ctx, pr.GetNumber())
	if err != nil {
		return err
	}
	for _, u := range asked.Users {
		out.Asked = append(out.Asked, u.GetLogin())
	}
	for _, t := range asked.Teams {
		out.Asked = append(out.Asked, "team "+t.GetSlug())
	}
	slices.Sort(out.Asked)
	return nil
}

// known are the accounts that were asked for a review or gave one.
func (h *Hub) known(ctx context.Context, number int) (map[int64]bool, error) {
	known := map[int64]bool{}
	asked, err := h.reviewers(ctx, number)
	if err != nil {
		return nil, err
	}
	for _, u := range asked.Users {
		known[u.GetID()] = true
	}
	reviews, err := h.reviews(ctx, number)
	for _, r := range reviews {
		known[r.GetUser().GetID()] = true
	}
	return known, err
}

func (h *Hub) reviewers(ctx context.Context, number int) (*github.Reviewers, error) {
	asked, _, err := h.client.PullRequests.ListReviewers(ctx, h.owner, h.name, number)
	return asked, failed("read who was asked for a review", err)
}

func (h *Hub) reviews(ctx context.Context, number int) ([]*github.PullRequestReview, error) {
	reviews, err := all(func(page github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return h.client.PullRequests.ListReviews(ctx, h.owner, h.name, number, &page)
	})
	return reviews, failed("read the reviews", err)
}

// errCarries says that a pull request is not about the plan.
var errCarries = errors.New("the head of the pull request does not carry the manifest of this plan")

// carries holds the manifest at a commit against the digest that is approved.
func (h *Hub) carries(ctx context.Context, commit, digest string) error {
	file, _, res, err := h.client.Repositories.GetContents(ctx, h.owner, h.name, purge.Path(digest), &github.RepositoryContentGetOptions{Ref: commit})
	if res != nil && res.StatusCode == http.StatusNotFound || err == nil && file == nil {
		return errCarries
	}
	if err != nil {
		return failed("read the manifest", err)
	}
	blob, _, err := h.client.Git.GetBlob(ctx, h.owner, h.name, file.GetSHA()) // contents of more than 1 MB are not in the first answer
	if err != nil {
		return failed("read the manifest", err)
	}
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(blob.GetContent(), "\n", ""))
	if err != nil {
		return errors.New("read the manifest: GitHub sent it in an encoding that is not known")
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != digest {
		return errCarries
	}
	return nil
}
