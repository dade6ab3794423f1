package work

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// prune removes what was kept for long enough, in small transactions.
func (e *Engine) prune(ctx context.Context) error {
	now := e.World.Now()
	for _, class := range []struct {
		name   string
		keep   time.Duration
		remove func(*store.Tx, context.Context, time.Time) (int64, error)
	}{
		{"deliveries", e.Keep.Deliveries, (*store.Tx).PruneDeliveries},
		{"heads", e.Keep.Verdicts, (*store.Tx).PruneTips},
		{"incidents", e.Keep.Incidents, (*store.Tx).PruneIncidents},
		{"sweeps", e.Keep.Verdicts, (*store.Tx).PruneSweeps},
		{"sessions", 0, (*store.Tx).PruneSessions},
	} {
		removed := int64(0)
		for n := int64(1); n > 0 && ctx.Err() == nil; removed += n {
			err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { n, err = class.remove(t, ctx, now.Add(-class.keep)); return err })
			if err != nil {
				return err
			}
		}
		if removed > 0 {
			e.Log.Info("old rows are removed", "of", class.name, "count", removed)
		}
	}
	return ctx.Err()
}

// tidy drops the mirrors of this host of whose repositories nothing is kept any more,
// now and then, and at the start what killed processes left. Every process does so for its own folder.
func (e *Engine) tidy(ctx context.Context) {
	e.Mirrors.Clear()
	for {
		if err := e.dropStrangers(ctx); err != nil && ctx.Err() == nil {
			e.Log.Warn("mirrors that nobody needs could not be dropped", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.Keep.Every):
		}
	}
}

func (e *Engine) dropStrangers(ctx context.Context) error {
	all, err := e.Mirrors.Repositories()
	if err != nil {
		return err
	}
	for _, id := range all {
		known := false
		if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { known, err = t.KnownRepository(ctx, id); return err }); err != nil {
			return err
		}
		if known {
			continue
		}
		if err := e.Mirrors.Forget(ctx, id); err != nil {
			return err
		}
		e.Log.Info("the mirror of a repository that nothing is kept of is dropped", "repository", id)
	}
	return nil
}
