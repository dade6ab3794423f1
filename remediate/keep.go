package remediate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// ErrOtherPlan is the answer about a plan that another package made.
var ErrOtherPlan = errors.New("is none of credentials: leakgate rewrite may know it")

func (e *Engine) keep(ctx context.Context, plan *Plan) (string, error) {
	body, err := plan.encode()
	if err != nil {
		return "", err
	}
	digest, err := plan.Digest()
	if err != nil {
		return "", err
	}
	return digest, e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepPlan(ctx, digest, plan.Requester, body) })
}

// read reads a plan that was kept. A plan that is not what its digest says is refused.
func (e *Engine) read(ctx context.Context, digest string) (*Plan, error) {
	var body []byte
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		body, _, err = t.Plan(ctx, digest)
		return err
	})
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("plan %s was changed in the store: make a new one", digest)
	}
	plan := &Plan{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(plan); err != nil {
		return nil, fmt.Errorf("plan %s %w", digest, ErrOtherPlan)
	}
	return plan, nil
}

// genuine reads a plan that is to be acted on: one that this installation made,
// which an unbroken audit trail says. Somebody who can write the database can
// write a plan too, with fewer approvals than it needs.
func (e *Engine) genuine(ctx context.Context, digest string) (*Plan, error) {
	plan, err := e.read(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := e.trust(ctx); err != nil {
		return nil, err
	}
	made := false
	err = e.Store.Proven(ctx, digest, func(ev store.Event) error {
		made = made || ev.Action == "planned" && ev.Actor == plan.Requester
		return nil
	})
	if err == nil && !made {
		err = fmt.Errorf("plan %s was not made by this installation: make a new one", digest)
	}
	return plan, err
}

// trust looks whether the audit trail is whole, and sets the time below which no
// limit is judged: a clock that went back makes nothing valid again.
func (e *Engine) trust(ctx context.Context) error {
	if err := e.Store.VerifyNew(ctx); err != nil {
		return fmt.Errorf("nothing is done behind a broken audit trail: %w", err)
	}
	latest, err := e.Store.Latest(ctx)
	if err == nil && latest.After(e.floor) {
		e.floor = latest
	}
	return err
}

// now is the time by which limits are judged.
func (e *Engine) now() time.Time {
	if at := e.Clock.Now(); at.After(e.floor) {
		return at
	}
	return e.floor
}
