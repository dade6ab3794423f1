package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/seen"
)

// Ledger is where all replicas write down what they have seen.
type Ledger interface {
	// Asked reports whether an API server asks a replica about what is written, by
	// the word of that API server alone.
	Asked(ctx context.Context) (bool, error)
	Load(ctx context.Context) (e Entries, version string, err error)
	// Save writes unless the version is no longer that one, which is ErrConflict.
	Save(ctx context.Context, e Entries, version string) error
}

// Entries are the texts of a ledger.
type Entries struct{ Spans, Refusals string }

// RecordEvery is how often it is written down, and an API server made to show that
// it asks: so a cluster in which nobody writes a Secret for hours is told from one
// whose API server does not reach the webhook.
const RecordEvery = 10 * time.Minute

// Recorder writes down in which times an API server asked, and what was refused.
// A time counts from a proof to the next when no more than [seen.Quiet] is between.
type Recorder struct {
	ledger Ledger
	now    func() time.Time

	mu       sync.Mutex
	spans    seen.Spans // of this replica, since its start
	last     seen.Span
	refusals seen.Refusals // not written down yet
}

// NewRecorder writes to a ledger.
func NewRecorder(ledger Ledger, now func() time.Time) *Recorder {
	return &Recorder{ledger: ledger, now: now}
}

// Answered is told of every review. One that somebody forged adds a refusal at
// most, never time.
func (r *Recorder) Answered(q admission.Review, a admission.Answer) {
	if !a.Refused || q.DryRun {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusals = r.refusals.Add(seen.Refusal{Namespace: q.Namespace, Rule: a.Rule, Count: 1, Last: r.now()})
}

// Record has an API server show that it asks, and adds what this replica has seen
// to what all have.
func (r *Recorder) Record(ctx context.Context) error {
	asked, err := r.ledger.Asked(ctx)
	if err != nil {
		return fmt.Errorf("see whether the API server asks: %w", err)
	}
	if asked {
		r.asked(r.now())
	}
	err = ErrConflict
	for i := 0; i < attempts && errors.Is(err, ErrConflict); i++ {
		err = r.write(ctx)
	}
	switch {
	case err != nil:
		return fmt.Errorf("write down what was seen: %w", err)
	case !asked:
		return errors.New("the API server does not ask about its own ConfigMap: the registration is missing, or it does not reach this webhook")
	}
	return nil
}

func (r *Recorder) asked(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last.To) > seen.Quiet || now.Before(r.last.To) {
		r.last.From = now
	}
	r.last.To = now
	if n := len(r.spans); n > 0 && r.spans[n-1].From.Equal(r.last.From) {
		r.spans[n-1] = r.last
		return
	}
	r.spans = r.spans.Add(r.last)
}

func (r *Recorder) write(ctx context.Context) error {
	old, version, err := r.ledger.Load(ctx)
	if err != nil {
		return err
	}
	all, err := seen.Parse(old.Spans)
	if err != nil {
		all = nil // somebody wrote into it: it begins anew
	}
	refused, err := seen.ParseRefusals(old.Refusals)
	if err != nil {
		refused = nil
	}
	r.mu.Lock()
	for _, span := range r.spans {
		all = all.Add(span)
	}
	mine := r.refusals
	r.refusals = nil
	r.mu.Unlock()
	for _, one := range mine {
		refused = refused.Add(one)
	}
	next := Entries{all.String(), refused.Text()}
	if next == old {
		return nil
	}
	if err = r.ledger.Save(ctx, next, version); err != nil {
		r.keep(mine)
	}
	return err
}

// keep holds refusals until they can be written.
func (r *Recorder) keep(refused seen.Refusals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range refused {
		r.refusals = r.refusals.Add(one)
	}
}
