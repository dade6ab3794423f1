package purge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/store"
)

// Branch is the branch that asks for a plan, Path where the manifest stands in it.
func Branch(digest string) string { return branchOf(digest) }

// Path is where the manifest of a plan stands in a repository.
func Path(digest string) string { return Folder + "/" + digest[:16] + ".json" }

// Reviews is where people judge a proposal, as a forge with pull requests.
type Reviews interface {
	// Verdicts are the last words of everybody who judged the proposal of a plan, as they
	// stand now. An error means that nobody could tell, or that it asks for the plan no more;
	// [ErrNoProposal] that there is none, or that it was closed without a merge.
	Verdicts(ctx context.Context, digest string) ([]Verdict, error)
}

// Verdict is one person's word on a proposal.
type Verdict struct {
	Pull   int    `json:"pull"`
	Review int64  `json:"review"`
	User   int64  `json:"user"`
	Login  string `json:"login"` // as it was; people are told apart by User
	Head   string `json:"head"`  // the commit that was judged
	Stops  bool   `json:"-"`     // it asks for changes
	Fault  string `json:"-"`     // why it approves nothing; "" when it does
}

// kindReview keeps what was read from reviews apart from signed approvals.
const kindReview = "review"

// reviewed is an approval that was read from a review.
type reviewed struct {
	Plan    string  `json:"plan"`
	By      string  `json:"by"` // the approver, as the operator names him
	Verdict Verdict `json:"verdict"`
}

// ErrNoProposal says that there is no proposal of a plan, or that it was withdrawn.
var ErrNoProposal = errors.New("nothing asks for this plan")

// errNoReviews says that nobody can read the reviews.
var errNoReviews = errors.New("reviews approve only where a GitHub is named: [rewrite] github, or --github")

// ApproveFromReviews keeps the approvals that reviews are, by the operator's list of
// approvers. It says whose count, and of each other review why not. They are read
// again when the plan is applied.
func (e *Engine) ApproveFromReviews(ctx context.Context, digest string) (by []string, faults []error, err error) {
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	if e.Reviews == nil {
		return nil, nil, errNoReviews
	}
	if err := errors.Join(e.ours(m), m.younger(e.Now())); err != nil {
		return nil, nil, err
	}
	verdicts, err := e.Reviews.Verdicts(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range verdicts {
		name, err := e.counts(m, v)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		body, err := json.Marshal(reviewed{Plan: digest, By: name, Verdict: v})
		if err != nil {
			return nil, nil, fmt.Errorf("encode approval: %w", err)
		}
		if err := e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepApproval(ctx, digest, name, kindReview, body) }); err != nil {
			return nil, nil, err
		}
		by = append(by, name)
	}
	return by, faults, nil
}

// counts names the approver whose word a verdict is.
func (e *Engine) counts(m *Manifest, v Verdict) (string, error) {
	if v.Fault != "" {
		return "", fmt.Errorf("the review of %s does not count: %s", v.Login, v.Fault)
	}
	name, err := e.Policy.Reviewer(v.User, m.Requester)
	if err != nil {
		return "", fmt.Errorf("the review of %s does not count: %w", v.Login, err)
	}
	return name, nil
}

// stillReviewed adds the approvers whose kept reviews are as they were. While one of the
// approvers asks for changes nothing is approved.
func (e *Engine) stillReviewed(ctx context.Context, bodies [][]byte, m *Manifest, digest string, valid map[string]bool) (faults []error, err error) {
	kept := keptReviews(bodies, digest)
	if e.Reviews == nil {
		if len(kept) > 0 {
			faults = append(faults, errNoReviews)
		}
		return faults, nil
	}
	verdicts, err := e.Reviews.Verdicts(ctx, digest)
	if errors.Is(err, ErrNoProposal) && len(kept) == 0 {
		return nil, nil // approvals by key need none
	}
	if err != nil {
		return nil, fmt.Errorf("read the reviews again: %w", err)
	}
	now := map[int64]Verdict{}
	for _, v := range verdicts {
		if _, err := e.Policy.Reviewer(v.User, m.Requester); v.Stops && err == nil {
			return nil, fmt.Errorf("%s asks for changes in pull request %d", v.Login, v.Pull)
		}
		now[v.Review] = v
	}
	for _, k := range kept {
		v, ok := now[k.Verdict.Review]
		if !ok || v.Head != k.Verdict.Head || v.User != k.Verdict.User {
			faults = append(faults, fmt.Errorf("the review of %s is not there any more, or another took its place: leakgate rewrite approve --from-reviews %s", k.By, digest))
			continue
		}
		name, err := e.counts(m, v)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		valid[name] = true
	}
	return faults, nil
}

func keptReviews(bodies [][]byte, digest string) (kept []reviewed) {
	for _, body := range bodies {
		var k reviewed
		if json.Unmarshal(body, &k) == nil && k.Plan == digest && k.Verdict.Review != 0 {
			kept = append(kept, k)
		}
	}
	return kept
}
