package remediate

import (
	"context"
	"slices"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Over tells by the journal of a step whether it came to its end, so that nothing
// of it is taken up or taken back any more.
type Over func(Step, []store.Entry) (bool, error)

// Needed are what the audit trail files the events of a plan under, as long as
// somebody may act by them: it may still be begun, was begun and is not over, or can
// be taken back. others tell of the deeds that other packages do.
func (e *Engine) Needed(ctx context.Context, digest string, others map[revoke.Deed]Over) ([]string, error) {
	plan, err := e.read(ctx, digest)
	if err != nil {
		return nil, err
	}
	all := append(plan.subjects(), digest)
	if e.Clock.Now().Before(plan.Expires) {
		return all, nil
	}
	entries, err := e.Journal(ctx, plan, digest)
	if err != nil {
		return nil, err
	}
	for i, s := range plan.Steps {
		mine := slices.DeleteFunc(slices.Clone(entries), func(entry store.Entry) bool { return entry.Step != i })
		if s.Deed == Rollout {
			mine = entries // all are of its one step
		}
		over := others[s.Deed]
		if over == nil {
			over = func(s Step, entries []store.Entry) (bool, error) { return e.over(ctx, digest, s, entries) }
		}
		if is, err := over(s, mine); !is || err != nil {
			return all, err
		}
	}
	return nil, nil
}

// over tells so of what is done to a credential at its issuer. What was disabled can
// be taken back until it is deleted.
func (e *Engine) over(ctx context.Context, digest string, s Step, entries []store.Entry) (bool, error) {
	if len(entries) == 0 {
		return true, nil
	}
	last := entries[len(entries)-1].Event
	if s.Deed != revoke.Disable {
		return last == verified || last == refused, nil
	}
	if last == refused || last == undone {
		return true, nil
	}
	d, err := e.disabling(ctx, s.Credential)
	return err == nil && (d == nil || d.Removed || d.Plan != digest), err
}
