// Package work is what the App does behind its door: it keeps deliveries together with
// the jobs that they ask for, has them worked off by River, and makes each commit's check
// run say what the questions about it came to. Every job may be cut off at any point and
// run again, also beside itself: what it writes is found again, and changes nothing twice.
package work

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// Options of [New]. Only Default, Verify, Fix, Count, Took, Replayed, Tracer, WriteFor and
// DoubtFor may be left out.
type Options struct {
	Store   *store.Store
	Hub     *hub.App
	Mirrors *mirror.Cache
	// World is that of every scan, but for the key: each account has one of its own that
	// comes from this one, so that nobody can tell that two have a credential in common.
	World inspect.World
	Log   *slog.Logger
	// Name tells processes that share a database apart. It is the same after a restart.
	Name string
	// Scans is how many ranges are judged at once. With 0 deliveries are kept and nothing is
	// worked off: other processes do that.
	Scans int
	// Histories is how many whole histories are scanned at once. With 0 other processes do that.
	Histories int
	// SweepEvery is after how long every installation is swept again; 0: only when asked for.
	SweepEvery time.Duration
	// Drain is how long running jobs may go on after the end was announced.
	Drain time.Duration
	// ReplayEvery is how often it is looked for deliveries that did not arrive.
	ReplayEvery time.Duration
	// CatchUpEvery is how often all open pull requests are looked through: GitHub forgets what it
	// could not deliver after three days, and whoever was away for longer finds them so. 0: never.
	CatchUpEvery time.Duration
	// PullEvery is how often deliveries are read from GitHub, in place of asking for those
	// that did not arrive. 0: they all come to the door.
	PullEvery time.Duration
	// ReverifyEvery is how often issuers are asked about one incident again; 0: never.
	ReverifyEvery time.Duration
	// WriteFor is how long a check run may be written at a time, and DoubtFor for how long
	// after its begin nobody can know what a write came to that was cut off. When 0, 15 s and 35 s.
	WriteFor, DoubtFor time.Duration
	// Keep is for how long things are kept.
	Keep Keep
	// Default is the stage of repositories of which no policy speaks and that have none of
	// their own. The zero value is silence.
	Default gate.Stage
	// Verify and Fix are what others can do for us; nil: nobody.
	Verify Verifier
	Fix    Fixer
	// Count is told of every conclusion that was reached.
	Count func(conclusion string)
	// Took is told how long after its delivery a milestone was reached, and Replayed how
	// many deliveries that did not arrive were read, or asked for again.
	Took     func(Milestone, time.Duration)
	Replayed func(deliveries int)
	// Tracer begins the spans of jobs.
	Tracer trace.Tracer
}

// Keep is for how long things are kept that nobody needs any more. What is 0 has its
// default.
type Keep struct {
	Deliveries time.Duration // after they came; 30 days, and never less than a week
	Verdicts   time.Duration // after the last question about a head ended; 180 days
	Incidents  time.Duration // after they were closed; two years
	Gone       time.Duration // everything of an installation, after the App was removed from it; 30 days
	Every      time.Duration // how often it is looked for what may go; an hour
}

const day = 24 * time.Hour

// filled fills the defaults in. GitHub delivers again for a week at most.
func (k Keep) filled() Keep {
	usual := func(d *time.Duration, days time.Duration) {
		if *d == 0 {
			*d = days * day
		}
	}
	usual(&k.Deliveries, 30)
	usual(&k.Verdicts, 180)
	usual(&k.Incidents, 730)
	usual(&k.Gone, 30)
	if k.Every == 0 {
		k.Every = time.Hour
	}
	k.Deliveries = max(k.Deliveries, 8*day)
	return k
}

// Engine keeps deliveries and works them off. Its methods may be called concurrently.
type Engine struct {
	Options
	river   *river.Client[*sql.Tx]
	release func() // of the name

	policies organisations

	mu       sync.Mutex
	replayed time.Time // how far deliveries were looked through

	unread unread // of the jobs that read deliveries
}

// The queues. What answers people is not held up by what takes long.
const (
	queueIngest = "ingest"
	queueScan   = "scan"
	queueReport = "report"
	queueUpkeep = "upkeep"
	queueReplay = "replay"
	queueCatch  = "catch-up"
	queuePull   = "pull"
	queueCare   = "care"

	queueHistory  = "history"
	queueTell     = "tell-history"
	queueReverify = "reverify"
)

// New brings the tables of the queue up to date and takes the name for this process. The
// name that another process has is [store.ErrBusy].
func New(ctx context.Context, o Options) (*Engine, error) {
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Took == nil {
		o.Took = func(Milestone, time.Duration) {}
	}
	if o.Replayed == nil {
		o.Replayed = func(int) {}
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.WriteFor == 0 || o.DoubtFor == 0 {
		o.WriteFor, o.DoubtFor = writeFor, doubtFor
	}
	o.Keep = o.Keep.filled()
	e := &Engine{Options: o}
	if err := Migrate(ctx, o.Store, o.Log); err != nil {
		return nil, err
	}
	if err := e.take(ctx); err != nil {
		return nil, err
	}
	var err error
	if e.river, err = river.NewClient(driver(o.Store), e.config()); err != nil {
		e.release()
		return nil, fmt.Errorf("set the queue up: %w", err)
	}
	return e, nil
}

// driver is that of the database; both take the transactions of database/sql.
func driver(s *store.Store) riverdriver.Driver[*sql.Tx] {
	if s.Postgres() {
		return riverdatabasesql.New(s.DB())
	}
	return riversqlite.New(s.DB())
}

func (e *Engine) config() *river.Config {
	if e.Scans == 0 {
		return &river.Config{ID: e.Name, Logger: e.Log, MaxAttempts: maxAttempts}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &ingester{e: e})
	river.AddWorker(workers, &asker{e: e})
	river.AddWorker(workers, &reporter{e: e})
	river.AddWorker(workers, &sarifWaiter{e: e})
	river.AddWorker(workers, &answerer{e: e})
	river.AddWorker(workers, &remediator{e: e})
	river.AddWorker(workers, &alerter{e: e})
	river.AddWorker(workers, &resolver{e: e})
	river.AddWorker(workers, &follower{e: e})
	river.AddWorker(workers, &reverifier{e: e})
	river.AddWorker(workers, &replayer{e: e})
	river.AddWorker(workers, &reconciler{e: e})
	river.AddWorker(workers, &catcher{e: e})
	river.AddWorker(workers, &openLooker{e: e})
	river.AddWorker(workers, &sweeper{e: e})
	river.AddWorker(workers, &historian{e: e})
	river.AddWorker(workers, &sweepsAll{e: e})
	river.AddWorker(workers, &teller{e: e})
	river.AddWorker(workers, &puller{e: e})
	river.AddWorker(workers, &forgetter{e: e})
	queues := map[string]river.QueueConfig{
		queueIngest: {MaxWorkers: 4}, queueReport: {MaxWorkers: 4}, queueUpkeep: {MaxWorkers: 1}, queueCatch: {MaxWorkers: 1}, queueTell: {MaxWorkers: 1}, queueReverify: {MaxWorkers: 1}, queueScan: {MaxWorkers: e.Scans}, queueCare: {MaxWorkers: 1},
	}
	if e.Histories > 0 {
		queues[queueHistory] = river.QueueConfig{MaxWorkers: e.Histories}
	}
	every := func(d time.Duration, args river.JobArgs) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(d), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	fetch := every(e.ReplayEvery, replayArgs{})
	queues[queueReplay] = river.QueueConfig{MaxWorkers: 1}
	if e.PullEvery > 0 {
		queues[queuePull] = river.QueueConfig{MaxWorkers: 1}
		fetch = every(e.PullEvery, pullArgs{})
	}
	periodic := []*river.PeriodicJob{fetch, every(reconcileEvery, reconcileArgs{}), every(reconcileEvery, resolveArgs{}), every(reconcileEvery, followArgs{}), every(e.Keep.Every, forgetArgs{})}
	if e.CatchUpEvery > 0 { // once in that time, however often processes start
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(e.CatchUpEvery), func() (river.JobArgs, *river.InsertOpts) {
			return catchUpArgs{}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: e.CatchUpEvery}}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	if e.SweepEvery > 0 {
		periodic = append(periodic, every(min(e.SweepEvery, sweepLook), sweepAllArgs{}))
	}
	if e.Verify != nil && e.ReverifyEvery > 0 {
		periodic = append(periodic, every(min(e.ReverifyEvery, reverifyLook), reverifyArgs{}))
	}
	return &river.Config{
		ID: e.Name, Logger: e.Log, Queues: queues, Workers: workers, MaxAttempts: maxAttempts, RetryPolicy: retries{},
		JobTimeout: time.Minute, RescueStuckJobsAfter: 2 * time.Minute, SoftStopTimeout: e.Drain, FetchPollInterval: pollEvery,
		PeriodicJobs: periodic,
	}
}

// sweepLook is how often it is looked whether a sweep is due.
const sweepLook = time.Hour

// pollEvery is how long a job waits at most for somebody to look, where nobody is told.
const pollEvery = 200 * time.Millisecond

// Run works jobs off until the context ends, and then gives those that run some time.
func (e *Engine) Run(ctx context.Context) error {
	defer func() { e.release() }() // as it is then: a name can be taken again
	if e.Scans == 0 {
		e.watch(ctx, ctx.Done())
		return nil
	}
	if err := e.river.Start(ctx); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	go e.tidy(ctx)
	e.watch(ctx, e.river.Stopped())
	return nil
}
