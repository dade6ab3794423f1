package work

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/leakgate/leakgate/internal/store"
)

// Forgetter removes everything of an installation: rows, jobs, and the mirrors of this
// host. Other hosts drop theirs by themselves.
type Forgetter struct {
	Store *store.Store
	// Drop removes the mirror of a repository; it waits while somebody uses it.
	Drop func(ctx context.Context, repository int64) error
}

// Forget removes an installation. It may be done again, and then removes what a job that
// was running brought back.
func (f Forgetter) Forget(ctx context.Context, by string, installation int64) (of store.Tenant, err error) {
	queue, err := river.NewClient(driver(f.Store), &river.Config{})
	if err != nil {
		return of, err
	}
	err = f.Store.Tx(ctx, func(t *store.Tx) error {
		if of, err = t.Tenant(ctx, installation); err != nil {
			return err
		}
		if err := dropJobs(ctx, t, f.Store.Postgres(), queue, of); err != nil {
			return err
		}
		return t.Forget(ctx, by, of)
	})
	if err != nil {
		return of, fmt.Errorf("forget installation %d: %w", installation, err)
	}
	for _, id := range of.Repositories {
		err = errors.Join(err, f.Drop(ctx, id))
	}
	return of, err
}

// jobKeys are the arguments by which a job belongs to somebody.
type jobKeys struct {
	GUID         string `json:"guid"`
	Tip          int64  `json:"tip"`
	Question     int64  `json:"question"`
	Sweep        int64  `json:"sweep"`
	Repository   int64  `json:"repository"`
	Installation int64  `json:"installation"`
}

func (k jobKeys) of(t store.Tenant) bool {
	return k.Installation == t.Installation || slices.Contains(t.Deliveries, k.GUID) || slices.Contains(t.Tips, k.Tip) || slices.Contains(t.Questions, k.Question) ||
		slices.Contains(t.Sweeps, k.Sweep) || slices.Contains(t.Repositories, k.Repository)
}

// dropJobs removes the jobs of a tenant: their errors may name repositories. One that
// runs is cancelled, and finds nothing any more.
func dropJobs(ctx context.Context, t *store.Tx, postgres bool, queue *river.Client[*sql.Tx], of store.Tenant) error {
	ids, err := jobsOf(ctx, t, postgres, of)
	if err != nil {
		return err
	}
	for _, id := range ids {
		_, err := queue.JobDeleteTx(ctx, t.Tx, id)
		if errors.Is(err, rivertype.ErrJobRunning) {
			_, err = queue.JobCancelTx(ctx, t.Tx, id)
		}
		if err != nil && !errors.Is(err, rivertype.ErrNotFound) {
			return fmt.Errorf("remove a job: %w", err)
		}
	}
	return nil
}

func jobsOf(ctx context.Context, t *store.Tx, postgres bool, of store.Tenant) (ids []int64, err error) {
	query := `SELECT id, json(args) FROM river_job`
	if postgres {
		query = `SELECT id, args::text FROM river_job`
	}
	rows, err := t.QueryContext(ctx, query)
	if err != nil {
		if strings.Contains(err.Error(), "river_job") { // no server ever ran
			return nil, nil
		}
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var args string
		var keys jobKeys
		if err := rows.Scan(&id, &args); err != nil {
			return nil, err
		}
		if json.Unmarshal([]byte(args), &keys) == nil && keys.of(of) {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}

// orphans removes the jobs of which nothing is left that they were about: one that ran
// while it was forgotten keeps its errors, which may name repositories.
func (e *Engine) orphans(ctx context.Context) (removed int64, err error) {
	field := `json_extract(args, '$.%s')`
	if e.Store.Postgres() {
		field = `(args->>'%s')`
	}
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		for key, table := range map[string]string{"tip": "tips", "question": "questions", "sweep": "sweeps"} {
			field := fmt.Sprintf(field, key)
			done, err := t.ExecContext(ctx, fmt.Sprintf(`DELETE FROM river_job WHERE state <> 'running' AND %s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s o WHERE CAST(o.id AS TEXT) = CAST(%s AS TEXT))`,
				field, table, field))
			if err != nil {
				return fmt.Errorf("remove jobs of what is forgotten: %w", err)
			}
			n, err := done.RowsAffected()
			if removed += n; err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}

// forgetAgain is for how long what was forgotten is looked after: a job that ran
// meanwhile may have brought something back.
const forgetAgain = 24 * time.Hour

type forgetArgs struct{}

func (forgetArgs) Kind() string { return "forget" }

// The queue is one of its own: a process of a version that knows no such job leaves it alone.
func (forgetArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueCare} }

type forgetter struct {
	river.WorkerDefaults[forgetArgs]
	e *Engine
}

func (*forgetter) Timeout(*river.Job[forgetArgs]) time.Duration { return 10 * time.Minute }

func (w *forgetter) Work(ctx context.Context, _ *river.Job[forgetArgs]) error {
	return w.e.settle(ctx, "forget", w.e.forgetGone(ctx))
}

// forgetGone forgets the installations that are gone for long enough, and prunes what is
// kept for long enough.
func (e *Engine) forgetGone(ctx context.Context) error {
	if err := e.prune(ctx); err != nil {
		return err
	}
	var all []store.Installation
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { all, err = t.Installations(ctx); return err }); err != nil {
		return err
	}
	now, removed, looked := e.World.Now(), 0, false
	for _, i := range all {
		due := !i.Gone.IsZero() && now.Sub(i.Gone) >= e.Keep.Gone && i.Forgotten.IsZero()
		again := !i.Forgotten.IsZero() && now.Sub(i.Forgotten) < forgetAgain
		if !due && !again {
			continue
		}
		looked = true
		of, err := Forgetter{e.Store, e.Mirrors.Forget}.Forget(ctx, actor, i.ID)
		if err != nil {
			return err
		}
		if removed += of.Rows(); of.Rows() > 0 {
			e.Log.Info("an installation is forgotten", "installation", i.ID, "rows", of.Rows())
		}
	}
	if looked {
		orphans, err := e.orphans(ctx)
		if removed += int(orphans); err != nil {
			return err
		}
	}
	if removed > 0 {
		return e.Store.Compact(ctx)
	}
	return nil
}
