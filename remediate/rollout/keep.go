package rollout

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

// Idle says which of two users is the new version: the one that cannot sign in and
// has no session, which is one that does not exist too.
func Idle(ctx context.Context, users [2]string, retired func(context.Context, string) (bool, error)) (old, idle string, err error) {
	var free [2]bool
	for i, user := range users {
		if free[i], err = retired(ctx, user); err != nil {
			return "", "", fmt.Errorf("nobody can tell whether %s is in use: %w", user, err)
		}
	}
	switch free {
	case [2]bool{false, true}:
		return users[0], users[1], nil
	case [2]bool{true, false}:
		return users[1], users[0], nil
	case [2]bool{true, true}:
		return "", "", fmt.Errorf("neither %s nor %s can sign in: one of them is in use before a rollout", users[0], users[1])
	}
	return "", "", fmt.Errorf("both %s and %s can sign in: end the rollout before, or disable the one that is not used", users[0], users[1])
}

// Plan makes a plan and keeps it. It does nothing else.
func (e *Engine) Plan(ctx context.Context, spec Spec, old, idle string) (*Plan, string, error) {
	n, err := nonce()
	if err != nil {
		return nil, "", err
	}
	p := &Plan{Spec: spec, Made: e.Clock.Now().UTC().Truncate(time.Second), Requester: e.Actor, Old: old, New: idle, Nonce: n}
	body, err := json.Marshal(p)
	if err != nil {
		return nil, "", fmt.Errorf("encode plan: %w", err)
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	return p, digest, e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepPlan(ctx, digest, p.Requester, body) })
}

// Read reads a plan. One that is not what its digest says is refused.
func (e *Engine) Read(ctx context.Context, digest string) (*Plan, error) {
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
	p := &Plan{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil || p.Nonce == "" {
		return nil, errors.New("it is no plan of a rollout: see leakgate remediate status")
	}
	return p, nil
}

// genuine reads a plan that is to be acted on: one that this installation made,
// which an unbroken audit trail says.
func (e *Engine) genuine(ctx context.Context, digest string) (*Plan, error) {
	p, err := e.Read(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := e.Store.VerifyNew(ctx); err != nil {
		return nil, fmt.Errorf("nothing is done behind a broken audit trail: %w", err)
	}
	made := false
	err = e.Store.Proven(ctx, digest, func(ev store.Event) error {
		made = made || ev.Action == "planned" && ev.Actor == p.Requester
		return nil
	})
	if err == nil && !made {
		err = fmt.Errorf("plan %s was not made by this installation: make a new one", digest)
	}
	return p, err
}

// Done is a line of a rollout's journal, for people.
type Done struct {
	At    time.Time
	Step  string
	Event string
	Why   string
}

// Journal is what a rollout did so far.
func (e *Engine) Journal(ctx context.Context, digest string) (all []Done, err error) {
	p, err := e.Read(ctx, digest)
	if err != nil {
		return nil, err
	}
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		entries, err := t.Journal(ctx, digest)
		for _, entry := range entries {
			d := Done{At: entry.At, Step: p.word(entry.Step), Event: entry.Event}
			if err := json.Unmarshal(entry.Body, &d.Why); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			all = append(all, d)
		}
		return err
	})
	return all, err
}
