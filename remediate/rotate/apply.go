package rotate

import (
	"context"
	"fmt"

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
	journal, err := e.recall(ctx, plan, digest)
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
		a.again = true
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

// finished files the incident as rotated, if its credential is revoked.
func (a *act) finished(ctx context.Context, why string) (remediate.Outcome, error) {
	in, known, err := a.Replaced(ctx, a.step.Credential, "a new value is in "+a.place.Where(), a.again)
	if known && (in.State == store.Detected || in.State == store.Triaged) {
		why += "; the old credential itself is not revoked yet: leakgate remediate plan"
	}
	if !known && a.state.lines[minted].ID != "" {
		why += "; the old credential itself still works: end it at its issuer when nobody uses it"
	}
	return remediate.Outcome{Step: a.step, Effect: Rotated, Why: why}, err
}
