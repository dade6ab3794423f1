package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Engine plans rollouts and applies them. It must not be used by two goroutines at once.
type Engine struct {
	*remediate.Engine
	Effects func(*Plan) (Effects, error) // of a plan

	crash func(point string) // tests end the process here
}

// State is where a rollout stands.
type State string

// The zero State never comes back without an error.
const (
	Waiting    State = "waiting"     // for a dwell, a gate or the grace; come again at Next
	Finished   State = "finished"    // all consumers use the new version, and the old one is gone
	RolledBack State = "rolled back" // all consumers use the old version, and the new one is gone
)

// Standing is how far a rollout has come.
type Standing struct {
	State State
	Why   string
	Next  time.Time // when something may be due again; zero when nothing is
}

// The numbers of the steps in the journal.
const (
	minted    = 0
	delivered = 1
	retired   = 2
	firstMove = 10
	firstBack = 1000 // moves back, in the order of the stages
	withdrawn = 3    // the new version after a failure
	verdict   = 4    // that it failed
)

// The events of the journal of a step, in their order.
const (
	intent = "intent" // it is about to be done
	done   = "done"
	passed = "passed" // the gate of a stage
	failed = "failed" // the rollout goes back
)

// Apply does what is due of a rollout and returns when it must wait, or is over. It
// is begun under approval, within the plan's lifetime; what was begun goes on. A
// run that was cut off is taken up. After an error nothing is lost: apply again.
func (e *Engine) Apply(ctx context.Context, digest string) (Standing, error) {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return Standing{}, err
	}
	defer release()
	r, err := e.open(ctx, digest)
	if err != nil {
		return Standing{}, err
	}
	if !r.begun() {
		if err := e.Admit(ctx, r.law, digest); err != nil {
			return Standing{}, err
		}
	}
	if r.Effects, err = e.Effects(r.plan); err != nil {
		return Standing{}, err
	}
	return r.advance(ctx)
}

// open reads a plan that is to be acted on, and how far it has come.
func (e *Engine) open(ctx context.Context, digest string) (*run, error) {
	law, err := e.Genuine(ctx, digest)
	if err != nil {
		return nil, err
	}
	plan, err := of(law)
	if err != nil {
		return nil, err
	}
	r := &run{Engine: e, law: law, plan: plan, digest: digest}
	return r, r.recall(ctx)
}

// Follow applies a rollout until it is over, and sleeps between.
func (e *Engine) Follow(ctx context.Context, digest string, tell func(Standing)) (Standing, error) {
	for {
		s, err := e.Apply(ctx, digest)
		if err != nil || s.State != Waiting {
			return s, err
		}
		tell(s)
		if err := e.Clock.Sleep(ctx, s.Next.Sub(e.Clock.Now())); err != nil {
			return s, err
		}
	}
}

// GoBack makes the rollout go back at the next Apply, as after a gate that failed.
// Consumers then use the old value, which may have leaked: where the policy asks
// approvals, it needs its own. One whose old version is gone cannot.
func (e *Engine) GoBack(ctx context.Context, digest, why string) error {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return err
	}
	defer release()
	r, err := e.open(ctx, digest)
	if err != nil {
		return err
	}
	if err := e.AdmitUndo(ctx, r.law, digest); err != nil {
		return err
	}
	if r.journal[retired].event != "" {
		return fmt.Errorf("%s is retired: roll out again", r.plan.Old)
	}
	return r.note(ctx, verdict, failed, why)
}

// run is one application of a plan.
type run struct {
	*Engine
	Effects
	law     *remediate.Plan // by which it is judged whether it may be done
	plan    *Plan
	digest  string
	journal map[int]line
}

// begun reports whether something was done, or the rollout goes back.
func (r *run) begun() bool { return len(r.journal) > 0 }

// line is how far the journal says that a step has come.
type line struct {
	event  string
	at     time.Time
	done   time.Time // when it was done
	detail string
}

// recall reads the journal, as far as the audit trail tells the same: a line that
// somebody else wrote would pass a gate, or end a grace.
func (r *run) recall(ctx context.Context) error {
	r.journal = map[int]line{}
	entries, err := r.Journal(ctx, r.law, r.digest)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := r.learn(entry.Step, entry.Event, entry.Body, entry.At); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) learn(step int, event string, body json.RawMessage, at time.Time) error {
	l := r.journal[step]
	l.event, l.at = event, at
	if event == done {
		l.done = at
	}
	if err := json.Unmarshal(body, &l.detail); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	r.journal[step] = l
	return nil
}

// note writes a line into the journal and into the audit trail, and remembers it.
func (r *run) note(ctx context.Context, step int, event, why string) error {
	body, err := json.Marshal(why)
	if err != nil {
		return err
	}
	err = r.Store.Tx(ctx, func(t *store.Tx) error {
		if event == intent { // nobody else may be about to do it
			if err := t.Holds(ctx, "apply"); err != nil {
				return err
			}
		}
		return t.Write(ctx, r.Actor, store.Line{
			Plan: r.digest, Step: step, Event: event, Body: why, Action: string(remediate.Rollout) + " " + verb(step, event), Subject: r.law.Steps[0].Subject(),
			More: r.more(step, event),
		})
	})
	if err != nil {
		return err
	}
	return r.learn(step, event, body, r.Clock.Now())
}

// verb is what the audit trail calls an event of a step.
func verb(step int, event string) string {
	if event == passed || event == failed {
		return event
	}
	ing, ed := "moving", "moved"
	switch {
	case step == minted:
		ing, ed = "minting", "minted"
	case step == delivered:
		ing, ed = "delivering", "delivered"
	case step == retired:
		ing, ed = "ending", "ended"
	case step == withdrawn:
		ing, ed = "withdrawing", "withdrawn"
	case step >= firstBack:
		ing, ed = "returning", "returned"
	}
	if event == intent {
		return ing
	}
	return ed
}

// more is what the audit trail says of a step beside its line.
func (r *run) more(step int, event string) map[string]any {
	more := map[string]any{"rollout": r.plan.Name, "host": r.plan.Database.Host, "what": r.plan.word(step)}
	switch {
	case step == retired && event == intent:
		more["forever"] = true
	case step == retired:
		more["user"], more["minted"] = r.plan.New, r.journal[minted].done.UTC().Format(time.RFC3339)
	case step >= firstMove && step < firstBack:
		more["place"], more["follows"] = r.plan.Stages[step-firstMove].Name, event == passed && step == firstMove+len(r.plan.Stages)-1
	}
	return more
}

// word is a step for people.
func (p *Plan) word(step int) string {
	switch {
	case step == minted:
		return "make " + p.New
	case step == delivered:
		return "deliver " + p.New
	case step == retired:
		return "retire " + p.Old
	case step == withdrawn:
		return "retire " + p.New
	case step == verdict:
		return "go back"
	case step >= firstBack && step-firstBack < len(p.Stages):
		return fmt.Sprintf("move %s to %s", p.Stages[step-firstBack].Name, p.Old)
	case step >= firstMove && step-firstMove < len(p.Stages):
		return fmt.Sprintf("move %s to %s", p.Stages[step-firstMove].Name, p.New)
	}
	return fmt.Sprintf("step %d", step)
}

func (e *Engine) at(point string) {
	if e.crash != nil {
		e.crash(point)
	}
}
