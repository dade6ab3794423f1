package work

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// tellArgs tell code scanning of a history that was looked at. It is a job of its own, as
// GitHub may want no upload for an hour, and nobody scans a history again for that.
type tellArgs struct {
	Sweep      int64 `json:"sweep"`
	Repository int64 `json:"repository"`
}

func (tellArgs) Kind() string { return "tell-history" }

func (tellArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueTell, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}
}

type teller struct {
	river.WorkerDefaults[tellArgs]
	e *Engine
}

func (w *teller) Work(ctx context.Context, job *river.Job[tellArgs]) error {
	return w.e.settle(ctx, "tell-history", w.e.tellHistory(ctx, job.Args, job.Attempt))
}

// toTell is what code scanning is to be told of a history until it is revoked: what stands
// in files in one category, and what is only in commits in another. Of a repository without
// findings it is told only where it was told of some before, so that those end.
func (e *Engine) toTell(ctx context.Context, s *hub.Session, r *store.Swept, rep *report.Report) (all []store.Analysis, err error) {
	head := rep.Result.Range.Head
	if rep.App.NoCodeScanning || change.IsZero(head) {
		return nil, nil
	}
	open, before, err := e.stillOpen(ctx, r.Repository, rep)
	if err != nil || len(open) == 0 && !before || before && r.State == store.PassIncomplete { // what was missed would be closed
		return nil, err
	}
	of := *rep
	of.Verdict.Findings = open
	for _, category := range []string{report.CategoryHead, report.CategoryHistory} {
		log, err := sarifLog(&of, category, fmt.Sprintf("sweep-%d", r.Sweep))
		if err != nil {
			return nil, err
		}
		packed, err := pack(log)
		if err != nil {
			return nil, err
		}
		all = append(all, store.Analysis{Sweep: r.Sweep, Repository: r.Repository, Category: category, Ref: "refs/heads/" + s.Branch, SHA: head, Log: packed})
	}
	return all, nil
}

// keepToTell keeps what is to be told, with the job that does so.
func (e *Engine) keepToTell(ctx context.Context, t *store.Tx, all []store.Analysis) error {
	for _, a := range all {
		if err := t.KeepAnalysis(ctx, a); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	_, err := e.enqueue(ctx, t, tellArgs{all[0].Sweep, all[0].Repository})
	return err
}

// retell gives a job to what is to be told and has none any more.
func (e *Engine) retell(ctx context.Context, t *store.Tx) error {
	all, err := t.UntoldHistories(ctx)
	for _, r := range all {
		if err == nil {
			_, err = e.enqueue(ctx, t, tellArgs{r.Sweep, r.Repository})
		}
	}
	return err
}

// tellHistory tells what is kept. A repository that is not enrolled hears nothing. What
// GitHub refuses for good, or for too long, is not told: the next sweep has another word.
func (e *Engine) tellHistory(ctx context.Context, a tellArgs, attempt int) error {
	var all []store.Analysis
	installation := int64(0)
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		if all, err = t.Analyses(ctx, a.Sweep, a.Repository); err == nil && len(all) > 0 {
			installation, err = t.SweptOf(ctx, a.Sweep)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	err = untilLetIn(e.tellAll(ctx, installation, a.Repository, all))
	if _, later := hub.AsLater(err); later || ctx.Err() != nil || errors.Is(err, store.ErrBusy) {
		return err
	}
	final := errors.Is(err, hub.ErrNoCodeScanning) || errors.Is(err, hub.ErrRejected) || errors.Is(err, hub.ErrGone) || errors.Is(err, errSilent)
	if err == nil || !final && attempt < patientAttempts {
		return err
	}
	if !errors.Is(err, hub.ErrNoCodeScanning) && !errors.Is(err, errSilent) {
		e.Log.Warn("code scanning was not told", "repository", a.Repository, "sha", all[0].SHA, "error", inspect.Clean(err.Error()))
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.DropAnalyses(ctx, a.Sweep, a.Repository) })
}

// errSilent: nobody asked to hear of the repository.
var errSilent = errors.New("the repository is not enrolled at warn or block")

func (e *Engine) tellAll(ctx context.Context, installation, repository int64, all []store.Analysis) error {
	s, err := e.Hub.Open(ctx, installation, repository, hub.ToUpload())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	stage, _, err := e.stage(ctx, facts{Installation: installation, Repository: repository, Name: s.FullName()})
	if err == nil && stage < gate.Warning {
		err = errSilent
	}
	if err != nil {
		return err
	}
	for _, a := range all {
		log, err := unpack(a.Log)
		if err != nil {
			return err
		}
		if err := e.send(ctx, s, hub.Analysis{Ref: a.Ref, SHA: a.SHA, Log: log}, func(t *store.Tx) error { return t.TellAnalysis(ctx, a) }); err != nil {
			return err
		}
	}
	return nil
}

// send uploads an analysis, and keeps in one transaction that it did and the job that waits
// for what GitHub makes of it.
func (e *Engine) send(ctx context.Context, s *hub.Session, a hub.Analysis, also func(*store.Tx) error) error {
	u, err := s.UploadSARIF(ctx, a)
	if err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if _, err := e.enqueue(ctx, t, sarifArgs{s.Installation, s.Repository, u}); err != nil {
			return err
		}
		return also(t)
	})
}

// sarifLog is a report in one category.
func sarifLog(r *report.Report, category, run string) ([]byte, error) {
	of := *r
	of.Category, of.RunID = category, run
	var log bytes.Buffer
	err := report.Write(&log, "sarif", &of)
	return log.Bytes(), err
}

func pack(log []byte) (string, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(log)
	err = errors.Join(err, zip.Close())
	return base64.StdEncoding.EncodeToString(packed.Bytes()), err
}

func unpack(text string) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip) // what we packed ourselves
}
