package work

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// sarifArgs are an upload of which GitHub has not said yet what it makes of it.
type sarifArgs struct {
	Installation int64      `json:"installation"`
	Repository   int64      `json:"repository"`
	Upload       hub.Upload `json:"upload"`
}

func (sarifArgs) Kind() string { return "sarif" }

func (sarifArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueReport} }

type sarifWaiter struct {
	river.WorkerDefaults[sarifArgs]
	e *Engine
}

func (w *sarifWaiter) Work(ctx context.Context, job *river.Job[sarifArgs]) error {
	return w.e.settle(ctx, "sarif", w.e.processed(ctx, job.Args))
}

// processed waits for GitHub to make alerts of an upload.
func (e *Engine) processed(ctx context.Context, a sarifArgs) error {
	s, err := e.Hub.Open(ctx, a.Installation, a.Repository, hub.ToUpload())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	if err = s.Processed(ctx, a.Upload); errors.Is(err, hub.ErrRejected) {
		return fmt.Errorf("%w: %w", errGiveUp, err)
	}
	return err
}

// alerts sends what was found in a pull request to code scanning: what stands in a file at
// head in one category, and what is only in history in another, as GitHub takes what is in
// no file for fixed. Only pull requests are sent: an analysis of a branch replaces the one
// before it, and a push is not all of a branch. That a repository takes none is no fault of
// a scan; any other reason is told in the check run.
func (e *Engine) alerts(ctx context.Context, tip store.Tip, body question, r *report.Report) (told string) {
	if body.Pull == 0 || body.Stage < gate.Warning || r.App.NoCodeScanning {
		return ""
	}
	err := e.sendAlerts(ctx, tip, body, r)
	if err == nil || errors.Is(err, hub.ErrNoCodeScanning) {
		return ""
	}
	text := inspect.Clean(err.Error())
	e.Log.Warn("code scanning was not told", "repository", tip.Repository, "sha", tip.SHA, "error", text)
	return "- code scanning was not told of it\n"
}

func (e *Engine) sendAlerts(ctx context.Context, tip store.Tip, body question, r *report.Report) error {
	return e.upload(ctx, upload{tip.Installation, tip.Repository, fmt.Sprintf("refs/pull/%d/head", body.Pull), tip.SHA, fmt.Sprintf("%s-%d", tip.SHA, tip.Attempt)}, r)
}

// upload is where an analysis belongs.
type upload struct {
	installation, repository int64
	ref, sha, run            string
}

// upload sends a report to code scanning, in both categories.
func (e *Engine) upload(ctx context.Context, to upload, r *report.Report) error {
	s, err := e.Hub.Open(ctx, to.installation, to.repository, hub.ToUpload())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	for _, category := range []string{report.CategoryHead, report.CategoryHistory} {
		log, err := sarifLog(r, category, to.run)
		if err != nil {
			return err
		}
		if err := e.send(ctx, s, hub.Analysis{Ref: to.ref, SHA: to.sha, Log: log}, func(*store.Tx) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
