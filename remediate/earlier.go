package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// calledElsewhere is when another plan last called about a credential, and whether
// the provider said that it did what was asked: that may not show yet.
func (r *run) calledElsewhere(ctx context.Context, credential string) (at time.Time, done bool, err error) {
	err = r.Store.Proven(ctx, credential, func(e store.Event) error {
		switch {
		case strings.HasSuffix(e.Action, " "+intent):
			at, done = e.At, false
		case strings.HasSuffix(e.Action, " "+refused):
			at = time.Time{}
		case strings.HasSuffix(e.Action, " "+answered):
			var told struct{ Detail answer }
			if err := json.Unmarshal(e.Body, &told); err != nil {
				return fmt.Errorf("audit event %d: %w", e.Seq, err)
			}
			done = told.Detail.Result == revoke.Done.String() || told.Detail.Result == revoke.Gone.String()
		}
		return nil
	})
	return at, done, err
}

// over reports whether the death of a credential was proven before.
func (r *run) over(ctx context.Context, credential string) (over bool, err error) {
	err = r.Store.Tx(ctx, func(t *store.Tx) error {
		in, err := t.Incident(ctx, credential)
		over = err == nil && in.State != store.Detected && in.State != store.Triaged && in.State != store.Dismissed
		return err
	})
	return over, err
}
