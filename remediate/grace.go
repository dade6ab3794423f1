package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// disabling is what the audit trail says of a credential that a plan disabled.
type disabling struct {
	Plan     string
	Provider string
	Target   revoke.Target
	At       time.Time // when the provider said that it is done
	Undoing  bool      // it was, or may have been, enabled again
	Removing bool      // a plan was about to delete it
	Removed  bool      // the provider said that it did
}

// told is the body of the events of calls.
type told struct {
	Plan     string
	Provider string
	Detail   json.RawMessage
}

// disabled is what was disabled, and neither enabled again nor deleted; nil for nothing.
func (e *Engine) disabled(ctx context.Context, credential string) (*disabling, error) {
	d, err := e.disabling(ctx, credential)
	if d == nil || d.At.IsZero() || d.Removed {
		return nil, err
	}
	return d, err
}

// disabling reads the last disabling of a credential, whatever came of it.
func (e *Engine) disabling(ctx context.Context, credential string) (d *disabling, err error) {
	err = e.Store.Proven(ctx, credential, func(ev store.Event) error {
		deed, what, _ := strings.Cut(ev.Action, " ")
		if deed != string(revoke.Disable) && deed != string(revoke.Revoke) {
			return nil
		}
		var body told
		if err := json.Unmarshal(ev.Body, &body); err != nil {
			return fmt.Errorf("audit event %d: %w", ev.Seq, err)
		}
		d, err = d.then(revoke.Deed(deed), what, body, ev)
		return err
	})
	return d, err
}

// then is what is known behind one more event.
func (d *disabling) then(deed revoke.Deed, what string, body told, ev store.Event) (*disabling, error) {
	var detail struct {
		Target revoke.Target
		Result string
	}
	if len(body.Detail) > 0 {
		if err := json.Unmarshal(body.Detail, &detail); err != nil {
			return d, fmt.Errorf("audit event %d: %w", ev.Seq, err)
		}
	}
	happened := detail.Result == revoke.Done.String() || detail.Result == revoke.Gone.String()
	switch {
	case deed == revoke.Disable && what == intent:
		return &disabling{Plan: body.Plan, Provider: body.Provider, Target: detail.Target}, nil
	case d == nil:
	case deed == revoke.Revoke:
		d.Removing = d.Removing && what != refused || what == intent
		d.Removed = d.Removed || what == answered && happened
	case what == refused, what == undone:
		return nil, nil
	case what == answered && happened:
		d.At = ev.At
	case what == undoing, what == undoFailed:
		d.Undoing = what == undoing || detail.Result != revoke.Refused.String()
	}
	return d, nil
}

// removal plans the second act for a credential that is dead because a plan
// disabled it: to delete it for good, once the time for undo is over.
func (e *Engine) removal(s *Step, d *disabling, p *revoke.Provider, in revoke.Input) {
	due := d.At.Add(e.Policy.grace())
	s.Disabled, s.Since = d.Plan, d.At
	switch lacks := p.Lacks(revoke.Revoke, in.Given); {
	case !p.Can(revoke.Revoke):
		s.Note = "disabled, and its issuer deletes none by a call: delete it by hand"
	case e.now().Before(due):
		s.Note = fmt.Sprintf("disabled; leakgate remediate undo %s takes it back, until a plan behind %s deletes it", d.Plan, due.Format(time.RFC3339))
	case d.Undoing:
		s.Note = "disabled, but somebody may have begun to take it back: undo, or plan again when that is done"
	case len(lacks) > 0:
		s.Note = fmt.Sprintf("disabled, and to be deleted since %s: %s needs %s.%s: %s", due.Format(time.RFC3339), p.Name, p.ID, lacks[0].Name, lacks[0].Help)
	default:
		s.Deed, s.Target = revoke.Revoke, &d.Target
	}
}

// remove deletes what was disabled, if it still is and is still the record of the plan.
func (a act) remove(ctx context.Context) (Outcome, error) {
	d, err := a.disabled(ctx, a.step.Credential)
	switch {
	case err != nil:
		return Outcome{}, err
	case d == nil || d.Undoing || d.Plan != a.step.Disabled || !d.At.Equal(a.step.Since):
		return a.outcome(Refused, "it is not as the plan says, or was taken back: make a new plan")
	case d.Provider != a.provider.ID || a.step.Target == nil || !same(d.Target, *a.step.Target):
		return a.outcome(Refused, fmt.Sprintf("%s: the trail names another record than the plan", revoke.ErrAmbiguous))
	case a.now().Before(d.At.Add(a.Policy.grace())):
		return a.outcome(Refused, "the time for undo is not over")
	}
	report, err := a.check(ctx)
	switch {
	case err != nil:
		return Outcome{}, err
	case report.Status != revoke.Dead:
		return a.outcome(Refused, fmt.Sprintf("it was disabled and is %s now: make a new plan; %s", report.Status, report.Why))
	}
	if why, err := a.spend(ctx); why != "" || err != nil {
		return Outcome{a.step, Refused, why}, err
	}
	// The trail is unbroken and says that Locate made the target for this value.
	return a.fire(ctx, d.Target.Vouched())
}

// same reports whether two targets name one record.
func same(a, b revoke.Target) bool {
	return a.Provider == b.Provider && a.ID == b.ID && a.Proof == b.Proof
}

// Removal is a credential that is disabled and is to be deleted.
type Removal struct {
	Credential string    `json:"credential"`
	Plan       string    `json:"plan"` // that disabled it, and whose undo enables it
	Disabled   time.Time `json:"disabled"`
	Due        time.Time `json:"due"` // from when on a plan deletes it
}

// Removals are the credentials that are disabled, the first due first.
func (e *Engine) Removals(ctx context.Context) (all []Removal, err error) {
	var incidents []store.Incident
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		incidents, err = t.Incidents(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	for _, in := range incidents {
		d, err := e.disabled(ctx, in.Credential.ID)
		if err != nil {
			return nil, err
		}
		if p := e.providerOf(d); p != nil && p.Can(revoke.Revoke) {
			all = append(all, Removal{in.Credential.ID, d.Plan, d.At, d.At.Add(e.Policy.grace())})
		}
	}
	slices.SortStableFunc(all, func(a, b Removal) int { return a.Due.Compare(b.Due) })
	return all, nil
}

func (e *Engine) providerOf(d *disabling) *revoke.Provider {
	if d == nil {
		return nil
	}
	return e.Catalogue.Provider(d.Provider)
}
