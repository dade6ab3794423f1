// Package work is what the App does behind its door: it keeps deliveries together with
// the jobs that they ask for, has them worked off by River, and makes each commit's check
// run say what the questions about it came to. Every job may be cut off at any point and
// run again, also beside itself: what it writes is found again, and changes nothing twice.
package work

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// Options of [New]. Only Default, Verify, Fix, Count, WriteFor and DoubtFor may be left out.
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
	// Drain is how long running jobs may go on after the end was announced.
	Drain time.Duration
	// ReplayEvery is how often GitHub is asked for deliveries that did not arrive.
	ReplayEvery time.Duration
	// WriteFor is how long a check run may be written at a time, and DoubtFor for how long
	// after its begin nobody can know what a write came to that was cut off. When 0, 15 s and 35 s.
	WriteFor, DoubtFor time.Duration
	// Default is the stage of repositories of which no policy speaks and that have none of
	// their own. The zero value is silence.
	Default gate.Stage
	// Verify and Fix are what others can do for us; nil: nobody.
	Verify Verifier
	Fix    Fixer
	// Count is told of every conclusion that was reached.
	Count func(conclusion string)
}

// Engine keeps deliveries and works them off. Its methods may be called concurrently.
type Engine struct {
	Options
	river   *river.Client[*sql.Tx]
	release func() // of the name

	policies organisations

	mu       sync.Mutex
	replayed time.Time // how far deliveries were looked through
}

// The queues. What answers people is not held up by what takes long.
const (
	queueIngest = "ingest"
	queueScan   = "scan"
	queueReport = "report"
	queueUpkeep = "upkeep"
)

// New brings the tables of the queue up to date and takes the name for this process. The
// name that another process has is [store.ErrBusy].
func New(ctx context.Context, o Options) (*Engine, error) {
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.WriteFor == 0 || o.DoubtFor == 0 {
		o.WriteFor, o.DoubtFor = writeFor, doubtFor
	}
	e := &Engine{Options: o}
	if err := e.migrate(ctx); err != nil {
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
	river.AddWorker(workers, &scanner{e: e})
	river.AddWorker(workers, &reporter{e: e})
	river.AddWorker(workers, &sarifWaiter{e: e})
	river.AddWorker(workers, &answerer{e: e})
	river.AddWorker(workers, &replayer{e: e})
	river.AddWorker(workers, &reconciler{e: e})
	queues := map[string]river.QueueConfig{
		queueIngest: {MaxWorkers: 4}, queueReport: {MaxWorkers: 4}, queueUpkeep: {MaxWorkers: 1}, queueScan: {MaxWorkers: e.Scans},
	}
	every := func(d time.Duration, args river.JobArgs) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(d), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return &river.Config{
		ID: e.Name, Logger: e.Log, Queues: queues, Workers: workers, MaxAttempts: maxAttempts, RetryPolicy: retries{},
		JobTimeout: time.Minute, RescueStuckJobsAfter: 2 * time.Minute, SoftStopTimeout: e.Drain, FetchPollInterval: pollEvery,
		PeriodicJobs: []*river.PeriodicJob{every(e.ReplayEvery, replayArgs{}), every(reconcileEvery, reconcileArgs{})},
	}
}

// pollEvery is how long a job waits at most for somebody to look, where nobody is told.
const pollEvery = 200 * time.Millisecond

// migrate is done by one process at a time.
func (e *Engine) migrate(ctx context.Context) error {
	release, err := e.wait(ctx, "queue schema")
	if err != nil {
		return err
	}
	defer release()
	migrator, err := rivermigrate.New(driver(e.Store), &rivermigrate.Config{Logger: e.Log})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("bring the tables of the queue up to date: %w", err)
	}
	return nil
}

// patience is how long to wait for who has a name: a server that was killed has its
// connection for some more seconds.
const patience = 30 * time.Second

func (e *Engine) wait(ctx context.Context, name string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		release, err = e.Store.Exclusive(context.WithoutCancel(ctx), name)
		if !errors.Is(err, store.ErrBusy) {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// take makes sure that nobody else works under this name, on SQLite nobody at all, and
// frees what a process of this name was working at when it was killed.
func (e *Engine) take(ctx context.Context) error {
	name := "serve"
	if e.Store.Postgres() {
		name = "serve " + e.Name
	}
	release, err := e.wait(ctx, name)
	if errors.Is(err, store.ErrBusy) {
		return fmt.Errorf("%w: another process serves this database as %q; only PostgreSQL takes several, each with its own --name", err, e.Name)
	}
	if err != nil {
		return err
	}
	e.release = release
	if err := e.free(ctx, e.Name); err != nil {
		release()
		return err
	}
	return nil
}

// free has the jobs start again that a process of a name was working at when it ended.
// River's own rescue waits as long as a job may run. Its tables say who had a job:
// https://riverqueue.com/docs/maintenance-services#rescuer
func (e *Engine) free(ctx context.Context, name string) error {
	query, args := `UPDATE river_job SET state = 'available' WHERE state = 'running'`, []any{}
	if e.Store.Postgres() {
		query, args = query+` AND attempted_by[array_upper(attempted_by, 1)] = $1`, []any{name}
	}
	result, err := e.Store.DB().ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("free the jobs of %q: %w", name, err)
	}
	if n, err := result.RowsAffected(); err == nil && n > 0 {
		e.Log.Info("jobs that were cut off start again", "of", name, "count", n)
	}
	return nil
}

// freeLost frees the jobs of processes that do not come back: nobody has their name.
func (e *Engine) freeLost(ctx context.Context) error {
	if !e.Store.Postgres() {
		return nil
	}
	names, err := e.atWork(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		release, err := e.Store.Exclusive(ctx, "serve "+name)
		if errors.Is(err, store.ErrBusy) {
			continue
		}
		if err == nil {
			err = e.free(ctx, name)
			release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// atWork are the names of the processes that have jobs, except for this one.
func (e *Engine) atWork(ctx context.Context) (names []string, err error) {
	rows, err := e.Store.DB().QueryContext(ctx,
		`SELECT DISTINCT attempted_by[array_upper(attempted_by, 1)] FROM river_job WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] <> $1`, e.Name)
	if err != nil {
		return nil, fmt.Errorf("look who is at work: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// Run works jobs off until the context ends, and then gives those that run some time.
func (e *Engine) Run(ctx context.Context) error {
	defer e.release()
	if e.Scans == 0 {
		<-ctx.Done()
		return nil
	}
	if err := e.river.Start(ctx); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	<-e.river.Stopped()
	return nil
}
