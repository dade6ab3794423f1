package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// patience is how long to wait for who has a name: a server that was killed has its
// connection for some more seconds.
const patience = 30 * time.Second

func wait(ctx context.Context, s *store.Store, name string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		release, err = s.Exclusive(ctx, name)
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

// lockOf is what a process of a name holds as long as it lives.
func lockOf(name string) string { return "serve " + name }

func (e *Engine) lock() string {
	if e.Store.Postgres() {
		return lockOf(e.Name)
	}
	return "serve"
}

// take makes sure that nobody else works under this name, on SQLite nobody at all, and
// frees what a process of this name was working at when it was killed.
func (e *Engine) take(ctx context.Context) error {
	release, err := wait(ctx, e.Store, e.lock())
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

// watchEvery is how often a process looks whether its name is still its own, and whether
// others are gone. One is gone when nobody had its name at so many looks in a row: one that
// lives and lost its connection to the database has taken it again by then.
const (
	watchEvery = 5 * time.Second
	goneAfter  = 3
)

// watch does so until its end, also while jobs that run are given some time.
func (e *Engine) watch(ctx context.Context, end <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	free, failed := map[string]int{}, false
	for {
		err := e.hold(ctx)
		if err != nil {
			free = nil // what was seen before is not in a row with what comes
		} else {
			free, err = e.freeLost(ctx, free)
		}
		if err != nil && !failed && ctx.Err() == nil {
			e.Log.Warn("it is not known who is at work", "error", inspect.Clean(err.Error()))
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// hold takes the name again when the connection that held it broke, before others take
// this process for gone and do once more what it does.
func (e *Engine) hold(ctx context.Context) error {
	err := e.Store.Holds(ctx, e.lock())
	if ctx.Err() != nil || !errors.Is(err, store.ErrBusy) {
		return err
	}
	e.release()
	release, err := wait(ctx, e.Store, e.lock())
	if err != nil {
		return fmt.Errorf("take the name %q again: %w", e.Name, err)
	}
	e.release = release
	e.Log.Info("a connection to the database broke: the name is taken again", "name", e.Name)
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

// freeLost frees the jobs of processes that do not come back. It takes and gives at how
// many looks in a row nobody had a name.
func (e *Engine) freeLost(ctx context.Context, before map[string]int) (now map[string]int, err error) {
	now = map[string]int{}
	if !e.Store.Postgres() {
		return now, nil
	}
	names, err := e.atWork(ctx)
	if err != nil {
		return now, err
	}
	for _, name := range names {
		release, err := e.Store.Exclusive(ctx, lockOf(name))
		if errors.Is(err, store.ErrBusy) {
			continue
		}
		if err != nil {
			return now, err
		}
		if now[name] = before[name] + 1; now[name] >= goneAfter {
			err = e.free(ctx, name)
		}
		if release(); err != nil {
			return now, err
		}
	}
	return now, nil
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
