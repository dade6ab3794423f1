package remediate

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Standing is how far a step has come.
type Standing struct {
	Step  Step      `json:"step"`
	Event string    `json:"event"` // the last of the journal, "" when nothing was done
	At    time.Time `json:"at,omitzero"`
}

// Status reads a plan and its journal.
func (e *Engine) Status(ctx context.Context, digest string) (*Plan, []Standing, error) {
	plan, err := e.read(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	r := &run{Engine: e, plan: plan, digest: digest}
	if err := r.recall(ctx); err != nil {
		return nil, nil, err
	}
	var all []Standing
	for i, s := range plan.Steps {
		all = append(all, Standing{s, r.journal[i].event, r.journal[i].at})
	}
	return plan, all, nil
}

// Plans lists the digests of all plans, the newest first.
func (e *Engine) Plans(ctx context.Context) (digests []string, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		digests, err = t.Plans(ctx)
		return err
	})
	return digests, err
}
