package rotate

import (
	"context"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Undo writes the old value again, while the store still has it and nobody
// wrote since. Consumers read the value that was replaced, which may have leaked:
// where the policy asks approvals for such steps, undo needs its own.
func (e *Engine) Undo(ctx context.Context, digest string) ([]remediate.Outcome, error) {
	return e.each(ctx, digest, func(a *act) (remediate.Outcome, error) {
		if err := a.AdmitUndo(ctx, a.plan, digest); err != nil {
			return remediate.Outcome{}, err
		}
		return a.undo(ctx)
	})
}

func (a *act) undo(ctx context.Context) (remediate.Outcome, error) {
	switch {
	case a.state.did(restored):
		return a.outcome(remediate.Nothing, "it was taken back before")
	case !a.state.did(written):
		return a.outcome(remediate.Nothing, "nothing was written yet; what was cut off is taken up by apply")
	case a.state.did(destroying) && a.kind.Fate == Destroyed:
		return a.outcome(remediate.Refused, fmt.Sprintf("version %s was destroyed", a.step.Rotation.From))
	case !a.kind.History:
		return a.outcome(remediate.Refused, "it cannot be taken back here: "+a.kind.Kept)
	}
	v, mark, err := a.current(ctx)
	switch {
	case err != nil:
		return a.outcome(remediate.Refused, "nobody can tell what is there: "+err.Error())
	case a.state.did(restoring) && mark == a.step.Mark:
		return a.back(ctx, v.ID)
	case !a.ours(v, mark):
		return a.outcome(remediate.Refused, fmt.Sprintf("%v: version %s is there, ours was %s", ErrConflict, v.ID, a.state.lines[written].Version))
	}
	return a.restore(ctx, v)
}

// restore writes the values of the old version over ours.
func (a *act) restore(ctx context.Context, ours Version) (remediate.Outcome, error) {
	old, err := a.to.Read(ctx, a.step.Rotation.From)
	if err != nil {
		return a.outcome(remediate.Refused, "the old version cannot be read: "+err.Error())
	}
	value, ok := old.Values[a.place.Key]
	if !ok || a.Mark(value) != a.step.Mark {
		return a.outcome(remediate.Refused, "the store gives another value for the old version than the plan knows")
	}
	values := map[string]secret.Secret{a.place.Key: value}
	if id, ok := old.Values[a.place.IDKey]; ok && a.place.IDKey != "" {
		values[a.place.IDKey] = id
	}
	if err := a.note(ctx, restoring, line{From: ours.ID, Mark: a.step.Mark}); err != nil {
		return remediate.Outcome{}, err
	}
	a.at("before restore")
	version, err := a.to.Write(ctx, ours.ID, values)
	a.at("behind restore")
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrDenied):
		return a.outcome(remediate.Refused, err.Error())
	case err != nil:
		return a.outcome(remediate.Open, "nobody can tell whether the old value is back; undo again: "+err.Error())
	}
	return a.back(context.WithoutCancel(ctx), version)
}

// back notes that the old value is in place; an incident that was over is not.
func (a *act) back(ctx context.Context, version string) (remediate.Outcome, error) {
	in, known, err := a.Known(ctx, a.step.Credential)
	if err != nil {
		return remediate.Outcome{}, err
	}
	err = a.note(ctx, restored, line{Version: version}, func(t *store.Tx) error {
		if !known || in.State != store.Rotated && in.State != store.Purged && in.State != store.Closed {
			return nil
		}
		return t.Advance(ctx, in.ID, store.Move{To: store.Detected, By: a.Actor, Why: "the old value is in " + a.place.Where() + " again"})
	})
	why := "the old value is in place again, as version " + version
	if id := a.state.lines[minted].ID; id != "" {
		why += fmt.Sprintf("; %s, which was made for this, still works: end it at its issuer when nobody uses it", id)
	}
	return remediate.Outcome{Step: a.step, Effect: remediate.Nothing, Why: why}, err
}
