package store_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func TestTheLastSweepHasTheLastWord(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			for sweep := range int64(2) {
				for _, category := range []string{"head", "history"} {
					check(t, tx.KeepAnalysis(ctx, store.Analysis{Sweep: sweep + 1, Repository: 7, Category: category, Ref: "refs/heads/main", Log: "x"}))
				}
			}
			if before, err := tx.ToldBefore(ctx, 7); !before || err != nil {
				t.Errorf("what is to be told ends nothing: %v", err)
			}
			if old, err := tx.Analyses(ctx, 1, 7); len(old) > 0 || err != nil {
				t.Errorf("of an earlier sweep: %+v %v", old, err)
			}
			all, err := tx.Analyses(ctx, 2, 7)
			if len(all) != 2 || all[0].Category != "head" || all[0].Log != "x" {
				t.Errorf("%+v", all)
			}
			check(t, tx.TellAnalysis(ctx, all[0]))
			if left, err := tx.UntoldHistories(ctx); len(left) != 1 || left[0].Sweep != 2 || err != nil {
				t.Errorf("%+v %v", left, err)
			}
			check(t, tx.DropAnalyses(ctx, 2, 7))
			if left, err := tx.UntoldHistories(ctx); len(left) > 0 || err != nil {
				t.Errorf("%+v %v", left, err)
			}
			return err
		}))
	})
}

func TestASweepOfWhatWasPushedLooksBackFarEnough(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		early, late := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			first, fresh, err := tx.WantSweepSince(ctx, "acme", late)
			if !fresh || err != nil {
				t.Fatal(fresh, err)
			}
			if still, err := tx.StillSince(ctx, first, late); !still || err != nil {
				t.Error(still, err)
			}
			if again, fresh, err := tx.WantSweepSince(ctx, "ACME", early); again != first || fresh || err != nil {
				t.Errorf("one that waits: %d %v %v", again, fresh, err)
			}
			if still, err := tx.StillSince(ctx, first, late); still || err != nil {
				t.Errorf("it looks back further: %v", err)
			}
			if last, err := tx.LastSweep(ctx, "acme"); !last.IsZero() || err != nil {
				t.Errorf("a part is taken for all: %s %v", last, err)
			}
			whole, fresh, err := tx.WantSweep(ctx, "acme") // somebody asks for all
			if whole == first || !fresh || err != nil {
				t.Errorf("a part is taken for all: %v", err)
			}
			_, err = tx.StartSweep(ctx, first, 5, "acme", []store.Swept{{Repository: 1, Name: "acme/a"}})
			check(t, err)
			return nil
		}))
		got, err := s.SweepByID(ctx, 1)
		if check(t, err); !got.Since.Equal(early) {
			t.Errorf("since %s", got.Since)
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error { // one that has begun may have passed by
			_, err := tx.StartSweep(ctx, 2, 5, "acme", nil)
			check(t, err)
			next, fresh, err := tx.WantSweepSince(ctx, "acme", late)
			if next <= 2 || !fresh {
				t.Errorf("%d %v", next, fresh)
			}
			return err
		}))
	})
}
