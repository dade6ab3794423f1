package remediate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/leakgate/leakgate/internal/store"
)

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
		return nil, fmt.Errorf("plan %s does not parse: %w", digest, err)
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
	if _, err := e.Store.VerifyTrail(ctx); err != nil {
		return nil, fmt.Errorf("nothing is done behind a broken audit trail: %w", err)
	}
	made := false
	err = e.Store.Trail(ctx, digest, func(ev store.Event) error {
		made = made || ev.Action == "planned" && ev.Actor == plan.Requester
		return nil
	})
	if err == nil && !made {
		err = fmt.Errorf("plan %s was not made by this installation: make a new one", digest)
	}
	return plan, err
}
