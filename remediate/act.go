package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// act is one step that is being done.
type act struct {
	*run
	index    int
	step     Step
	provider *revoke.Provider
	in       revoke.Input
}

// call is what the journal says before a call.
type call struct {
	Deed   revoke.Deed   `json:"deed"`
	Target revoke.Target `json:"target"`
}

// answer is what the journal says behind one.
type answer struct {
	Result string        `json:"result"`
	Why    string        `json:"why"`
	Settle time.Duration `json:"settle"`
}

func (a act) outcome(e Effect, why string) (Outcome, error) { return Outcome{a.step, e, why}, nil }

// check asks whether the credential works, within the provider's rate.
func (a act) check(ctx context.Context) (revoke.Report, error) {
	if err := a.pace.wait(ctx, a.Clock, a.provider, asking); err != nil {
		return revoke.Report{}, err
	}
	report := a.Issuer.Check(ctx, a.provider, a.in)
	a.pace.note(a.Clock, a.provider, documented(a.provider, report))
	return report, ctx.Err()
}

// act looks again, finds the record again, and makes the call.
func (a act) act(ctx context.Context) (Outcome, error) {
	report, err := a.check(ctx)
	switch {
	case err != nil:
		return Outcome{}, err
	case report.Status == revoke.Dead:
		return a.proven(ctx, report, "it died without our call")
	case report.Status == revoke.Unknown && a.provider.Unchecked == "":
		return a.outcome(Refused, "nobody can tell whether it still works: "+report.Why)
	}
	target, why := a.aim(ctx, report)
	if why != "" {
		return a.outcome(Refused, why)
	}
	if why, err := a.spend(ctx); why != "" || err != nil {
		return Outcome{a.step, Refused, why}, err
	}
	return a.fire(ctx, target)
}

// aim proves again which record the value is; it must be that of the plan.
func (a act) aim(ctx context.Context, report revoke.Report) (revoke.Target, string) {
	if a.provider.Find != nil {
		if err := a.pace.wait(ctx, a.Clock, a.provider, asking); err != nil {
			return revoke.Target{}, err.Error()
		}
	}
	target, err := a.Issuer.Locate(ctx, a.provider, a.in, report)
	if err != nil {
		return target, err.Error()
	}
	if planned := a.step.Target; planned == nil || !same(*planned, target) {
		return target, fmt.Sprintf("%s: the record is another one than that of the plan", revoke.ErrAmbiguous)
	}
	return target, ""
}

// takeUp goes on where an earlier run was cut off. The call may have been made:
// it is not made again unless the issuer says, after the time that it takes to
// settle, that the credential still works.
func (a act) takeUp(ctx context.Context, at progress) (Outcome, error) {
	if a.step.Disabled != "" && !at.happened() { // to delete twice does what once does
		return a.remove(ctx)
	}
	if a.provider.Unchecked != "" {
		return a.outcome(Open, "an earlier run was cut off at the call, and nobody can tell whether it was made: "+a.provider.Unchecked)
	}
	settled := at.called.Add(time.Duration(a.provider.Settle))
	if at.event == answered {
		var told answer
		if err := json.Unmarshal(at.body, &told); err != nil {
			return Outcome{}, fmt.Errorf("journal: %w", err)
		}
		return a.verify(ctx, at.called.Add(max(told.Settle, time.Duration(a.provider.Settle))), told.Why)
	}
	report, err := a.settle(ctx, settled)
	switch {
	case err != nil:
		return Outcome{}, err
	case report.Status == revoke.Dead:
		return a.proven(ctx, report, "an earlier run was cut off behind the call")
	case report.Status == revoke.Live:
		return a.act(ctx)
	}
	return a.outcome(Open, "an earlier run was cut off at the call, and nobody can tell what became of it: "+report.Why)
}

// happened reports whether the provider said that it did what was asked.
func (p progress) happened() bool {
	var told answer
	return p.event == answered && json.Unmarshal(p.body, &told) == nil &&
		(told.Result == revoke.Done.String() || told.Result == revoke.Gone.String())
}

// Waits between checks.
const (
	firstWait = 2 * time.Second
	longest   = 2 * time.Minute
)

// settle checks until the credential is dead or the time has come to believe
// that it is not.
func (a act) settle(ctx context.Context, until time.Time) (revoke.Report, error) {
	for wait := firstWait; ; wait = min(2*wait, longest) {
		report, err := a.check(ctx)
		left := until.Sub(a.Clock.Now())
		if err != nil || report.Status == revoke.Dead || report.Status == revoke.Live && left <= 0 {
			return report, err
		}
		if left <= 0 && report.RetryAfter <= 0 || report.RetryAfter > longest || a.pace.broken(a.Clock, a.provider) {
			return report, nil
		}
		if err := a.Clock.Sleep(ctx, max(min(wait, max(left, 0)), report.RetryAfter)); err != nil {
			return report, err
		}
	}
}

// verify checks until the issuer documents that the credential is dead.
func (a act) verify(ctx context.Context, until time.Time, why string) (Outcome, error) {
	if a.provider.Unchecked != "" {
		return a.outcome(Open, why+"; nobody can check it: "+a.provider.Unchecked)
	}
	report, err := a.settle(ctx, until)
	switch {
	case err != nil:
		return Outcome{}, err
	case report.Status == revoke.Dead:
		return a.proven(ctx, report, why)
	case report.Status == revoke.Live:
		return a.outcome(Open, "it still works after the call: "+report.Why)
	}
	return a.outcome(Open, "nobody can tell whether it still works: "+report.Why)
}

// proven files that the credential is dead.
func (a act) proven(ctx context.Context, report revoke.Report, why string) (Outcome, error) {
	a.at("before verified")
	err := a.file(ctx, a.step.Credential, report, func(t *store.Tx) error {
		return a.writeIn(ctx, t, verified, answer{Result: report.Status.String(), Why: report.Why})
	})
	a.at("behind verified")
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{a.step, Proven, why + "; " + report.Why}, nil
}

// file writes a check down, and moves the incident when it proves a death. All
// that is in one transaction, with what more adds.
func (e *Engine) file(ctx context.Context, credential string, report revoke.Report, more func(*store.Tx) error) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		in, err := t.Incident(ctx, credential)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("no incident is known for %s", credential)
		}
		if err != nil {
			return err
		}
		proof, err := t.Audit(ctx, e.Actor, "checked", in.ID, map[string]string{"status": report.Status.String(), "why": report.Why})
		if err != nil {
			return err
		}
		if report.Status == revoke.Dead && (in.State == store.Detected || in.State == store.Triaged) {
			if err := t.Advance(ctx, in.ID, store.Move{To: store.Revoked, By: e.Actor, Why: report.Why, Proof: proof}); err != nil {
				return err
			}
		}
		if more == nil {
			return nil
		}
		return more(t)
	})
}
