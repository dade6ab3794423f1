package purge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

// Destroy removes the bundle, which holds the values, once it is older than the
// policy lets it be kept; now: before that, if as many people approve it as approve
// a rewrite. Nobody can go back after that.
func (e *Engine) Destroy(ctx context.Context, digest string, now bool) error {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return err
	}
	if len(p.bundles) == 0 || p.gone {
		return nil
	}
	if p.last == pushing || p.last == returning || p.last == torn {
		return errors.New("a push was cut off, or moved some refs only: run leakgate rewrite apply, or rollback, again first")
	}
	if err := e.Policy.Stopped(); err != nil {
		return err
	}
	if until := p.keptAt.Add(e.Policy.Rewrite.KeepFor()); e.Now().Before(until) {
		if !now {
			return fmt.Errorf("the bundle is kept until %s", until.UTC().Format(time.RFC3339))
		}
		if err := e.approved(ctx, m, digest, remediate.KindDestroy); err != nil {
			return err
		}
	}
	for _, b := range p.bundles {
		if err := os.Remove(b.File); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("destroy the bundle: %w", err)
		}
	}
	return e.note(ctx, digest, destroyed, p.bundles)
}
