package purge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Rules are what the remote holds a push against, and what can be opened for us alone.
// Nothing of it is deleted, and no rule is changed: only who is let through.
type Rules interface {
	// Look says what Turn would change, as it is now; null for nothing.
	Look(ctx context.Context) (json.RawMessage, error)
	// Turn lets us through, or puts back what Look said. Each may be done again.
	Turn(ctx context.Context, before json.RawMessage, open bool) error
}

// Events of the journal of what was opened. They say nothing of where the refs are.
const (
	opening  = "opening the rules" // they are about to be; with what was before
	restored = "rules restored"
)

// restoring is how long putting the rules back may take, also of a run that is told to end.
const restoring = 2 * time.Minute

// through sends a push, and lets it through the rules first where that is wanted.
func (e *Engine) through(ctx context.Context, digest string, push func() error) error {
	if e.Rules == nil {
		return push()
	}
	before, err := e.Rules.Look(ctx)
	if err != nil {
		return err
	}
	if string(before) == "null" {
		return push()
	}
	if err := e.note(ctx, digest, opening, before); err != nil {
		return err
	}
	if err := e.Rules.Turn(ctx, before, true); err != nil {
		return fmt.Errorf("let the push through the rules: %w", err)
	}
	e.at("opened")
	return push()
}

// restore puts the rules back that a push was let through, of this run or of one that
// was cut off.
func (e *Engine) restore(ctx context.Context, digest string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoring)
	defer cancel()
	before, err := e.opened(ctx, digest)
	if err != nil || before == nil {
		return err
	}
	if e.Rules == nil {
		return fmt.Errorf("the rules of the remote are open since a run was cut off: leakgate rewrite recover %s", digest)
	}
	e.at("restoring")
	if err := e.Rules.Turn(ctx, before, false); err != nil {
		return fmt.Errorf("put the rules of the remote back (they are open; leakgate rewrite recover %s): %w", digest, err)
	}
	e.at("put back")
	return e.note(ctx, digest, restored, struct{}{})
}

// restoreAll puts back what any run left open on the remote, of whatever plan.
func (e *Engine) restoreAll(ctx context.Context, digest string) error {
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return err
	}
	var plans []string
	err = e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		plans, err = t.Plans(ctx)
		return err
	})
	for _, other := range plans {
		if o, ferr := e.Manifest(ctx, other); ferr != nil || o.Remote != m.Remote {
			continue // the plan of something else
		}
		if ferr := e.restore(ctx, other); !errors.Is(ferr, store.ErrPruned) {
			err = errors.Join(err, ferr)
		}
	}
	return err
}

// opened is what the rules were before they were opened, nil when they are not open.
func (e *Engine) opened(ctx context.Context, digest string) (before json.RawMessage, err error) {
	entries, err := e.Store.Journal(ctx, digest, digest)
	for _, entry := range entries {
		switch entry.Event {
		case opening:
			before = entry.Body
		case restored:
			before = nil
		}
	}
	return before, err
}

// Recover puts back the rules that a run opened and could not put back. It says
// whether there was something to do. While a run is at it, that is an error. What that
// run asked for last may be carried out only after it ended: with a pause, not nil, the
// rules are put back before and after it.
func (e *Engine) Recover(ctx context.Context, digest string, pause func(context.Context) error) (did bool, err error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return false, err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return false, err
	}
	if err := e.ours(m); err != nil {
		return false, err
	}
	before, err := e.opened(ctx, digest)
	if err != nil || before == nil {
		return false, err
	}
	if pause != nil && e.Rules != nil {
		if err := errors.Join(e.Rules.Turn(ctx, before, false), pause(ctx)); err != nil {
			return true, err
		}
	}
	return true, e.restore(ctx, digest)
}

// finally puts the rules back when a step ends, however it ends.
func (e *Engine) finally(ctx context.Context, digest string, err *error) {
	*err = errors.Join(*err, e.restore(ctx, digest))
}
