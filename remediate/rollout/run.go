package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// Clock tells the time and waits. Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(context.Context, time.Duration) error
}

// Engine plans rollouts and applies them. It must not be used by two goroutines at once.
type Engine struct {
	Store   *store.Store
	Key     secret.Key
	Clock   Clock
	Actor   string                       // who runs it, for the audit trail
	Effects func(*Plan) (Effects, error) // of a plan
	Stopped func() error                 // the kill switch; nil when there is none

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

// Apply does what is due of a rollout and returns when it must wait, or is over. A
// run that was cut off is taken up. After an error nothing is lost: apply again.
func (e *Engine) Apply(ctx context.Context, digest string) (Standing, error) {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return Standing{}, err
	}
	defer release()
	plan, err := e.genuine(ctx, digest)
	if err != nil {
		return Standing{}, err
	}
	effects, err := e.Effects(plan)
	if err != nil {
		return Standing{}, err
	}
	r := &run{Engine: e, Effects: effects, plan: plan, digest: digest}
	if err := r.recall(ctx); err != nil {
		return Standing{}, err
	}
	return r.advance(ctx)
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
// One whose old version is gone cannot.
func (e *Engine) GoBack(ctx context.Context, digest, why string) error {
	release, err := e.Store.Exclusive(ctx, "apply")
	if err != nil {
		return err
	}
	defer release()
	plan, err := e.genuine(ctx, digest)
	if err != nil {
		return err
	}
	r := &run{Engine: e, plan: plan, digest: digest}
	if err := r.recall(ctx); err != nil {
		return err
	}
	if r.journal[retired].event != "" {
		return fmt.Errorf("%s is retired: roll out again", plan.Old)
	}
	return r.note(ctx, verdict, failed, why)
}

// run is one application of a plan.
type run struct {
	*Engine
	Effects
	plan    *Plan
	digest  string
	journal map[int]line
}

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
	told, err := r.told(ctx)
	if err != nil {
		return err
	}
	return r.Store.Tx(ctx, func(t *store.Tx) error {
		entries, err := t.Journal(ctx, r.digest)
		if err == nil && len(entries) != len(told) {
			err = fmt.Errorf("the journal has %d lines, and the audit trail tells of %d: make a new plan", len(entries), len(told))
		}
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if err := r.learn(entry.Step, entry.Event, entry.Body, told[i].At); err != nil {
				return err
			}
			if said := (said{r.plan.word(entry.Step), r.journal[entry.Step].detail}); told[i].Action != "rollout "+entry.Event || told[i].said != said {
				return fmt.Errorf("line %d of the journal is not what the audit trail tells: make a new plan", i+1)
			}
		}
		return nil
	})
}

// said is what the audit trail says with an event of a rollout.
type said struct{ Step, Why string }

type told struct {
	store.Event
	said
}

// told are the events of the rollout.
func (r *run) told(ctx context.Context) (all []told, err error) {
	err = r.Store.Proven(ctx, r.digest, func(e store.Event) error {
		if !strings.HasPrefix(e.Action, "rollout ") {
			return nil
		}
		one := told{Event: e}
		if err := json.Unmarshal(e.Body, &one.said); err != nil {
			return fmt.Errorf("audit event %d: %w", e.Seq, err)
		}
		all = append(all, one)
		return nil
	})
	return all, err
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
		if err := t.Note(ctx, r.digest, step, event, why); err != nil {
			return err
		}
		_, err := t.Audit(ctx, r.Actor, "rollout "+event, r.digest, map[string]string{"rollout": r.plan.Name, "step": r.plan.word(step), "why": why})
		return err
	})
	if err != nil {
		return err
	}
	return r.learn(step, event, body, r.Clock.Now())
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
