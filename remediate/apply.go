package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// Effect is what became of one step.
type Effect string

// The zero Effect never comes back from Apply.
const (
	Proven  Effect = "dead"    // the issuer documents that the credential is dead
	Nothing Effect = "nothing" // the plan calls nobody for the step
	Refused Effect = "refused" // the step was not done, and why is said
	Open    Effect = "open"    // it was done, or may have been, and nobody can tell whether it works yet
)

// Outcome is what became of a step.
type Outcome struct {
	Step   Step   `json:"step"`
	Effect Effect `json:"effect"`
	Why    string `json:"why"`
}

// Errors that end a run before the first call, or between two.
var (
	ErrStopped = errors.New("the kill switch is on")
	ErrExpired = errors.New("the plan has expired: make a new one")
)

// Apply does what a plan says, as far as it is not done: a run that was cut off
// is taken up. cases are the credentials with their values by identity; a step
// without one is refused. An error means that not all steps were looked at.
func (e *Engine) Apply(ctx context.Context, digest string, cases map[string]Case) ([]Outcome, error) {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return nil, err
	}
	defer release()
	plan, err := e.genuine(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := e.admit(ctx, plan, digest); err != nil {
		return nil, err
	}
	r := &run{Engine: e, plan: plan, digest: digest, cases: cases}
	if err := r.recall(ctx); err != nil {
		return nil, err
	}
	return r.all(ctx)
}

// skew is how far the clocks of those who plan and apply may be apart.
const skew = 5 * time.Minute

// admit looks at what must hold before anything is done.
func (e *Engine) admit(ctx context.Context, plan *Plan, digest string) error {
	policy, err := e.Policy.digest()
	if err != nil {
		return err
	}
	if plan.Policy != policy {
		return errors.New("the policy changed since the plan was made: make a new one")
	}
	switch {
	case !e.now().Before(plan.Expires):
		return ErrExpired
	case e.Clock.Now().Add(skew).Before(plan.Made):
		return errors.New("the plan was made in the future: set the clock")
	}
	if err := e.requested(ctx, plan, digest); err != nil {
		return err
	}
	return e.approved(ctx, plan, plan, digest, false)
}

// run is one application of a plan.
type run struct {
	*Engine
	plan    *Plan
	digest  string
	cases   map[string]Case
	journal map[int]progress
	forever int     // deeds of this run that cannot be taken back
	today   *int    // such deeds of other runs in the 24 hours before this one; nil until counted
	loading *[]shot // calls that wait for others; nil when each is made at once
}

// progress is how far the journal says that a step has come.
type progress struct {
	event  string // the last one
	at     time.Time
	body   json.RawMessage
	called time.Time      // when the last call may have been made
	target *revoke.Target // that it was about
}

// The events of the journal of a step, in their order.
const (
	intent   = "intent"   // a call is about to be made
	answered = "answered" // it came back
	verified = "verified" // the credential is dead
	refused  = "refused"  // the provider refused; nothing was done
	undoing  = "undoing"  // an undo is about to be called
	undone   = "undone"

	undoFailed = "undo failed" // the provider did not enable it, or nobody can tell
)

// recall reads the journal, as far as the audit trail tells the same.
func (r *run) recall(ctx context.Context) error {
	r.journal = map[int]progress{}
	entries, err := r.Journal(ctx, r.plan, r.digest)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		p := r.journal[entry.Step]
		p.event, p.at, p.body = entry.Event, entry.At, entry.Body
		if entry.Event == intent {
			var c call
			if err := json.Unmarshal(entry.Body, &c); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			p.called, p.target = entry.At, &c.Target
		}
		r.journal[entry.Step] = p
	}
	return nil
}

// all does the steps in their order; those that one call may carry come with
// the first of them.
func (r *run) all(ctx context.Context) (list []Outcome, err error) {
	out := map[int]Outcome{}
	for i := range r.plan.Steps {
		if _, done := out[i]; done {
			continue
		}
		if err = r.volley(ctx, r.together(i), out); err != nil {
			break
		}
	}
	for _, i := range slices.Sorted(maps.Keys(out)) {
		if out[i].Effect != loaded {
			list = append(list, out[i])
		}
	}
	return list, err
}

// one does a step, as far as it can be done alone.
func (r *run) one(ctx context.Context, i int, out map[int]Outcome) error {
	if err := r.Stopped(); err != nil {
		return err
	}
	s := r.plan.Steps[i]
	o, err := r.step(ctx, i, s)
	if err != nil {
		return fmt.Errorf("step %d of %s: %w", i+1, s.Credential, err)
	}
	if out[i] = o; o.Effect != loaded {
		r.finished(out)
	}
	return nil
}

// finished tells how many steps are done.
func (r *run) finished(out map[int]Outcome) {
	n := 0
	for _, o := range out {
		if o.Effect != loaded {
			n++
		}
	}
	r.tell(n, len(r.plan.Steps))
}

// Stopped is ErrStopped while the kill switch is on.
func (e *Engine) Stopped() error { return e.Policy.Stopped() }

// step does one step, or what is left of it.
func (r *run) step(ctx context.Context, i int, s Step) (Outcome, error) {
	if s.Deed == "" {
		return r.passive(ctx, i, s)
	}
	at := r.journal[i]
	switch at.event {
	case verified:
		if over, err := r.over(ctx, s.Credential); !over || err != nil {
			return Outcome{s, Open, "done before, but its incident is open: make a new plan"}, err
		}
		return Outcome{s, Proven, "done before"}, nil
	case undoing, undone, undoFailed:
		return Outcome{s, Refused, "it was taken back: make a new plan"}, nil
	}
	a, why, err := r.prepare(ctx, i, s)
	switch {
	case err != nil:
		return Outcome{}, err
	case why != "":
		return Outcome{s, Refused, why}, nil
	case at.event == intent || at.event == answered:
		return a.takeUp(ctx, at)
	}
	if s.Disabled != "" {
		return a.remove(ctx)
	}
	called, done, err := r.calledElsewhere(ctx, s.Credential)
	switch {
	case err != nil:
		return Outcome{}, err
	case done && a.provider.Unchecked != "":
		return Outcome{s, Open, "it was called before, and nobody can check it: " + a.provider.Unchecked}, nil
	}
	if settled := called.Add(time.Duration(a.provider.Settle)); !called.IsZero() && r.Clock.Now().Before(settled) {
		return a.takeUp(ctx, progress{event: intent, called: called})
	}
	if why, err := r.awaits(ctx, s); why != "" || err != nil {
		return Outcome{s, Open, why}, err
	}
	return a.act(ctx)
}

// passive files a credential that was dead when the plan was made, and still is:
// what was disabled may have been enabled since.
func (r *run) passive(ctx context.Context, i int, s Step) (Outcome, error) {
	if s.Status != revoke.Dead {
		return Outcome{s, Nothing, s.Note}, nil
	}
	a, why, err := r.prepare(ctx, i, s)
	if err != nil {
		return Outcome{}, err
	}
	if why != "" {
		if over, err := r.over(ctx, s.Credential); over || err != nil {
			return Outcome{s, Nothing, s.Note}, err
		}
		return Outcome{s, Open, "it was dead when the plan was made, and cannot be looked at again: " + why}, nil
	}
	report, err := a.check(ctx)
	switch {
	case err != nil:
		return Outcome{}, err
	case report.Status != revoke.Dead:
		return Outcome{s, Open, fmt.Sprintf("it was dead when the plan was made and is %s now: make a new one; %s", report.Status, report.Why)}, nil
	}
	return Outcome{s, Nothing, s.Note}, r.file(ctx, s.Credential, report, nil)
}

// prepare gives what a step needs to be done, or why it is not done.
func (r *run) prepare(ctx context.Context, i int, s Step) (act, string, error) {
	c, p := r.cases[s.Credential], r.Catalogue.Provider(s.Provider)
	if why := r.hinders(c, p, s); why != "" {
		return act{}, why, nil
	}
	in := r.input(c, p)
	var err error
	in.Home, err = r.home(ctx, s.Credential, p)
	return act{run: r, index: i, step: s, provider: p, in: in}, "", err
}

// hinders says why a step is not done, "" when nothing is in the way.
func (r *run) hinders(c Case, p *revoke.Provider, s Step) string {
	switch {
	case s.Deed == Rotate:
		return "it is a rotation: leakgate remediate rotate apply"
	case s.Deed == Rollout:
		return "it is a rollout: leakgate remediate rollout apply"
	case c.Credential == "":
		return "its value was not found again: give the repository, or the value on standard input"
	case r.mark(c.Value) != s.Mark:
		return "the value is not the one of the plan"
	case !r.Policy.Owns(s.Repository) || !r.Policy.Owns(c.Repository):
		return "REFUSED_NOT_OWNED: the repository is not on the list of owned repositories"
	case p == nil:
		return "the provider of the plan is not known to this version"
	case r.pace.broken(r.Clock, p):
		return fmt.Sprintf("%s did not answer as it documents %d times in a row and is left alone", p.ID, maxFaults)
	}
	if data, err := p.Digest(); err != nil || data != s.Data {
		return "what is known of the provider changed since the plan was made: make a new one"
	}
	return ""
}
