package purge

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Needed are what the audit trail files the events of a rewrite under, as long as
// somebody may act by them: it may still be applied, a push may be under way, or the
// bundle to go back by is there.
func Needed(ctx context.Context, s *store.Store, digest string, now time.Time) ([]string, error) {
	e := &Engine{Store: s}
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	over := p.gone || p.last == ""
	if over && m.younger(now) != nil {
		return nil, nil
	}
	return append(m.Credentials, digest), nil
}
