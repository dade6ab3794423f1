package work

import (
	"context"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// installation keeps how an installation stands now, whatever the delivery said: it may be
// late. What was given up while it was suspended is asked again.
func (e *Engine) installation(ctx context.Context, guid string, f facts) error {
	i, err := e.standing(ctx, f.Installation)
	if err != nil {
		return err
	}
	if f.Action == "unsuspend" && i.Gone.IsZero() && i.Suspended.IsZero() {
		if err := e.lookThrough(ctx, f.Installation, map[int64]bool{}); err != nil {
			return err
		}
	}
	e.Log.Info("an installation changed", "delivery", guid, "installation", f.Installation, "gone", !i.Gone.IsZero(), "suspended", !i.Suspended.IsZero())
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		first, err := t.Handle(ctx, guid)
		if err != nil || !first {
			return err
		}
		return t.Installed(ctx, i)
	})
}

// reach looks at what an installation reaches now, whatever the delivery said.
func (e *Engine) reach(ctx context.Context, guid string, f facts) error {
	if forgotten, err := e.forgotten(ctx, f.Installation); err != nil || forgotten {
		return err
	}
	listed, err := e.Hub.Repositories(ctx, f.Installation)
	if err != nil {
		return err
	}
	if err := e.takeStock(ctx, f.Installation, listed); err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { _, err := t.Handle(ctx, guid); return err })
}

// standing asks GitHub how an installation stands.
func (e *Engine) standing(ctx context.Context, id int64) (store.Installation, error) {
	i := store.Installation{ID: id}
	there, err := e.Hub.Installed(ctx, id)
	switch {
	case err != nil:
		return i, err
	case there == hub.Gone:
		i.Gone = e.World.Now()
	case there == hub.Suspended:
		i.Suspended = e.World.Now()
	}
	return i, nil
}

// compare holds what is known of installations against where the App is, and asks about
// those that differ: GitHub's word of it may never have arrived.
func (e *Engine) compare(ctx context.Context, placed []hub.Placed) error {
	differs, err := e.differing(ctx, placed)
	if err != nil {
		return err
	}
	for _, id := range differs {
		i, err := e.standing(ctx, id)
		if err != nil {
			return err
		}
		e.Log.Warn("an installation changed, and no delivery told", "installation", id, "gone", !i.Gone.IsZero(), "suspended", !i.Suspended.IsZero())
		if err := e.Store.Tx(ctx, func(t *store.Tx) error { return t.Installed(ctx, i) }); err != nil {
			return err
		}
	}
	return nil
}

// differing are the installations that stand otherwise than is known.
func (e *Engine) differing(ctx context.Context, placed []hub.Placed) (differs []int64, err error) {
	known, tenants := map[int64]store.Installation{}, []int64(nil)
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		all, err := t.Installations(ctx)
		if err != nil {
			return err
		}
		for _, i := range all {
			known[i.ID] = i
		}
		tenants, err = t.Tenants(ctx)
		return err
	})
	there := map[int64]bool{}
	for _, p := range placed {
		i := known[p.ID]
		if there[p.ID] = true; i.Forgotten.IsZero() && (!i.Gone.IsZero() || p.Suspended == i.Suspended.IsZero()) {
			differs = append(differs, p.ID)
		}
	}
	for _, id := range tenants {
		if i := known[id]; !there[id] && i.Gone.IsZero() && i.Forgotten.IsZero() {
			differs = append(differs, id)
		}
	}
	return differs, err
}

// forgotten reports whether nothing of an installation is taken in any more.
func (e *Engine) forgotten(ctx context.Context, id int64) (is bool, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		all, err := t.Forgotten(ctx)
		is = all[id]
		return err
	})
	return is, err
}
