package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// What nobody outside reads and what can be taken back need not stop at once where
// its consumers are being given a new value: it is disabled when they follow, or at a
// deadline. All else is acted on when the plan is applied.

// patient reports whether a step may wait for consumers.
func (s Step) patient() bool {
	return s.Exposure == Private && s.Deed == revoke.Disable && s.Undo
}

// awaits says for what a step waits, "" for nothing.
func (r *run) awaits(ctx context.Context, s Step) (why string, err error) {
	if !r.now().Before(s.Deadline) {
		return "", nil
	}
	moving, err := r.moving(ctx, s.Credential)
	if err == nil && moving {
		why = fmt.Sprintf("its consumers are being given a new value and are not proven to follow: apply again when they do; at %s it is disabled all the same", s.Deadline.Format(time.RFC3339))
	}
	return why, err
}

// moving reports whether a new value was made for the consumers of a credential
// that are not proven to use it.
func (e *Engine) moving(ctx context.Context, credential string) (bool, error) {
	open := map[[2]string]bool{} // by plan and place
	err := e.Store.Proven(ctx, credential, func(ev store.Event) error {
		var body struct {
			Plan, Place string
			Follows     bool
		}
		if json.Unmarshal(ev.Body, &body) != nil {
			return nil // it tells of something else
		}
		switch ev.Action {
		case "rotate writing", "rotate written":
			open[[2]string{body.Plan, body.Place}] = true
		case "rotate declined", "rotate followed", "rotate ended", "rotate restored":
			delete(open, [2]string{body.Plan, body.Place})
		case "rollout minted":
			open[[2]string{body.Plan}] = true
		case "rollout passed":
			if body.Follows {
				delete(open, [2]string{body.Plan})
			}
		case "rollout ended", "rollout failed":
			delete(open, [2]string{body.Plan})
		}
		return nil
	})
	return len(open) > 0, err
}
