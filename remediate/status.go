package remediate

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Standing is how far a step has come.
type Standing struct {
	Step  Step      `json:"step"`
	Event string    `json:"event"` // the last of the journal, "" when nothing was done
	At    time.Time `json:"at,omitzero"`
	Due   time.Time `json:"due,omitzero"` // from when on a plan deletes what this one disabled
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
		due, err := r.due(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, Standing{s, r.journal[i].event, r.journal[i].at, due})
	}
	return plan, all, nil
}

// due is from when on what a step disabled is to be deleted; zero when it is not.
func (r *run) due(ctx context.Context, s Step) (at time.Time, err error) {
	if s.Deed != revoke.Disable {
		return at, nil
	}
	d, err := r.disabled(ctx, s.Credential)
	if p := r.providerOf(d); p != nil && d.Plan == r.digest && p.Can(revoke.Revoke) {
		at = d.At.Add(r.Policy.grace())
	}
	return at, err
}

// Plans lists the digests of all plans, the newest first.
func (e *Engine) Plans(ctx context.Context) (digests []string, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		digests, err = t.Plans(ctx)
		return err
	})
	return digests, err
}
