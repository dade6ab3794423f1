package work

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// The arguments of jobs are ids alone: they are kept in the clear.
type (
	ingestArgs struct {
		GUID string `json:"guid"`
	}
	scanArgs struct {
		Question int64 `json:"question"`
	}
	reportArgs struct {
		Tip int64 `json:"tip"`
		At  int64 `json:"at,omitempty"` // tells the jobs that wait for a time apart, in microseconds
	}
	replayArgs    struct{}
	reconcileArgs struct{}
)

func (ingestArgs) Kind() string    { return "ingest" }
func (scanArgs) Kind() string      { return "scan" }
func (reportArgs) Kind() string    { return "report" }
func (replayArgs) Kind() string    { return "replay" }
func (reconcileArgs) Kind() string { return "reconcile" }

func (ingestArgs) InsertOpts() river.InsertOpts    { return river.InsertOpts{Queue: queueIngest} }
func (scanArgs) InsertOpts() river.InsertOpts      { return river.InsertOpts{Queue: queueScan} }
func (reportArgs) InsertOpts() river.InsertOpts    { return river.InsertOpts{Queue: queueReport} }
func (replayArgs) InsertOpts() river.InsertOpts    { return river.InsertOpts{Queue: queueReplay} }
func (reconcileArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueUpkeep} }

// unfinished are the states in which another periodic job of a kind would do the same.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// One worker a kind of job. The time a scan may take is that of a first fetch, too.
type (
	ingester struct {
		river.WorkerDefaults[ingestArgs]
		e *Engine
	}
	asker struct {
		river.WorkerDefaults[scanArgs]
		e *Engine
	}
	reporter struct {
		river.WorkerDefaults[reportArgs]
		e *Engine
	}
	replayer struct {
		river.WorkerDefaults[replayArgs]
		e *Engine
	}
	reconciler struct {
		river.WorkerDefaults[reconcileArgs]
		e *Engine
	}
)

func (*asker) Timeout(*river.Job[scanArgs]) time.Duration { return 40 * time.Minute }

func (w *ingester) Work(ctx context.Context, job *river.Job[ingestArgs]) error {
	return w.e.settle(ctx, "ingest", w.e.ingest(ctx, job.Args.GUID))
}

func (w *asker) Work(ctx context.Context, job *river.Job[scanArgs]) error {
	return w.e.settle(ctx, "scan", w.e.scan(ctx, job.Args.Question, job.Attempt))
}

func (w *reporter) Work(ctx context.Context, job *river.Job[reportArgs]) error {
	return w.e.settle(ctx, "report", w.e.report(ctx, job.Args.Tip, job.Attempt))
}

func (w *replayer) Work(ctx context.Context, _ *river.Job[replayArgs]) error {
	return w.e.settle(ctx, "replay", w.e.replay(ctx))
}

func (w *reconciler) Work(ctx context.Context, _ *river.Job[reconcileArgs]) error {
	return w.e.settle(ctx, "reconcile", w.e.reconcile(ctx))
}

// settle says what becomes of a job by how it ended: what will never work is given up,
// what GitHub does not want now waits without counting, and the rest is tried again.
func (e *Engine) settle(ctx context.Context, kind string, err error) error {
	if err == nil {
		return nil
	}
	if there, is := errors.AsType[*elsewhere](err); is {
		if err = e.transfer(ctx, there.installation, there.repository); err == nil || errors.Is(err, hub.ErrGone) { // it is not as the job was told before
			return river.JobSnooze(time.Second)
		}
	}
	if later, is := hub.AsLater(err); is {
		wait := max(time.Until(later.At), time.Second)
		e.Log.Info("a job waits for GitHub", "kind", kind, "why", later.Why, "wait", wait.Round(time.Second).String())
		return river.JobSnooze(wait)
	}
	switch {
	case errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely):
		return river.JobCancel(errors.New("nobody waits for it any more"))
	case errors.Is(ctx.Err(), context.Canceled): // the process ends
		return river.JobSnooze(0)
	case errors.Is(err, store.ErrBusy) || errors.Is(err, mirror.ErrInUse):
		return river.JobSnooze(time.Second)
	}
	// River keeps the text in the clear.
	text := inspect.Clean(err.Error())
	if errors.Is(err, hub.ErrGone) || errors.Is(err, errGiveUp) {
		e.Log.Warn("a job is given up", "kind", kind, "error", text)
		return river.JobCancel(errors.New(text))
	}
	e.Log.Warn("a job is tried again", "kind", kind, "error", text)
	return errors.New(text)
}

// letInLook is how often a job that nobody puts in again looks whether its installation is
// suspended still.
const letInLook = time.Hour

// untilLetIn has such a job wait where others are given up.
func untilLetIn(err error) error {
	if !errors.Is(err, hub.ErrSuspended) {
		return err
	}
	return &hub.Later{At: time.Now().Add(letInLook), Why: "the installation is suspended"}
}

// errGiveUp marks what trying again does not help.
var errGiveUp = errors.New("given up")

// maxAttempts of a job, which are one a minute: more than a day.
const maxAttempts = 1600

// retries has failed jobs come back soon at first and each minute later, so that an hour
// in which GitHub or the database is away is made good in minutes.
type retries struct{}

// NextRetry implements [river.ClientRetryPolicy].
func (retries) NextRetry(job *rivertype.JobRow) time.Time {
	wait := min(time.Second<<min(len(job.Errors), 6), time.Minute)
	return time.Now().Add(wait + rand.N(wait/4))
}

// enqueue puts a job into the transaction in which its reason is kept.
func (e *Engine) enqueue(ctx context.Context, t *store.Tx, args river.JobArgs) (int64, error) {
	done, err := e.river.InsertTx(ctx, t.Tx, args, nil)
	if err != nil {
		return 0, fmt.Errorf("queue a job: %w", err)
	}
	return done.Job.ID, nil
}

// tell has a job tell people what is said of a head now, unless one waits that has not
// begun: it reads what is said when it begins. On PostgreSQL the one that waits is locked,
// and so begins after this transaction; on SQLite nobody begins one meanwhile.
func (e *Engine) tell(ctx context.Context, t *store.Tx, tip int64) error {
	query := `SELECT id FROM river_job WHERE state = 'available' AND queue = ? AND kind = ? AND json_extract(args, '$.tip') = ? LIMIT 1`
	if e.Store.Postgres() {
		query = `SELECT id FROM river_job WHERE state = 'available' AND queue = $1 AND kind = $2 AND (args->>'tip')::bigint = $3 LIMIT 1 FOR UPDATE SKIP LOCKED`
	}
	var id int64
	err := t.QueryRowContext(ctx, query, queueReport, reportArgs{}.Kind(), tip).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = e.enqueue(ctx, t, reportArgs{Tip: tip})
	return err
}

// tellAt has a job look at a head again at a time. Jobs for the same time are one.
func (e *Engine) tellAt(ctx context.Context, t *store.Tx, tip int64, at time.Time) error {
	opts := &river.InsertOpts{ScheduledAt: at, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}
	if _, err := e.river.InsertTx(ctx, t.Tx, reportArgs{Tip: tip, At: at.UnixMicro()}, opts); err != nil {
		return fmt.Errorf("queue a job: %w", err)
	}
	return nil
}
