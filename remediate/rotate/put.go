package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
)

// put brings the new value into the place, unless it is there.
func (a *act) put(ctx context.Context) (remediate.Outcome, error) {
	if a.state.did(written) {
		return remediate.Outcome{}, nil
	}
	v, mark, err := a.settled(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return remediate.Outcome{}, err
	case err != nil && a.state.did(writing):
		return a.outcome(remediate.Open, "an earlier run was cut off at the write, and nobody can tell what is there: "+err.Error())
	case err != nil:
		return a.outcome(remediate.Refused, "nobody can tell what is there: "+err.Error())
	case a.state.did(writing) && a.ours(v, mark):
		return remediate.Outcome{}, a.note(ctx, written, line{Version: v.ID, Why: "an earlier run was cut off behind the write"})
	case !a.untouched(v, mark):
		return a.refuse(ctx, fmt.Sprintf("%v: version %s is there, and the plan knows %s; make a new plan", ErrConflict, v.ID, a.step.Rotation.From))
	}
	if o, err := a.clean(ctx); err != nil || o.Effect != "" {
		return o, err
	}
	return a.fresh(ctx)
}

// settled reads the place until what an earlier run may have written has to show.
func (a *act) settled(ctx context.Context) (v Version, mark string, err error) {
	until := a.state.times[writing].Add(a.kind.Settle)
	for {
		v, mark, err = a.current(ctx)
		if err != nil || !a.state.did(writing) || a.state.last != writing || a.ours(v, mark) || !a.untouched(v, mark) || !a.Clock.Now().Before(until) {
			return v, mark, err
		}
		if err := a.Clock.Sleep(ctx, pause); err != nil {
			return v, mark, err
		}
	}
}

// pause is the time between two reads of a place.
const pause = 2 * time.Second

// clean ends a value that an earlier run made and that is in no place.
func (a *act) clean(ctx context.Context) (remediate.Outcome, error) {
	if a.state.lost {
		return a.search(ctx)
	}
	if a.state.pending == "" {
		return remediate.Outcome{}, nil
	}
	return a.discard(ctx)
}

// discard ends the value that is pending.
func (a *act) discard(ctx context.Context) (remediate.Outcome, error) {
	id := a.state.pending
	if err := a.note(ctx, discarding, line{ID: id}); err != nil {
		return remediate.Outcome{}, err
	}
	if err := a.mint.Discard(ctx, id); err != nil {
		return a.outcome(remediate.Open, fmt.Sprintf("%s was made for nobody and could not be ended: %v", id, err))
	}
	return remediate.Outcome{}, a.note(context.WithoutCancel(ctx), discarded, line{ID: id})
}

// search looks whether an issuer made a value whose name an earlier run did not
// live to hear. Nobody can prove that a stranger is it, so none is touched.
func (a *act) search(ctx context.Context) (remediate.Outcome, error) {
	ids, err := a.mint.List(ctx)
	if err != nil {
		return a.outcome(remediate.Open, "an earlier run was cut off while a value was made, and the issuer does not tell which exist: "+err.Error())
	}
	known := map[string]bool{}
	for _, id := range a.state.lines[minting].Before {
		known[id] = true
	}
	var strangers []string
	for _, id := range ids {
		if !known[id] {
			strangers = append(strangers, id)
		}
	}
	if len(strangers) > 0 {
		return a.outcome(remediate.Refused, fmt.Sprintf("REFUSED_AMBIGUOUS: an earlier run was cut off while a value was made, and nobody can prove that it is %s: delete it at the issuer if nobody uses it, and apply again",
			strings.Join(strangers, " or ")))
	}
	a.state.lost = false
	return remediate.Outcome{}, nil
}

// fresh makes a value and writes it.
func (a *act) fresh(ctx context.Context) (remediate.Outcome, error) {
	ids, err := a.mint.List(ctx)
	if err != nil {
		return a.outcome(remediate.Refused, "the issuer does not tell which values exist: "+err.Error())
	}
	a.at("before minting")
	if err := a.note(ctx, minting, line{Before: ids}); err != nil {
		return remediate.Outcome{}, err
	}
	a.at("before mint")
	m, err := a.mint.Mint(ctx)
	a.at("behind mint")
	if errors.Is(err, ErrDenied) {
		return a.refuse(ctx, err.Error())
	}
	if err != nil {
		return a.outcome(remediate.Open, "nobody can tell whether a value was made: "+err.Error())
	}
	mark := a.Mark(m.Value)
	if err := a.note(context.WithoutCancel(ctx), minted, line{ID: m.ID, Mark: mark}); err != nil {
		return remediate.Outcome{}, err
	}
	a.at("behind minted")
	if mark == a.step.Mark {
		return a.refuse(ctx, "the new value is the old one")
	}
	return a.write(ctx, mark, only(a.place, m))
}

// write writes down that the version is written, writes it, and writes down the answer.
func (a *act) write(ctx context.Context, mark string, values map[string]secret.Secret) (remediate.Outcome, error) {
	from, next := a.step.Rotation.From, ""
	if p, ok := a.to.(Preparer); ok {
		var err error
		if next, err = p.Prepare(ctx, from, values); err != nil {
			return a.refuse(ctx, err.Error())
		}
	}
	if err := a.note(ctx, writing, line{From: from, Mark: mark, Version: next}); err != nil {
		return remediate.Outcome{}, err
	}
	a.at("before write")
	version, err := a.to.Write(ctx, from, values)
	a.at("behind write")
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrDenied):
		return a.refuse(context.WithoutCancel(ctx), err.Error())
	case err == nil:
		err = Version{ID: version}.sound()
	}
	if err != nil {
		return a.outcome(remediate.Open, "nobody can tell whether the version was written; apply again: "+err.Error())
	}
	err = a.note(context.WithoutCancel(ctx), written, line{Version: version})
	a.at("behind written")
	return remediate.Outcome{}, err
}

// Preparer is a store that knows the id of a version before it is written:
// whoever cannot read the values back knows by it what was written.
type Preparer interface {
	Prepare(ctx context.Context, from string, values map[string]secret.Secret) (version string, err error)
}

// refuse notes that nothing is in the place, and ends what was made for it.
func (a *act) refuse(ctx context.Context, why string) (remediate.Outcome, error) {
	if err := a.note(ctx, declined, line{Why: why}); err != nil {
		return remediate.Outcome{}, err
	}
	a.state.lost = false
	if a.state.pending != "" {
		if o, err := a.discard(ctx); err != nil || o.Effect != "" {
			return o, err
		}
	}
	return a.outcome(remediate.Refused, why)
}
