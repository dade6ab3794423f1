package remediate

import (
	"context"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// shot is a step whose call is about to be made, with the record it is about.
type shot struct {
	act
	target revoke.Target
}

// fire makes the call of one step, or keeps it for a call that carries several.
func (a act) fire(ctx context.Context, target revoke.Target) (Outcome, error) {
	if a.loading != nil {
		*a.loading = append(*a.loading, shot{a, target})
		return Outcome{Step: a.step, Effect: loaded}, nil
	}
	out, err := a.shoot(ctx, []shot{{a, target}})
	if err != nil {
		return Outcome{}, err
	}
	return out[0], nil
}

// loaded is the effect of a step that waits for a call with others; it never
// comes back from Apply.
const loaded Effect = "loaded"

// shoot writes down that a call is made, makes it, writes down the answer, and
// looks what became of each value. All values of one call are written down in
// one transaction, so that a run that is cut off knows of all or of none.
func (r *run) shoot(ctx context.Context, shots []shot) ([]Outcome, error) {
	first := shots[0].act
	if err := r.clear(ctx, first); err != nil {
		return nil, err
	}
	r.at("before intent")
	if err := r.note(ctx, shots, intent, func(s shot) any { return call{s.step.Deed, s.target} }); err != nil {
		return nil, err
	}
	r.at("before call")
	o := r.call(ctx, shots)
	r.pace.note(r.Clock, first.provider, o.Result != revoke.Unclear)
	r.at("behind call")
	event := answered
	if o.Result == revoke.Refused {
		event = refused
	}
	// What was called has happened, whether or not somebody still waits for it.
	if err := r.note(context.WithoutCancel(ctx), shots, event, func(shot) any { return answer{o.Result.String(), o.Why, o.Settle} }); err != nil {
		return nil, err
	}
	r.at("behind answer")
	if o.Result == revoke.Refused && len(shots) > 1 { // one of them spoils the rest
		return r.split(ctx, shots)
	}
	return r.conclude(ctx, shots, o)
}

// clear waits until the call may be made, and looks again whether it may: that
// can take hours.
func (r *run) clear(ctx context.Context, a act) error {
	if err := r.pace.wait(ctx, r.Clock, a.provider, a.step.Deed); err != nil {
		return err
	}
	if err := r.Stopped(); err != nil {
		return err
	}
	if !r.now().Before(r.plan.Expires) {
		return ErrExpired
	}
	return nil
}

func (r *run) call(ctx context.Context, shots []shot) revoke.Outcome {
	first := shots[0]
	if len(shots) == 1 {
		return r.Issuer.Act(ctx, first.provider, first.in, first.target, first.step.Deed)
	}
	all := make([]revoke.Shot, len(shots))
	for i, s := range shots {
		all[i] = revoke.Shot{Input: s.in, Target: s.target}
	}
	return r.Issuer.ActAll(ctx, first.provider, all, first.step.Deed)
}

// split makes two calls of a refused one, of which nothing was done.
func (r *run) split(ctx context.Context, shots []shot) ([]Outcome, error) {
	half := len(shots) / 2
	one, err := r.shoot(ctx, shots[:half])
	if err != nil {
		return nil, err
	}
	two, err := r.shoot(ctx, shots[half:])
	return append(one, two...), err
}

// conclude looks what became of each value of a call.
func (r *run) conclude(ctx context.Context, shots []shot, o revoke.Outcome) (out []Outcome, err error) {
	settled := r.Clock.Now().Add(max(o.Settle, time.Duration(shots[0].provider.Settle)))
	for _, s := range shots {
		var one Outcome
		switch {
		case o.Result == revoke.Refused:
			one, err = s.outcome(Refused, o.Why)
		case o.Result == revoke.Unclear && s.step.Disabled != "": // it was dead before, so a check tells nothing
			one, err = s.outcome(Open, "it is disabled, and nobody can tell whether it is deleted: "+o.Why)
		default:
			one, err = s.verify(ctx, settled, o.Why)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// note writes an event of every shot down, or of none.
func (r *run) note(ctx context.Context, shots []shot, event string, body func(shot) any) error {
	return r.Store.Tx(ctx, func(t *store.Tx) error {
		for _, s := range shots {
			if err := s.writeIn(ctx, t, event, body(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// write notes an event in the journal and in the audit trail.
func (a act) write(ctx context.Context, event string, body any) error {
	return a.Store.Tx(ctx, func(t *store.Tx) error { return a.writeIn(ctx, t, event, body) })
}

func (a act) writeIn(ctx context.Context, t *store.Tx, event string, body any) error {
	if event == intent || event == undoing { // nobody else may be about to call
		if err := t.Holds(ctx, "apply"); err != nil {
			return err
		}
	}
	return t.Write(ctx, a.Actor, store.Line{
		Plan: a.digest, Step: a.index, Event: event, Body: body, Action: string(a.step.Deed) + " " + event, Subject: a.step.Subject(),
		More: map[string]any{"provider": a.provider.ID, "forever": event == intent && !a.step.Undo},
	})
}

// together are the steps that one call may carry with a step, itself first.
func (r *run) together(i int) []int {
	s := r.plan.Steps[i]
	p := r.Catalogue.Provider(s.Provider)
	if p == nil || p.Batch < 2 || s.Deed != revoke.Revoke {
		return []int{i}
	}
	var all []int
	for j, other := range r.plan.Steps[i:] {
		if other.Provider == s.Provider && other.Deed == s.Deed {
			all = append(all, i+j)
		}
	}
	return all
}

// volley does steps that may share calls: each is looked at alone, and those
// that are to be called for are called for together.
func (r *run) volley(ctx context.Context, steps []int, out map[int]Outcome) error {
	var waiting []shot
	r.loading = &waiting
	defer func() { r.loading = nil }()
	for _, i := range steps {
		if err := r.one(ctx, i, out); err != nil {
			return err
		}
	}
	r.loading = nil
	if len(waiting) == 0 {
		return nil
	}
	for shots := range slices.Chunk(waiting, max(1, waiting[0].provider.Batch)) {
		done, err := r.shoot(ctx, shots)
		if err != nil {
			return err
		}
		for n, s := range shots {
			out[s.index] = done[n]
			r.finished(out)
		}
	}
	return nil
}
