package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Who claimed last has the word: what an earlier claim settles later changes nothing, and
// nobody claims by what was read before another claim.
func TestTheLastClaimSettles(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		within(t, s, func(tx *store.Tx) error {
			tip, err := tx.Tip(ctx, store.Tip{Repository: 7, SHA: "aa", Name: "acme/app", Installation: 1})
			check(t, err)
			first, err := tx.Claim(ctx, tip)
			check(t, err)
			if _, err := tx.Claim(ctx, tip); !errors.Is(err, store.ErrBusy) {
				t.Errorf("claimed by what was true before: %v", err)
			}
			again, err := tx.TipByID(ctx, tip.ID)
			check(t, err)
			if again.Claimed.IsZero() || again.Reported != "" {
				t.Errorf("claimed: %+v", again)
			}
			second, err := tx.Claim(ctx, again)
			check(t, err)
			again.Check, again.Reported = 9, "now"
			check(t, tx.Settle(ctx, again, second)) // the first is still in doubt
			late := tip
			late.Check, late.Reported = 8, "before"
			check(t, tx.Settle(ctx, late, first))
			tip, err = tx.TipByID(ctx, tip.ID)
			if tip.Check != 9 || tip.Reported != "now" || !tip.Claimed.Equal(again.Claimed) {
				t.Errorf("settled: %+v", tip)
			}
			check(t, err)
			claim, err := tx.Claim(ctx, tip)
			check(t, err)
			_, err = tx.Anew(ctx, tip.ID)
			check(t, err)
			tip.Claimed = time.Time{}
			check(t, tx.Settle(ctx, tip, claim)) // of the attempt before
			tip, err = tx.TipByID(ctx, tip.ID)
			if tip.Check != 0 || tip.Reported != "" || !tip.Claimed.IsZero() {
				t.Errorf("anew: %+v", tip)
			}
			return err
		})
	})
}
