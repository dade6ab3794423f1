package remediate

import (
	"context"
	"errors"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// Unplanned begins a deed that cannot be taken back and that is in no plan, alone: the
// law is that of plans, but nobody can approve it, so it is refused where the policy
// asks for that. Its event in the audit trail says "forever", and so counts against
// daily. The caller releases it.
func (e *Engine) Unplanned(ctx context.Context) (release func(), err error) {
	if e.Policy.Needs(&Plan{Steps: []Step{{Deed: revoke.Revoke}}}) > 0 || len(e.Policy.Requesters) > 0 {
		return nil, errors.New("the policy asks for a word of others on what cannot be taken back, which only a plan can have: leakgate remediate plan")
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
