package remediate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Rotate is the deed of a step that writes a new value to a place. Package
// rotate does it; [Engine.Apply] does not.
const Rotate revoke.Deed = "rotate"

// Rollout is the deed of a step that replaces a password in stages. Package rollout
// does it; [Engine.Apply] does not.
const Rollout revoke.Deed = "rollout"

// Rotation is what the deed Rotate is to do.
type Rotation struct {
	Place  string          `json:"place"` // its name in the operator's file
	Data   string          `json:"data"`  // digest of what is configured of it
	Kind   string          `json:"kind"`
	Where  string          `json:"where"`
	From   string          `json:"from"` // the version that is replaced
	Mint   string          `json:"mint"`
	Reason string          `json:"reason"`
	Grace  revoke.Duration `json:"grace"` // after which the old version ends
	Ends   string          `json:"ends"`  // what then becomes of it
}

// Blank is a plan without steps, made now.
func (e *Engine) Blank() (*Plan, error) {
	now := e.Clock.Now().UTC().Truncate(time.Second)
	policy, err := e.Policy.digest()
	return &Plan{Made: now, Expires: now.Add(e.Policy.lifetime()), Requester: e.Actor, Policy: policy}, err
}

// Keep keeps a plan and gives its digest.
func (e *Engine) Keep(ctx context.Context, plan *Plan) (string, error) { return e.keep(ctx, plan) }

// Read reads a plan. One that is not what its digest says is refused.
func (e *Engine) Read(ctx context.Context, digest string) (*Plan, error) { return e.read(ctx, digest) }

// Genuine reads a plan that this installation made, behind an unbroken audit trail.
func (e *Engine) Genuine(ctx context.Context, digest string) (*Plan, error) {
	return e.genuine(ctx, digest)
}

// Journal reads that of a plan, as far as the audit trail tells the same.
func (e *Engine) Journal(ctx context.Context, plan *Plan, digest string) ([]store.Entry, error) {
	return e.Store.Journal(ctx, digest, plan.subjects()...)
}

// Admit reports whether a plan may be begun now: under the policy under which
// it was made, in its time, and with its approvals.
func (e *Engine) Admit(ctx context.Context, plan *Plan, digest string) error {
	return e.admit(ctx, plan, digest)
}

// AdmitUndo reports whether a plan may be taken back now: by its maker's proof
// and with approvals that were given for undo.
func (e *Engine) AdmitUndo(ctx context.Context, plan *Plan, digest string) error {
	if err := e.requested(ctx, plan, digest); err != nil {
		return err
	}
	return e.approved(ctx, plan, plan, digest, true)
}

// MayForever says why a run that did n deeds that cannot be taken back, and wrote them
// down, may not do one more; "" when it may.
func (e *Engine) MayForever(ctx context.Context, n int) (why string, err error) {
	if n >= e.Policy.budget() {
		return fmt.Sprintf("this run has done the %d deeds that cannot be taken back and that budget allows", n), nil
	}
	today, err := e.spent(ctx)
	if err == nil && today >= e.Policy.daily() {
		why = spentDaily(today)
	}
	return why, err
}

// Mark is what plans and journals know a value by.
func (e *Engine) Mark(value secret.Secret) string { return e.mark(value) }

// Known is the incident of a credential, if there is one.
func (e *Engine) Known(ctx context.Context, credential string) (in store.Incident, known bool, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		in, err = t.Incident(ctx, credential)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return in, false, nil
	}
	return in, err == nil, err
}

// Replaced files the incident of a credential as rotated, if it is revoked. What was
// purged since an earlier run came to its end, and which goes through it again, stays so.
func (e *Engine) Replaced(ctx context.Context, credential, why string, again bool) (in store.Incident, known bool, err error) {
	in, known, err = e.Known(ctx, credential)
	if err == nil && known && (in.State == store.Revoked || in.State == store.Purged && !again) {
		err = e.Store.Tx(ctx, func(t *store.Tx) error {
			return t.Advance(ctx, in.ID, store.Move{To: store.Rotated, By: e.Actor, Why: why})
		})
	}
	return in, known, err
}
