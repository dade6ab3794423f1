package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// What became of a step, beside what package remediate knows.
const (
	Rotated remediate.Effect = "rotated" // the new value is in place and the old version has ended
	Waiting remediate.Effect = "waiting" // the new value is in place, the old version ends later
)

// Apply does what a plan says, as far as it is not done: a run that was cut off
// is taken up, and one behind the grace ends the old version. An error means
// that not all steps were looked at.
func (e *Engine) Apply(ctx context.Context, digest string) ([]remediate.Outcome, error) {
	return e.each(ctx, digest, func(a *act) (remediate.Outcome, error) {
		if !a.state.did(written) {
			if err := a.Admit(ctx, a.plan, digest); err != nil {
				return remediate.Outcome{}, err
			}
		}
		return a.run(ctx)
	})
}

// each does something to every step of a plan, alone.
func (e *Engine) each(ctx context.Context, digest string, do func(*act) (remediate.Outcome, error)) (out []remediate.Outcome, err error) {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return nil, err
	}
	defer release()
	plan, err := e.Genuine(ctx, digest)
	if err != nil {
		return nil, err
	}
	journal, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	destroyed := 0
	for i, s := range plan.Steps {
		if err := e.Stopped(); err != nil {
			return out, err
		}
		o, err := e.one(&act{Engine: e, plan: plan, digest: digest, index: i, step: s, state: journal[i], destroyed: &destroyed}, do)
		if err != nil {
			return out, fmt.Errorf("step %d: %w", i+1, err)
		}
		out = append(out, o)
		if e.Progress != nil {
			e.Progress(i+1, len(plan.Steps))
		}
	}
	return out, nil
}

func (e *Engine) one(a *act, do func(*act) (remediate.Outcome, error)) (remediate.Outcome, error) {
	switch {
	case a.step.Rotation == nil:
		return a.outcome(remediate.Nothing, "it is no rotation: leakgate remediate apply")
	case a.step.Deed == "":
		return a.outcome(remediate.Nothing, a.step.Note)
	}
	if why, err := a.open(); err != nil || why != "" {
		return remediate.Outcome{Step: a.step, Effect: remediate.Refused, Why: why}, err
	}
	return do(a)
}

// open gets what a step needs, or says why it is not done.
func (a *act) open() (why string, err error) {
	p := a.Policy.Place(a.step.Rotation.Place)
	if p == nil {
		return "the operator's file no longer has the store " + a.step.Rotation.Place, nil
	}
	data, err := p.Digest()
	if err != nil || data != a.step.Rotation.Data {
		return "the store in the operator's file changed since the plan was made: make a new one", err
	}
	a.place = *p
	a.kind, _ = a.World.Kind(p.Kind)
	if a.to, err = a.World.Store(*p); err != nil {
		return "", err
	}
	a.mint, err = a.World.Minter(*p)
	return "", err
}

func (a *act) outcome(e remediate.Effect, why string) (remediate.Outcome, error) {
	return remediate.Outcome{Step: a.step, Effect: e, Why: why}, nil
}

// run goes through the stages that are left.
func (a *act) run(ctx context.Context) (remediate.Outcome, error) {
	if a.state.did(restoring) {
		return a.outcome(remediate.Refused, "it was taken back: make a new plan")
	}
	if a.state.did(ended) {
		return a.finished(ctx, "done before; "+a.state.lines[ended].Why)
	}
	for _, stage := range []func(context.Context) (remediate.Outcome, error){a.put, a.verify, a.follow, a.end} {
		o, err := stage(ctx)
		if err != nil || o.Effect != "" {
			return o, err
		}
	}
	return a.finished(ctx, "the new value is in place"+a.asked()+"; "+a.state.lines[ended].Why)
}

// current reads what consumers read now.
func (a *act) current(ctx context.Context) (v Version, mark string, err error) {
	v, err = a.to.Read(ctx, "")
	if err == nil {
		err = v.sound()
	}
	if value, ok := v.Values[a.place.Key]; ok && err == nil {
		mark = a.Mark(value)
	}
	return v, mark, err
}

// untouched reports whether a version is still the one of the plan.
func (a *act) untouched(v Version, mark string) bool {
	return v.ID == a.step.Rotation.From && mark == a.step.Mark
}

// ours reports whether a version is the one that this rotation wrote, or may have.
func (a *act) ours(v Version, mark string) bool {
	if a.kind.Blind {
		return a.state.did(written) && v.ID == a.state.lines[written].Version || a.state.did(writing) && v.ID == a.state.lines[writing].Version && v.ID != ""
	}
	return mark != "" && a.state.wrote(mark)
}

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

// finished files the incident as rotated, if its credential is revoked.
func (a *act) finished(ctx context.Context, why string) (remediate.Outcome, error) {
	in, known, err := a.Known(ctx, a.step.Credential)
	if err != nil {
		return remediate.Outcome{}, err
	}
	if known && (in.State == store.Revoked || in.State == store.Purged) {
		err = a.Store.Tx(ctx, func(t *store.Tx) error {
			return t.Advance(ctx, in.ID, store.Move{To: store.Rotated, By: a.Actor, Why: "a new value is in " + a.place.Where()})
		})
	}
	if known && (in.State == store.Detected || in.State == store.Triaged) {
		why += "; the old credential itself is not revoked yet: leakgate remediate plan"
	}
	if !known && a.state.lines[minted].ID != "" {
		why += "; the old credential itself still works: end it at its issuer when nobody uses it"
	}
	return remediate.Outcome{Step: a.step, Effect: Rotated, Why: why}, err
}
