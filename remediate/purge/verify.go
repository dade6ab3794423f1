package purge

import (
	"context"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/store"
)

// Residue is what a rewrite did not reach.
type Residue struct {
	// Hidden are refs of the server's own that still hold a value.
	Hidden []Change `json:"hidden"`
	// Others are refs that hold one and that anybody can move.
	Others []Change `json:"others"`
	// Moved are refs that are no longer where the rewrite put them.
	Moved []string `json:"moved"`
}

// ErrResidue says that values are left where the rewrite should have reached.
var ErrResidue = errors.New("the remote still holds a value")

// Verify mirrors the remote afresh and looks whether any value is left in what
// its refs reach. When none is, the incidents of the credentials are purged.
func (e *Engine) Verify(ctx context.Context, digest string) (*Residue, error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	if p.last != pushed && p.last != verified && p.last != stayed {
		return nil, errors.New("the rewrite is not applied: there is nothing to verify")
	}
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer remove()
	advert, r, err := e.mirror(ctx, work)
	if err != nil {
		return nil, err
	}
	if r.Spec != m.Spec {
		return nil, errOtherSpec
	}
	now := map[string]string{}
	for _, ref := range advert.Refs {
		now[ref.Name] = ref.ID.String()
	}
	found := residue(r, p.moved, now)
	if len(found.Others) > 0 {
		return found, fmt.Errorf("%w in %s", ErrResidue, found.Others[0].Name)
	}
	if p.last != verified {
		if err := e.note(ctx, digest, verified, found); err != nil {
			return found, err
		}
	}
	return found, e.purged(ctx, m, digest)
}

func residue(r *Rewritten, moved []Change, now map[string]string) *Residue {
	var left Manifest
	left.fill(r)
	found := &Residue{Hidden: left.Remaining, Others: left.Changes, Moved: []string{}}
	for _, c := range moved {
		if now[c.Name] != c.New {
			found.Moved = append(found.Moved, c.Name)
		}
	}
	return found
}

// purged moves the incidents on, as far as a run that was cut off has not.
func (e *Engine) purged(ctx context.Context, m *Manifest, digest string) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		for _, id := range m.Credentials {
			in, err := t.Incident(ctx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && in.State != store.Revoked && in.State != store.Rotated {
				continue
			}
			if err != nil {
				return err
			}
			if err := t.Advance(ctx, in.ID, store.Move{To: store.Purged, By: e.Actor, Why: "rewrite " + digest}); err != nil {
				return err
			}
		}
		return nil
	})
}
