package rotate

import (
	"context"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

// verify reads the new value back, and says in the store why it is there.
func (a *act) verify(ctx context.Context) (remediate.Outcome, error) {
	if a.state.did(verified) {
		return remediate.Outcome{}, nil
	}
	until := a.Clock.Now().Add(a.kind.Settle)
	for {
		v, mark, err := a.current(ctx)
		switch {
		case ctx.Err() != nil:
			return remediate.Outcome{}, ctx.Err()
		case err == nil && a.ours(v, mark):
			return a.shown(ctx, v)
		case err == nil && !a.untouched(v, mark):
			return a.outcome(remediate.Refused, fmt.Sprintf("%v behind ours: version %s is there, ours was %s; the old version is left alone", ErrConflict, v.ID, a.state.lines[written].Version))
		case !a.Clock.Now().Before(until) && err != nil:
			return a.outcome(remediate.Open, "it is written, and nobody can tell whether it shows: "+err.Error())
		case !a.Clock.Now().Before(until):
			return a.outcome(remediate.Open, "it is written, and the store still shows the version before; apply again")
		}
		if err := a.Clock.Sleep(ctx, pause); err != nil {
			return remediate.Outcome{}, err
		}
	}
}

// shown says in the store why the version is there, and notes that it is.
func (a *act) shown(ctx context.Context, v Version) (remediate.Outcome, error) {
	if s, ok := a.to.(Annotator); ok {
		n := Note{Reason: a.step.Rotation.Reason, Plan: a.digest, At: a.state.times[written]}
		if err := s.Annotate(ctx, v.ID, n); err != nil {
			return a.outcome(remediate.Open, "the new value is in place, and the store did not take down why; apply again: "+err.Error())
		}
	}
	return remediate.Outcome{}, a.note(ctx, verified, line{Version: v.ID})
}

// follow has it proven that consumers use the new version.
func (a *act) follow(ctx context.Context) (remediate.Outcome, error) {
	if a.state.did(followed) || a.Follower == nil {
		return remediate.Outcome{}, nil
	}
	v, mark, err := a.current(ctx)
	if err == nil && !a.ours(v, mark) {
		err = fmt.Errorf("%w: version %s is there", ErrConflict, v.ID)
	}
	proof := ""
	if err == nil {
		proof, err = a.Follower.Follow(ctx, a.place, v.Values[a.place.Key], a.state.times[written])
	}
	if err != nil {
		return a.outcome(remediate.Open, "the new value is in place, and nobody can prove that consumers use it; the old version is left alone: "+err.Error())
	}
	if proof == "" {
		return remediate.Outcome{}, nil
	}
	return remediate.Outcome{}, a.note(ctx, followed, line{Why: proof})
}

// end ends the old version when its grace is over.
func (a *act) end(ctx context.Context) (remediate.Outcome, error) {
	due := a.state.times[written].Add(time.Duration(a.step.Rotation.Grace))
	if a.Clock.Now().Before(due) {
		return a.outcome(Waiting, fmt.Sprintf("the new value is in place%s; version %s ends when you apply again after %s", a.asked(), a.step.Rotation.From, due.UTC().Format(time.RFC3339)))
	}
	v, mark, err := a.current(ctx)
	switch {
	case err != nil:
		return a.outcome(remediate.Open, "the old version is left alone, since nobody can tell what consumers read: "+err.Error())
	case v.ID == a.step.Rotation.From || mark != "" && mark == a.step.Mark:
		return a.outcome(remediate.Refused, "the old value is in place again: make a new plan")
	case a.kind.Fate == Kept:
		return remediate.Outcome{}, a.note(ctx, ended, line{Version: a.step.Rotation.From, Why: "the old version stays: " + a.kind.Kept})
	}
	if a.kind.Fate == Destroyed && a.destroyed != nil {
		if why, err := a.MayForever(ctx, *a.destroyed); err != nil || why != "" {
			return remediate.Outcome{Step: a.step, Effect: remediate.Refused, Why: why + "; apply again later"}, err
		}
		*a.destroyed++
	}
	if err := a.note(ctx, destroying, line{Version: a.step.Rotation.From}); err != nil {
		return remediate.Outcome{}, err
	}
	a.at("before destroy")
	if err := a.to.Destroy(ctx, a.step.Rotation.From); err != nil {
		return a.outcome(remediate.Open, fmt.Sprintf("nobody can tell whether version %s has ended; apply again: %v", a.step.Rotation.From, err))
	}
	a.at("behind destroy")
	return remediate.Outcome{}, a.note(context.WithoutCancel(ctx), ended, line{Version: a.step.Rotation.From, Why: fmt.Sprintf("version %s is %s", a.step.Rotation.From, a.kind.Fate)})
}

// asked says whether somebody was asked about consumers.
func (a *act) asked() string {
	if !a.state.did(followed) {
		return ", and nobody was asked whether consumers use it"
	}
	return ", and consumers use it: " + a.state.lines[followed].Why
}
