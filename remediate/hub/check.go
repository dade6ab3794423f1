package hub

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-github/v89/github"
)

// CheckName is that of the check that a plan can be made again.
const CheckName = "leakgate: plan reproducible"

// Outcome is how a check ended. The zero Outcome is that nobody could tell.
type Outcome struct {
	Told bool   // it was found out
	Same bool   // and the ids are the same
	Why  string // one sentence without a value
}

// Report shows an outcome on the head of the pull request of a plan: as a check run
// with the token of an App, else as a commit status, since GitHub takes check
// runs from nobody else.
func (h *Hub) Report(ctx context.Context, digest string, o Outcome) error {
	pr, err := h.asking(ctx, digest)
	if err != nil {
		return err
	}
	if h.app != 0 {
		return h.run(ctx, pr.GetHead().GetSHA(), digest, o)
	}
	state := "error"
	if o.Told {
		state = map[bool]string{true: "success", false: "failure"}[o.Same]
	}
	_, _, err = h.client.Repositories.CreateStatus(ctx, h.owner, h.name, pr.GetHead().GetSHA(), github.RepoStatus{State: &state, Context: github.Ptr(CheckName), Description: github.Ptr(clip(o.Why, 140))})
	return failed("write the status of the check", err)
}

// run writes a check run, over the one that is there of this plan.
func (h *Hub) run(ctx context.Context, sha, digest string, o Outcome) error {
	conclusion := "action_required"
	if o.Told {
		conclusion = map[bool]string{true: "success", false: "failure"}[o.Same]
	}
	output := &github.CheckRunOutput{Title: github.Ptr(clip(o.Why, 255)), Summary: github.Ptr(fmt.Sprintf("%s\n\nPlan %s", plain(o.Why), span(digest)))}
	there, _, err := h.client.Checks.ListCheckRunsForRef(ctx, h.owner, h.name, sha, &github.ListCheckRunsOptions{CheckName: github.Ptr(CheckName), AppID: &h.app})
	if err != nil {
		return failed("look for the check", err)
	}
	for _, k := range there.CheckRuns {
		if k.GetExternalID() == digest {
			_, _, err := h.client.Checks.UpdateCheckRun(ctx, h.owner, h.name, k.GetID(), github.UpdateCheckRunOptions{Name: CheckName, Status: github.Ptr("completed"), Conclusion: &conclusion, Output: output})
			return failed("write the check", err)
		}
	}
	_, _, err = h.client.Checks.CreateCheckRun(ctx, h.owner, h.name, github.CreateCheckRunOptions{Name: CheckName, HeadSHA: sha, ExternalID: &digest, Status: github.Ptr("completed"), Conclusion: &conclusion, Output: output})
	if status(err) == http.StatusForbidden {
		return failed("write the check, which takes the token of an App that may write checks", err)
	}
	return failed("write the check", err)
}

func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
