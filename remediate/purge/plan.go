package purge

import (
	"context"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Plan mirrors the remote, makes its new history aside, and keeps what would
// change. Nothing on the remote is touched. The error is ErrNothing when nothing
// would change. override is why a credential need not be dead; "" for none.
func (e *Engine) Plan(ctx context.Context, credentials []string, override string) (*Manifest, error) {
	isActor := func(who remediate.Approver) bool { return who.Name == e.Actor }
	if list := e.Policy.Requesters; len(list) > 0 && !slices.ContainsFunc(list, isActor) {
		return nil, fmt.Errorf("%s is not on the list of requesters, so the plan could never be applied", e.Actor)
	}
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	defer remove()
	advert, r, err := e.mirror(ctx, work)
	if err != nil {
		return nil, err
	}
	if err := named(r, credentials, override); err != nil {
		return nil, err
	}
	m := &Manifest{Version: manifestVersion, Remote: e.Remote.Address, Requester: e.Actor, Made: e.Now().UTC(),
		Credentials: slices.Sorted(slices.Values(credentials)), Override: override, Refs: len(advert.Refs)}
	m.Expires = m.Made.Add(lifetime)
	m.fill(r)
	if len(m.Changes)+len(m.Remaining) == 0 {
		if len(m.Archives) > 0 {
			return nil, fmt.Errorf("values are in %d archives or compressed files only (the first is %s), which are not rewritten: take them out with --drop PATH", len(m.Archives), m.Archives[0])
		}
		if len(m.Unread) > 0 {
			return nil, fmt.Errorf("no value is left that can be seen, but of %d archives nobody can tell (the first is %s)", len(m.Unread), m.Unread[0])
		}
		return nil, ErrNothing
	}
	return m, e.keep(ctx, m)
}

func (e *Engine) keep(ctx context.Context, m *Manifest) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	text, err := m.text()
	if err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepPlan(ctx, digest, e.Actor, text) })
}

// Manifest reads a plan that was kept.
func (e *Engine) Manifest(ctx context.Context, digest string) (*Manifest, error) {
	var text []byte
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		text, _, err = t.Plan(ctx, digest)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := parse(text)
	if err != nil {
		return nil, err
	}
	if own, err := m.Digest(); err != nil || own != digest {
		return nil, fmt.Errorf("the plan that is kept as %s is another one: the store was changed", digest)
	}
	return m, nil
}
