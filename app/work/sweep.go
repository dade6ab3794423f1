package work

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// The jobs of sweeps: one finds the repositories out, and then there is one for each.
type (
	sweepArgs struct {
		Sweep int64 `json:"sweep"`
	}
	historyArgs struct {
		Sweep      int64 `json:"sweep"`
		Repository int64 `json:"repository"`
	}
	sweepAllArgs struct{}
)

func (sweepArgs) Kind() string    { return "sweep" }
func (historyArgs) Kind() string  { return "history" }
func (sweepAllArgs) Kind() string { return "sweep-all" }

func (sweepArgs) InsertOpts() river.InsertOpts    { return river.InsertOpts{Queue: queueUpkeep} }
func (historyArgs) InsertOpts() river.InsertOpts  { return river.InsertOpts{Queue: queueHistory} }
func (sweepAllArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueUpkeep} }

type (
	sweeper struct {
		river.WorkerDefaults[sweepArgs]
		e *Engine
	}
	historian struct {
		river.WorkerDefaults[historyArgs]
		e *Engine
	}
	sweepsAll struct {
		river.WorkerDefaults[sweepAllArgs]
		e *Engine
	}
)

// historyTimeout is for one repository: a fetch of hours, and a scan of hours.
const historyTimeout = 6 * time.Hour

func (*sweeper) Timeout(*river.Job[sweepArgs]) time.Duration     { return 10 * time.Minute }
func (*historian) Timeout(*river.Job[historyArgs]) time.Duration { return historyTimeout }

func (w *sweeper) Work(ctx context.Context, job *river.Job[sweepArgs]) error {
	return w.e.settle(ctx, "sweep", w.e.sweep(ctx, job.Args.Sweep))
}

func (w *historian) Work(ctx context.Context, job *river.Job[historyArgs]) error {
	return w.e.settle(ctx, "history", w.e.history(ctx, job.Args, job.Attempt))
}

func (w *sweepsAll) Work(ctx context.Context, _ *river.Job[sweepAllArgs]) error {
	return w.e.settle(ctx, "sweep-all", w.e.sweepAll(ctx))
}

// sweep finds out what there is to sweep, and gives each repository its job.
func (e *Engine) sweep(ctx context.Context, id int64) error {
	s, err := e.Store.SweepByID(ctx, id)
	if err != nil || s.State != store.PassWaiting {
		return err
	}
	at, why, err := e.installed(ctx, s.Account)
	if err != nil {
		return err
	}
	if why != "" {
		e.Log.Warn("a sweep cannot begin", "sweep", id, "why", why)
		return e.Store.Tx(ctx, func(t *store.Tx) error { return t.FailSweep(ctx, id, why) })
	}
	listed, err := e.Hub.Repositories(ctx, at.ID)
	if errors.Is(err, hub.ErrGone) {
		return e.Store.Tx(ctx, func(t *store.Tx) error { return t.FailSweep(ctx, id, inspect.Clean(err.Error())) })
	}
	if err != nil {
		return err
	}
	all := inOrder(pushedSince(listed, s.Since))
	e.Log.Info("a sweep begins", "sweep", id, "installation", at.ID, "repositories", len(all))
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		still, err := t.StillSince(ctx, id, s.Since)
		if err == nil && !still {
			err = fmt.Errorf("%w: the sweep is to look further back", store.ErrBusy)
		}
		if err != nil {
			return err
		}
		if err := e.assignAll(ctx, t, id, all); err != nil {
			return err
		}
		began, err := t.StartSweep(ctx, id, at.ID, at.Account, all)
		if err == nil && !began {
			err = fmt.Errorf("%w: another job began the sweep", store.ErrBusy) // and its jobs are those that count
		}
		return err
	})
}

// installed finds the installation of an account, or says why there is none to sweep.
func (e *Engine) installed(ctx context.Context, account string) (at hub.Placed, why string, err error) {
	all, err := e.Hub.Installations(ctx)
	if err != nil {
		return at, "", err
	}
	names := []string{}
	for _, p := range all {
		if strings.EqualFold(p.Account, account) {
			why, err = e.unswept(ctx, p)
			return p, why, err
		}
		names = append(names, p.Account)
	}
	if len(names) == 0 {
		return at, "the App is installed nowhere", nil
	}
	const some = 10
	slices.Sort(names)
	return at, fmt.Sprintf("the App is not installed for %s; it is for: %s", account, strings.Join(names[:min(len(names), some)], ", ")), nil
}

// unswept says why an installation is not swept, "" for no reason.
func (e *Engine) unswept(ctx context.Context, p hub.Placed) (why string, err error) {
	forgotten, err := e.forgotten(ctx, p.ID)
	switch {
	case forgotten:
		why = "the installation of " + p.Account + " is forgotten: have the App installed anew"
	case p.Suspended:
		why = "the installation of " + p.Account + " is suspended"
	}
	return why, err
}

// assignAll gives every repository of a sweep a job.
func (e *Engine) assignAll(ctx context.Context, t *store.Tx, sweep int64, all []store.Swept) error {
	jobs := make([]river.InsertManyParams, 0, len(all))
	for _, r := range all {
		jobs = append(jobs, river.InsertManyParams{Args: historyArgs{sweep, r.Repository}})
	}
	if len(jobs) == 0 {
		return nil
	}
	done, err := e.river.InsertManyTx(ctx, t.Tx, jobs)
	if err != nil {
		return fmt.Errorf("queue the jobs of a sweep: %w", err)
	}
	for i := range all {
		all[i].Job = done[i].Job.ID
	}
	return nil
}

// pushedSince leaves those out into which nobody pushed since a time. Of one of which GitHub
// does not say so nobody knows.
func pushedSince(listed []hub.Listed, since time.Time) []hub.Listed {
	return slices.DeleteFunc(listed, func(l hub.Listed) bool { return !l.Pushed.IsZero() && l.Pushed.Before(since) })
}

// giant is the part of all bytes from which on a repository comes first.
const giant = 0.02

// inOrder begins with the largest ones, so that none of them is left to one worker at the
// end. The others come mixed, in the same way every time: what is over then tells how long
// the rest takes.
func inOrder(listed []hub.Listed) []store.Swept {
	total := int64(0)
	for _, l := range listed {
		total += l.Size
	}
	first := func(l hub.Listed) int64 {
		if float64(l.Size) < giant*float64(total) {
			return 0
		}
		return l.Size
	}
	const mix = 0x9E3779B97F4A7C15 // 2^64 by the golden ratio: https://en.wikipedia.org/wiki/Hash_function#Fibonacci_hashing
	mixed := func(l hub.Listed) uint64 { return uint64(l.ID) * mix }
	slices.SortFunc(listed, func(a, b hub.Listed) int {
		if x, y := first(a), first(b); x != y {
			return int(min(max(y-x, -1), 1))
		}
		if mixed(a) < mixed(b) {
			return -1
		}
		return 1
	})
	all := make([]store.Swept, 0, len(listed))
	for _, l := range listed {
		all = append(all, store.Swept{Repository: l.ID, Name: l.Name, Size: l.Size, Traits: traits(l)})
	}
	return all
}

func traits(l hub.Listed) string {
	var is []string
	if l.Archived {
		is = append(is, "archived")
	}
	if l.Fork {
		is = append(is, "fork")
	}
	return strings.Join(is, ", ")
}

// resweep gives a job to what is to be swept and has none any more.
func (e *Engine) resweep(ctx context.Context, t *store.Tx, before time.Time) error {
	sweeps, err := t.Unswept(ctx, before)
	if err != nil {
		return err
	}
	for _, s := range sweeps {
		if s.State == store.PassWaiting { // several of this job do no harm
			if _, err := e.river.InsertTx(ctx, t.Tx, sweepArgs{s.ID}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}); err != nil {
				return err
			}
			continue
		}
		left, err := t.Swept(ctx, s.ID, store.PassWaiting, store.PassRunning)
		if err != nil {
			return err
		}
		for _, r := range left {
			if err := e.reassign(ctx, t, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) reassign(ctx context.Context, t *store.Tx, r store.Swept) error {
	job, err := e.river.JobGetTx(ctx, t.Tx, r.Job)
	if err == nil && job.FinalizedAt == nil {
		return nil
	}
	e.Log.Warn("a repository to sweep had no job any more", "sweep", r.Sweep, "repository", r.Repository)
	id, err := e.enqueue(ctx, t, historyArgs{r.Sweep, r.Repository})
	if err != nil {
		return err
	}
	return t.SweepJob(ctx, r.Sweep, r.Repository, id)
}

// sweepAll asks for sweeps of the installations whose last one is long ago.
func (e *Engine) sweepAll(ctx context.Context) error {
	all, err := e.Hub.Installations(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if why, err := e.unswept(ctx, p); err != nil || why != "" {
			if err != nil {
				return err
			}
			continue
		}
		err := e.Store.Tx(ctx, func(t *store.Tx) error {
			last, err := t.LastSweep(ctx, p.Account)
			if err != nil || e.World.Now().Sub(last) < e.SweepEvery {
				return err
			}
			_, err = want(ctx, t, e.river, p.Account)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// want asks for a sweep and puts its job in, unless one is asked for.
func want(ctx context.Context, t *store.Tx, queue *river.Client[*sql.Tx], account string) (int64, error) {
	id, fresh, err := t.WantSweep(ctx, account)
	if err != nil || !fresh {
		return id, err
	}
	if _, err := queue.InsertTx(ctx, t.Tx, sweepArgs{id}, nil); err != nil {
		return id, fmt.Errorf("queue a sweep: %w", err)
	}
	return id, nil
}

// WantSweep asks whoever serves a database for a sweep of an account, from outside of it.
// A sweep that is going on is the one that is asked for.
func WantSweep(ctx context.Context, s *store.Store, log *slog.Logger, account string) (id int64, err error) {
	queue, err := river.NewClient(driver(s), &river.Config{Logger: log, MaxAttempts: maxAttempts})
	if err != nil {
		return 0, fmt.Errorf("set the queue up: %w", err)
	}
	err = s.Tx(ctx, func(t *store.Tx) error { id, err = want(ctx, t, queue, account); return err })
	return id, err
}
