package remediate

import (
	"context"
	"errors"
	"maps"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Unplanned begins a deed that cannot be taken back and that is in no plan, alone: the
// law is that of plans, but nobody can approve it, so it is refused where the policy
// asks for that, with what to do instead. The caller releases it.
func (e *Engine) Unplanned(ctx context.Context, instead string) (release func(), err error) {
	if e.Policy.Needs(&Plan{Steps: []Step{{Deed: revoke.Revoke}}}) > 0 || len(e.Policy.Requesters) > 0 {
		return nil, errors.New("the policy asks for a word of others on what cannot be taken back, which only a plan can have: " + instead)
	}
	if release, err = e.Store.Exclusive(ctx, "apply"); err != nil {
		return nil, err
	}
	if err = e.mayUnplanned(ctx); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func (e *Engine) mayUnplanned(ctx context.Context) error {
	if err := e.Stopped(); err != nil {
		return err
	}
	if err := e.trust(ctx); err != nil {
		return err
	}
	why, err := e.MayForever(ctx, 0)
	if err == nil && why != "" {
		err = errors.New(why)
	}
	return err
}

// Intend writes into the audit trail that a deed of [Engine.Unplanned] is about to be
// done: behind an error it is not to be. The event says "forever", and so counts
// against daily; an older state of the database does not forget it.
func (e *Engine) Intend(ctx context.Context, action, subject string, body map[string]any) error {
	all := map[string]any{"forever": true}
	maps.Copy(all, body)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if err := errors.Join(e.Stopped(), t.Holds(ctx, "apply"), t.Note(ctx)); err != nil { // nobody else may be about to call
			return err
		}
		_, err := t.Audit(ctx, e.Actor, action, subject, all)
		return err
	})
}

// Did writes into the audit trail what came of it, whether or not somebody still waits.
func (e *Engine) Did(ctx context.Context, action, subject string, body map[string]any) error {
	ctx = context.WithoutCancel(ctx)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		_, err := t.Audit(ctx, e.Actor, action, subject, body)
		return err
	})
}
