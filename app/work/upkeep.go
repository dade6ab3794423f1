package work

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// reconcileEvery is how often it is looked after what was left lying and lostAfter how old
// that has to be.
const (
	reconcileEvery = time.Minute
	lostAfter      = 10 * time.Minute
	untoldFor      = 48 * time.Hour // then GitHub does not take it
)

// reconcile gives a job to every question and every check run that has none any more:
// River gives jobs up that failed too often, and processes go away.
func (e *Engine) reconcile(ctx context.Context) error {
	before := e.World.Now().Add(-lostAfter)
	if err := e.Store.Remember(ctx); err != nil {
		e.Log.Error("the head of the audit trail cannot be noted", "error", err)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if err := e.resweep(ctx, t, before); err != nil {
			return err
		}
		if err := e.retell(ctx, t); err != nil {
			return err
		}
		waiting, err := t.Unanswered(ctx, before)
		if err != nil {
			return err
		}
		for _, q := range waiting {
			job, err := e.river.JobGetTx(ctx, t.Tx, q.Job)
			if err == nil && job.FinalizedAt == nil {
				continue
			}
			e.Log.Warn("a question had no job any more", "question", q.ID)
			if err := e.assign(ctx, t, q.ID); err != nil {
				return err
			}
		}
		untold, err := t.Untold(ctx, before.Add(-untoldFor), before)
		if err != nil {
			return err
		}
		for _, tip := range untold {
			if err := e.tell(ctx, t, tip.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
