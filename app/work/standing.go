package work

import (
	"context"
	"encoding/json"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// installation keeps how an installation stands now, whatever the delivery said: it may be
// late. What was given up while it was suspended is asked again.
func (e *Engine) installation(ctx context.Context, guid string, f facts) error {
	now, err := e.Hub.Installed(ctx, f.Installation)
	if err != nil {
		return err
	}
	was, err := e.stood(ctx, f.Installation)
	if err != nil {
		return err
	}
	since, over := suspension(was, now, f)
	if over || f.Action == "unsuspend" && now.Standing == hub.Installed {
		if err := e.lookThrough(ctx, f.Installation, map[int64]bool{}); err != nil {
			return err
		}
	}
	e.Log.Info("an installation changed", "delivery", guid, "installation", f.Installation, "gone", now.Standing == hub.Gone, "suspended", now.Standing == hub.Suspended)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		first, err := t.Handle(ctx, guid)
		if err != nil || !first {
			return err
		}
		return e.stands(ctx, t, f.Installation, now, since, over)
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

// suspension says since when an installation was suspended that is so no more: as it was
// known, or as a delivery tells that comes late. Zero: nobody knows since when, as nothing at
// all was known of the installation. Of one of which only the end is told now, its begin was
// dealt with before, or will be when GitHub's word of it comes.
func suspension(was store.Installation, now hub.Stands, f facts) (since time.Time, over bool) {
	switch {
	case now.Standing != hub.Installed || !was.Forgotten.IsZero():
		return since, false
	case !was.Suspended.IsZero():
		return was.Suspended, true
	case f.Action == "suspend" && f.Since > 0:
		return time.Unix(f.Since, 0), true
	}
	return since, f.Action == "unsuspend" && was.ID == 0
}

// stood is what is known of an installation; zero for nothing.
func (e *Engine) stood(ctx context.Context, id int64) (was store.Installation, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		all, err := t.Installations(ctx)
		for _, i := range all {
			if i.ID == id {
				was = i
			}
		}
		return err
	})
	return was, err
}

// stands keeps how an installation stands, and asks again for what a suspension that is over
// had given up.
func (e *Engine) stands(ctx context.Context, t *store.Tx, id int64, now hub.Stands, since time.Time, over bool) error {
	i := store.Installation{ID: id, Suspended: now.Since}
	if now.Standing == hub.Gone {
		i.Gone = e.World.Now()
	}
	if err := t.Installed(ctx, i); err != nil || !over {
		return err
	}
	return e.resume(ctx, t, id, now.Account, since)
}

// resume asks again for what was given up while an installation was suspended: deliveries
// that nobody could turn into questions, and questions about pushes and merge groups that
// nobody could answer; pull requests are looked through. It tells people again what they could
// not be told. GitHub tells nobody of what is pushed meanwhile, so that the histories into
// which was pushed are swept.
func (e *Engine) resume(ctx context.Context, t *store.Tx, installation int64, account string, since time.Time) error {
	guids, err := t.Unhandled(ctx, installation)
	if err != nil {
		return err
	}
	for _, guid := range guids { // one that has a job still is handled once
		if _, err := e.enqueue(ctx, t, ingestArgs{GUID: guid}); err != nil {
			return err
		}
	}
	tips, err := t.Touched(ctx, installation, since)
	if err != nil {
		return err
	}
	asked, err := t.Revive(ctx, installation, since)
	if err != nil {
		return err
	}
	for _, q := range asked {
		if err := e.askAfterAll(ctx, t, q); err != nil {
			return err
		}
	}
	for _, tip := range tips { // where nothing changed nothing is sent
		if err := e.tell(ctx, t, tip); err != nil {
			return err
		}
	}
	if _, err := e.enqueue(ctx, t, followArgs{}); err != nil {
		return err
	}
	e.Log.Info("a suspension is over", "installation", installation, "deliveries", len(guids), "questions", len(asked), "heads", len(tips))
	return e.wantSince(ctx, t, account, since)
}

// askAfterAll gives a question a job that was revived, unless nobody asks it for the account
// that has the repository now.
func (e *Engine) askAfterAll(ctx context.Context, t *store.Tx, q store.Question) error {
	var body question
	if err := json.Unmarshal([]byte(q.Body), &body); err != nil {
		return err
	}
	if body.Left {
		return t.Abandon(ctx, q.ID)
	}
	return e.assign(ctx, t, q.ID)
}

// wantSince asks for a sweep of what was pushed since a time, with some more: GitHub's lists
// are late by minutes.
func (e *Engine) wantSince(ctx context.Context, t *store.Tx, account string, since time.Time) error {
	if !since.IsZero() {
		since = since.Add(-replayOverlap)
	}
	id, fresh, err := t.WantSweepSince(ctx, account, since)
	if err != nil || !fresh {
		return err
	}
	_, err = e.enqueue(ctx, t, sweepArgs{id})
	return err
}

// compare holds what is known of installations against where the App is, and asks about
// those that differ: GitHub's word of it may never have arrived.
func (e *Engine) compare(ctx context.Context, placed []hub.Placed) error {
	differs, err := e.differing(ctx, placed)
	if err != nil {
		return err
	}
	for _, id := range differs {
		now, err := e.Hub.Installed(ctx, id)
		if err != nil {
			return err
		}
		was, err := e.stood(ctx, id)
		if err != nil {
			return err
		}
		since, over := suspension(was, now, facts{})
		e.Log.Warn("an installation changed, and no delivery told", "installation", id, "gone", now.Standing == hub.Gone, "suspended", now.Standing == hub.Suspended)
		if err := e.Store.Tx(ctx, func(t *store.Tx) error { return e.stands(ctx, t, id, now, since, over) }); err != nil {
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
