package purge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Rollback moves the refs back to where they were, all or none, each only if it
// is still where the rewrite put it, and if the undo is approved. The identities open the bundle. Values that
// were taken out are back then.
func (e *Engine) Rollback(ctx context.Context, digest string, identities []age.Identity) (err error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return err
	}
	defer release()
	if err := e.restoreAll(ctx, digest); err != nil {
		return err
	}
	defer e.finally(ctx, digest, &err)
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return err
	}
	back := reversed(p.moved)
	switch p.last {
	case returned: // it is as it was
		return e.unpurged(ctx, m, "rollback", digest)
	case pushed, verified, stayed:
		if p.gone {
			return errors.New("the bundle of what was there was destroyed: nobody can go back")
		}
	case returning, torn:
		refs, event, err := e.settle(ctx, digest, p)
		if err != nil {
			return err
		}
		switch event {
		case returned:
			return e.unpurged(ctx, m, "rollback", digest)
		case refused:
			return errors.New("every ref is where it was before the rewrite: there is nothing to roll back")
		case torn:
			back = reversed(moved(refs))
		}
	case pushing:
		return errors.New("a push was cut off: run leakgate rewrite apply again first")
	default:
		return errors.New("the rewrite is not applied: there is nothing to roll back")
	}
	if err := e.approved(ctx, m, digest, string(revoke.Undo)); err != nil {
		return err
	}
	if err := e.back(ctx, digest, p, back, identities); err != nil {
		return err
	}
	return e.unpurged(ctx, m, "rollback", digest)
}

// back sends the whole pack of the bundle: the remote may have dropped any of
// the old objects since. The changes are those of all refs, or of the ones that are not back yet.
func (e *Engine) back(ctx context.Context, digest string, p past, changes []Change, identities []age.Identity) error {
	work, remove, err := e.workplace()
	if err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	defer remove()
	dir := filepath.Join(work, "before.git")
	if _, err := p.bundle.open(dir, identities); err != nil {
		return err
	}
	pack, err := onlyPack(dir)
	if err != nil {
		return err
	}
	defer pack.Close()
	updates, err := asUpdates(changes)
	if err != nil {
		return err
	}
	if err := e.Policy.Stopped(); err != nil {
		return err
	}
	if err := e.note(ctx, digest, returning, struct{}{}); err != nil {
		return err
	}
	err = e.through(ctx, digest, func() error { return e.Remote.Push(ctx, updates, pack) })
	e.at("sent back")
	return e.end(ctx, digest, past{last: returning, moved: p.moved}, err)
}

// unpurged moves the incidents back: a step found, or brought, the values in history.
func (e *Engine) unpurged(ctx context.Context, m *Manifest, step, digest string) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		for _, id := range m.Credentials {
			err := t.Unpurge(ctx, id, e.Actor, step+" of rewrite "+digest)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

func onlyPack(dir string) (io.ReadSeekCloser, error) {
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		return nil, fmt.Errorf("the bundle holds %d packs, not one", len(packs))
	}
	return os.Open(packs[0])
}
