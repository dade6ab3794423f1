package purge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
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
	if err := e.restore(ctx, digest); err != nil {
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
	switch p.last {
	case returned:
		return nil // it is as it was
	case pushed, verified, stayed:
		if p.gone {
			return errors.New("the bundle of what was there was destroyed: nobody can go back")
		}
	case returning:
		done, err := e.wasReturned(ctx, p.moved)
		if err != nil {
			return err
		}
		if done {
			return e.note(ctx, digest, returned, struct{}{})
		}
	default:
		return errors.New("the rewrite is not applied: there is nothing to roll back")
	}
	if err := e.approved(ctx, m, digest, true); err != nil {
		return err
	}
	return e.back(ctx, digest, p, identities)
}

func (e *Engine) wasReturned(ctx context.Context, moved []Change) (bool, error) {
	a, err := e.Remote.Writable(ctx)
	if err != nil {
		return false, err
	}
	now := map[string]string{}
	for _, ref := range a.Refs {
		now[ref.Name] = ref.ID.String()
	}
	for _, c := range moved {
		if now[c.Name] != c.Old {
			return false, nil
		}
	}
	return true, nil
}

// back sends the whole pack of the bundle: the remote may have dropped any of
// the old objects since.
func (e *Engine) back(ctx context.Context, digest string, p past, identities []age.Identity) error {
	work, remove, err := e.workplace()
	if err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	defer remove()
	dir := filepath.Join(work, "before.git")
	if err := p.bundle.open(dir, identities); err != nil {
		return err
	}
	pack, err := onlyPack(dir)
	if err != nil {
		return err
	}
	defer pack.Close()
	updates, err := asUpdates(p.moved)
	if err != nil {
		return err
	}
	for i, u := range updates {
		updates[i] = wire.Update{Name: u.Name, Old: u.New, New: u.Old}
	}
	if err := e.Policy.Stopped(); err != nil {
		return err
	}
	if err := e.note(ctx, digest, returning, struct{}{}); err != nil {
		return err
	}
	err = e.through(ctx, digest, func() error { return e.Remote.Push(ctx, updates, pack) })
	if err != nil {
		return e.failed(ctx, digest, stayed, err)
	}
	e.at("sent back")
	return e.note(ctx, digest, returned, struct{}{})
}

func onlyPack(dir string) (io.ReadSeekCloser, error) {
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		return nil, fmt.Errorf("the bundle holds %d packs, not one", len(packs))
	}
	return os.Open(packs[0])
}

// Destroy removes the bundle, which holds the values, once it is older than the
// policy lets it be kept. Nobody can go back after that.
func (e *Engine) Destroy(ctx context.Context, digest string, now bool) error {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return err
	}
	defer release()
	p, err := e.recall(ctx, digest)
	if err != nil {
		return err
	}
	if p.bundle.File == "" || p.gone {
		return nil
	}
	if p.last == pushing || p.last == returning {
		return errors.New("a push was cut off: run leakgate rewrite apply, or rollback, again first")
	}
	info, err := os.Stat(p.bundle.File)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("destroy the bundle: %w", err)
	}
	if err == nil {
		if until := info.ModTime().Add(e.Policy.Rewrite.KeepFor()); !now && e.Now().Before(until) {
			return fmt.Errorf("the bundle is kept until %s", until.UTC().Format(time.RFC3339))
		}
		if err := os.Remove(p.bundle.File); err != nil {
			return fmt.Errorf("destroy the bundle: %w", err)
		}
	}
	return e.note(ctx, digest, destroyed, p.bundle)
}
