package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/store"
)

// ErrElsewhere says that a credential was in another remote too, whose rewrite nobody has
// verified, or that was rolled back.
var ErrElsewhere = errors.New("this remote is clean, but the credential may be in the history of another")

// elsewhere looks at the last rewrite of each other remote that a credential was in. An incident
// is one for all of them, so it is purged with the last of these.
func (e *Engine) elsewhere(ctx context.Context, m *Manifest) error {
	done := []string{place(m.Remote)}
	for _, credential := range m.Credentials {
		var plans []store.PlanSeen
		err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
			plans, err = t.PlansFor(ctx, credential)
			return err
		})
		if err != nil {
			return err
		}
		for _, seen := range plans { // the newest first
			other, err := parse(seen.Body)
			if err != nil || !slices.Contains(other.Credentials, credential) || slices.Contains(done, place(other.Remote)) {
				continue // it is a plan of something else
			}
			p, err := e.recall(ctx, seen.Digest)
			switch {
			case err != nil:
				return err
			case p.last == "" || p.last == bundled || p.last == refused:
				continue // it moved nothing
			case p.last != verified: // torn, too
				return fmt.Errorf("%w: rewrite %s of %s is %s, and not verified", ErrElsewhere, seen.Digest, other.Remote, p.last)
			}
			done = append(done, place(other.Remote))
		}
	}
	return nil
}

// place is what a remote is, whatever way it is reached.
func place(remote string) string { return cmp.Or(gitrepo.RemoteName(remote), remote) }
