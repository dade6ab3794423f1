package remediate

import (
	"context"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Undo takes back what a plan disabled: of one credential, or of all for "". It
// needs the approvals that the policy asks for such steps, given for undo. What
// cannot be taken back is refused. An incident whose credential works again is
// detected again.
func (e *Engine) Undo(ctx context.Context, digest, credential string, cases map[string]Case) ([]Outcome, error) {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return nil, err
	}
	defer release()
	plan, err := e.genuine(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := e.requested(ctx, plan, digest); err != nil {
		return nil, err
	}
	if err := e.approved(ctx, plan, plan.undo(credential), digest, true); err != nil {
		return nil, err
	}
	r := &run{Engine: e, plan: plan, digest: digest, cases: cases}
	if err := r.recall(ctx); err != nil {
		return nil, err
	}
	var out []Outcome
	for i, s := range plan.Steps {
		if s.Deed == "" || credential != "" && s.Credential != credential {
			continue
		}
		if err := r.Stopped(); err != nil {
			return out, err
		}
		o, err := r.undo(ctx, i, s)
		if err != nil {
			return out, err
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("plan %s did nothing to %q", digest, credential)
	}
	return out, nil
}

// undo is the plan as far as it is to be taken back.
func (p *Plan) undo(credential string) *Plan {
	part := *p
	part.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool {
		return s.Deed != revoke.Disable || credential != "" && s.Credential != credential
	})
	return &part
}

func (r *run) undo(ctx context.Context, i int, s Step) (Outcome, error) {
	switch r.journal[i].event {
	case "":
		return Outcome{s, Nothing, "nothing was done yet"}, nil
	case refused:
		return Outcome{s, Nothing, "nothing was done: the provider refused"}, nil
	case undone:
		return Outcome{s, Nothing, "it was taken back before"}, nil
	}
	a, why, err := r.prepare(ctx, i, s)
	if err != nil {
		return Outcome{}, err
	}
	if why != "" {
		return Outcome{s, Refused, why}, nil
	}
	if s.Deed != revoke.Disable || !a.provider.Can(revoke.Undo) {
		return Outcome{s, Refused, "it cannot be taken back: " + s.Forever}, nil
	}
	d, err := r.disabling(ctx, s.Credential)
	if err != nil {
		return Outcome{}, err
	}
	if d != nil && (d.Removing || d.Removed) {
		return Outcome{s, Refused, "it cannot be taken back any more: another plan deleted it, or was about to"}, nil
	}
	target := r.journal[i].target
	switch {
	case target == nil:
		return Outcome{s, Nothing, "nothing was done: it died without our call"}, nil
	case s.Target == nil || !same(*target, *s.Target):
		return Outcome{s, Refused, fmt.Sprintf("%s: the journal names another record than the plan", revoke.ErrAmbiguous)}, nil
	}
	return a.takeBack(ctx, *target)
}

// takeBack makes the call and looks whether the credential works again. Calling
// it twice does what once does.
func (a act) takeBack(ctx context.Context, target revoke.Target) (Outcome, error) {
	if err := a.pace.wait(ctx, a.Clock, a.provider, revoke.Undo); err != nil {
		return Outcome{}, err
	}
	if err := a.Stopped(); err != nil { // the wait can take hours
		return Outcome{}, err
	}
	if err := a.write(ctx, undoing, call{revoke.Undo, target}); err != nil {
		return Outcome{}, err
	}
	a.at("before undo")
	o := a.Issuer.Act(ctx, a.provider, a.in, target, revoke.Undo)
	a.at("behind undo")
	ctx = context.WithoutCancel(ctx) // what was called has happened
	if o.Result != revoke.Done && o.Result != revoke.Gone {
		return Outcome{a.step, Open, "it was not taken back: " + o.Why}, a.write(ctx, undoFailed, answer{Result: o.Result.String(), Why: o.Why})
	}
	report, err := a.check(ctx)
	if err != nil {
		return Outcome{}, err
	}
	err = a.Store.Tx(ctx, func(t *store.Tx) error {
		if err := a.writeIn(ctx, t, undone, answer{Result: o.Result.String(), Why: o.Why}); err != nil {
			return err
		}
		in, err := t.Incident(ctx, a.step.Credential)
		if err != nil || in.State == store.Detected { // its death was never proven
			return err
		}
		return t.Advance(ctx, a.step.Credential, store.Move{To: store.Detected, By: a.Actor, Why: "taken back: " + o.Why})
	})
	return Outcome{a.step, Nothing, fmt.Sprintf("%s; the credential is %s", o.Why, report.Status)}, err
}
