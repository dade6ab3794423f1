package purge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// gone are the states of an incident whose credential is dead.
var gone = map[store.State]bool{store.Revoked: true, store.Rotated: true, store.Purged: true, store.Closed: true}

// admit looks at what must hold before anything is done.
func (e *Engine) admit(ctx context.Context, m *Manifest, digest string) error {
	if err := e.ours(m); err != nil {
		return err
	}
	if err := m.younger(e.Now()); err != nil {
		return err
	}
	if err := e.dead(ctx, m); err != nil {
		return err
	}
	return e.approved(ctx, m, digest, "")
}

// ours refuses a remote that the operator does not list, or that is not the plan's.
func (e *Engine) ours(m *Manifest) error {
	if m.Remote != e.Remote.Address {
		return fmt.Errorf("the plan is for %s, not for %s", m.Remote, e.Remote.Address)
	}
	if name := gitrepo.RemoteName(m.Remote); !e.Policy.Owns(cmp.Or(name, m.Remote)) {
		return fmt.Errorf("%s is not on the operator's list of what is owned", cmp.Or(name, m.Remote))
	}
	return nil
}

// named holds what a plan replaces against the credentials that it names: these
// are what must be dead, and what is purged in the end.
func named(r *Rewritten, credentials []string, override string) error {
	for _, id := range credentials {
		if !slices.Contains(r.Credentials, id) {
			return fmt.Errorf("no value of %s is among what is replaced: give it, or do not name it", id)
		}
	}
	if override != "" || len(credentials) == 0 {
		return nil // without both, the plan is held back when it is applied
	}
	for _, id := range r.Credentials {
		if !slices.Contains(credentials, id) {
			return fmt.Errorf("%s is replaced and not named, so nobody can tell that it is dead: give --credential %s too, or --override and a reason", id, id)
		}
	}
	if r.Others > 0 {
		return errors.New("expressions and paths name no credential, so nobody can tell that what they take out is dead: give --override and a reason")
	}
	return nil
}

// dead holds a rewrite back until its credentials are: taking a value that works
// out of history only hides it.
func (e *Engine) dead(ctx context.Context, m *Manifest) error {
	if m.Override != "" {
		return nil
	}
	if len(m.Credentials) == 0 {
		return errors.New("the plan names no credential, so nobody can tell that it is dead; plan again with --override and a reason if it cannot work any more")
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		var alive []error
		for _, id := range m.Credentials {
			in, err := t.Incident(ctx, id)
			switch {
			case errors.Is(err, store.ErrNotFound):
				alive = append(alive, fmt.Errorf("%s was never checked: leakgate remediate plan", id))
			case err != nil:
				return err
			case !gone[in.State]:
				alive = append(alive, fmt.Errorf("%s is not known to be dead (its incident is %s): leakgate remediate plan", id, in.State))
			}
		}
		return errors.Join(alive...)
	})
}

// Approve keeps an approval of a plan, if it is a valid one.
func (e *Engine) Approve(ctx context.Context, a remediate.Approval) error {
	m, err := e.Manifest(ctx, a.Plan)
	if err != nil {
		return err
	}
	if err := e.Policy.Accepts(a, a.Plan, m.Requester, e.Now()); err != nil {
		return err
	}
	if a.Word != "" {
		if _, err := e.Matter(ctx, a.Plan, a.Word, a.Of); err != nil {
			return err
		}
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode approval: %w", err)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepApproval(ctx, a.Plan, a.Approver, a.Kind(), body) })
}

// Request keeps the word of who made a plan, if it is valid.
func (e *Engine) Request(ctx context.Context, q remediate.Request) error {
	m, err := e.Manifest(ctx, q.Plan)
	if err != nil {
		return err
	}
	if err := e.Policy.Proves(q, q.Plan, m.Requester); err != nil {
		return err
	}
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		return t.KeepApproval(ctx, q.Plan, q.Requester, remediate.KindRequest, body)
	})
}

// approved reports whether a plan, its undo, or the early end of its bundle, which
// the kind of an approval tells apart, has the words that it needs now: that of who
// made the plan, where the operator wants that proven, and those of approvers.
func (e *Engine) approved(ctx context.Context, m *Manifest, digest, kind string) error {
	bodies, err := e.words(ctx, digest)
	if err != nil {
		return err
	}
	if !e.requested(bodies, m, digest) {
		return e.unrequested(m, digest)
	}
	valid, faults := e.signed(bodies, m, digest, kind, "")
	need, verb := e.Policy.Rewrite.Need(), "approve"
	if kind != "" {
		verb = "approve --" + kind
	} else {
		more, err := e.stillReviewed(ctx, bodies, m, digest, valid)
		if err != nil {
			return err
		}
		faults = append(faults, more...)
	}
	if len(valid) >= need {
		return nil
	}
	return errors.Join(append(faults, fmt.Errorf("the plan has %d of %d approvals: leakgate rewrite %s %s", len(valid), need, verb, digest))...)
}

// words are all that people signed of a plan, valid or not.
func (e *Engine) words(ctx context.Context, digest string) (bodies [][]byte, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		bodies, err = t.Approvals(ctx, digest)
		return err
	})
	return bodies, err
}

// signed are the approvers whose approvals of a kind, and of what it is of, count now.
func (e *Engine) signed(bodies [][]byte, m *Manifest, digest, kind, of string) (valid map[string]bool, faults []error) {
	valid = map[string]bool{}
	for _, body := range bodies {
		var a remediate.Approval
		if err := json.Unmarshal(body, &a); err != nil || a.Approver == "" || a.Kind() != kind || a.Of != of {
			continue // it is of something else
		}
		if err := e.Policy.Accepts(a, digest, m.Requester, e.Now()); err != nil {
			faults = append(faults, err)
			continue
		}
		valid[a.Approver] = true
	}
	return valid, faults
}

func (e *Engine) unrequested(m *Manifest, digest string) error {
	return fmt.Errorf("nobody proved to be %s, who made the plan: leakgate rewrite approve --request %s", m.Requester, digest)
}

func (e *Engine) requested(bodies [][]byte, m *Manifest, digest string) bool {
	if len(e.Policy.Requesters) == 0 {
		return true
	}
	for _, body := range bodies {
		var q remediate.Request
		if json.Unmarshal(body, &q) == nil && e.Policy.Proves(q, digest, m.Requester) == nil {
			return true
		}
	}
	return false
}
