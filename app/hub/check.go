package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/report"
)

// CheckName is the name under which branch protection knows our check runs.
const CheckName = "leakgate"

// Statuses of a check run.
const (
	Queued     = "queued"
	InProgress = "in_progress"
	Completed  = "completed"
)

// Run is a check run, found again by its ExternalID at its commit.
type Run struct {
	ExternalID string // our own id of the scan: another scan of the same commit has another
	SHA        string
	Status     string
	Conclusion string // of a completed run: success, failure, neutral, cancelled, skipped, timed_out, action_required
	DetailsURL string // "" for none
	Started    time.Time
	Completed  time.Time
	// ID is GitHub's number of the run, where it is known: a run that was just made may be
	// missing from lists. 0: it is looked for by the ExternalID.
	ID int64
	// NoCreate has a run that is not there be [ErrNoRun], because somebody may be making it.
	NoCreate bool
}

// ErrNoRun says that there is no check run (yet), and that none was to be made.
var ErrNoRun = errors.New("there is no check run of this external id")

// annotationBatch is what one request may add: https://docs.github.com/rest/checks/runs#update-a-check-run
const annotationBatch = 50

// PutCheck makes a check run, or makes the one with this external id so. It may be called
// again after any error: annotations are only ever added at GitHub, so those that are
// there already are not sent again, and a run that is as it should be is left alone. The
// caller sees to it that nobody who knows less writes the same run at the same time or later.
func (s *Session) PutCheck(ctx context.Context, run Run, out report.Check) (int64, error) {
	if run.ExternalID == "" {
		return 0, errors.New("a check run without an external id could not be found again")
	}
	if (run.Status == Completed) != (run.Conclusion != "") {
		return 0, fmt.Errorf("a check run that is %s has the conclusion %q", run.Status, run.Conclusion)
	}
	there, err := s.findCheck(ctx, run)
	if err != nil {
		return 0, fmt.Errorf("look for the check run of %.10s in %s: %w", run.SHA, s.FullName(), err)
	}
	if there == nil && run.NoCreate {
		return 0, ErrNoRun
	}
	if there == nil {
		if there, err = s.createCheck(ctx, run, out); err != nil {
			return 0, fmt.Errorf("create the check run of %.10s in %s: %w", run.SHA, s.FullName(), err)
		}
		if there.GetStatus() == run.Status {
			return there.GetID(), nil
		}
	}
	if there.GetStatus() == Completed && there.GetConclusion() == run.Conclusion && says(there.GetOutput(), out) {
		return there.GetID(), nil
	}
	if err := s.updateCheck(ctx, there, run, out); err != nil {
		return 0, fmt.Errorf("update the check run of %.10s in %s: %w", run.SHA, s.FullName(), err)
	}
	return there.GetID(), nil
}

// says reports whether a run says what it should.
func says(is *github.CheckRunOutput, out report.Check) bool {
	return is.GetTitle() == out.Title && is.GetSummary() == out.Summary && is.GetText() == out.Text && is.GetAnnotationsCount() >= len(out.Annotations)
}

// findCheck reads the run by its number, or looks through our own runs at the commit.
func (s *Session) findCheck(ctx context.Context, run Run) (*github.CheckRun, error) {
	if run.ID != 0 {
		k, resp, err := s.GitHub.Checks.GetCheckRun(ctx, s.Owner, s.Name, run.ID)
		if err == nil && k.GetExternalID() == run.ExternalID || err != nil && (resp == nil || resp.StatusCode != http.StatusNotFound) {
			return k, err
		}
	}
	opts := &github.ListCheckRunsOptions{CheckName: github.Ptr(CheckName), Filter: github.Ptr("all"), AppID: github.Ptr(s.app.ID), ListOptions: github.ListOptions{PerPage: 100}}
	for {
		list, resp, err := s.GitHub.Checks.ListCheckRunsForRef(ctx, s.Owner, s.Name, run.SHA, opts)
		if err != nil {
			return nil, err
		}
		for _, k := range list.CheckRuns {
			if k.GetExternalID() == run.ExternalID {
				return k, nil
			}
		}
		if resp.NextPage == 0 {
			return nil, nil
		}
		opts.Page = resp.NextPage
	}
}

// createCheck makes a run with what fits into one request. With more it is in progress
// first. It does not begin after the deadline, however late the process is told of that:
// then somebody else may make the run.
func (s *Session) createCheck(ctx context.Context, run Run, out report.Check) (*github.CheckRun, error) {
	body := github.CreateCheckRunOptions{Name: CheckName, HeadSHA: run.SHA, ExternalID: &run.ExternalID, DetailsURL: orNil(run.DetailsURL), Status: &run.Status}
	body.StartedAt = stamp(run.Started)
	first := out.Annotations[:min(len(out.Annotations), annotationBatch)]
	body.Output = output(out, first)
	if len(first) < len(out.Annotations) {
		body.Status = github.Ptr(InProgress)
	} else {
		body.Conclusion, body.CompletedAt, body.Actions = orNil(run.Conclusion), completed(run), buttons(out)
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return nil, context.DeadlineExceeded
	}
	k, _, err := s.GitHub.Checks.CreateCheckRun(ctx, s.Owner, s.Name, body)
	return k, err
}

// updateCheck adds the annotations that are not there yet, and with the last of them the
// conclusion.
func (s *Session) updateCheck(ctx context.Context, there *github.CheckRun, run Run, out report.Check) error {
	left := out.Annotations[min(len(out.Annotations), there.GetOutput().GetAnnotationsCount()):]
	for {
		part := left[:min(len(left), annotationBatch)]
		left = left[len(part):]
		body := github.UpdateCheckRunOptions{Name: CheckName, DetailsURL: orNil(run.DetailsURL), Status: github.Ptr(InProgress), Output: output(out, part)}
		if len(left) == 0 {
			body.Status, body.Conclusion, body.CompletedAt, body.Actions = &run.Status, orNil(run.Conclusion), completed(run), buttons(out)
		}
		if _, _, err := s.GitHub.Checks.UpdateCheckRun(ctx, s.Owner, s.Name, there.GetID(), body); err != nil || len(left) == 0 {
			return err
		}
	}
}

func output(out report.Check, annotations []report.Annotation) *github.CheckRunOutput {
	o := &github.CheckRunOutput{Title: &out.Title, Summary: &out.Summary, Text: orNil(out.Text)}
	for _, a := range annotations {
		k := &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.StartLine, EndLine: &a.EndLine, AnnotationLevel: &a.Level, Title: &a.Title, Message: &a.Message,
		}
		if a.StartLine == a.EndLine && a.StartColumn > 0 && a.EndColumn >= a.StartColumn { // GitHub refuses columns across lines
			k.StartColumn, k.EndColumn = &a.StartColumn, &a.EndColumn
		}
		o.Annotations = append(o.Annotations, k)
	}
	return o
}

func buttons(out report.Check) []*github.CheckRunAction {
	var list []*github.CheckRunAction
	for _, b := range out.Buttons {
		list = append(list, &github.CheckRunAction{Label: b.Label, Description: b.Description, Identifier: b.ID})
	}
	return list
}

func completed(run Run) *github.Timestamp {
	if run.Status != Completed {
		return nil
	}
	return stamp(run.Completed)
}

func stamp(t time.Time) *github.Timestamp {
	if t.IsZero() {
		return nil
	}
	return &github.Timestamp{Time: t.UTC().Truncate(time.Second)}
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
