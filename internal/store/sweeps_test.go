package store_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func TestASweepIsAskedForOnceAndEndsWithItsLastRepository(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
		s, ctx := open(func(o *store.Options) { o.Now = func() time.Time { return now } }), t.Context()
		var id int64
		within(t, s, func(tx *store.Tx) (err error) {
			var fresh, again bool
			var same int64
			id, fresh, err = tx.WantSweep(ctx, "Acme")
			check(t, err)
			same, again, err = tx.WantSweep(ctx, "acme")
			if !fresh || again || same != id {
				t.Errorf("asked for twice: %d %v, %d %v", id, fresh, same, again)
			}
			return err
		})
		all := []store.Swept{{Repository: 1, Name: "acme/a", Size: 1000}, {Repository: 2, Name: "acme/b", Size: 3000}, {Repository: 3, Name: "acme/c", Size: 4000}}
		within(t, s, func(tx *store.Tx) error {
			for _, want := range []bool{true, false} {
				if began, err := tx.StartSweep(ctx, id, 77, "acme", all); began != want || err != nil {
					t.Errorf("began: %v %v", began, err)
				}
			}
			_, wanted, err := tx.BeginSwept(ctx, id, 1)
			if !wanted {
				t.Error("the first is not wanted")
			}
			return err
		})
		now = now.Add(10 * time.Second)
		within(t, s, func(tx *store.Tx) error {
			one := store.Swept{Sweep: id, Repository: 1, Name: "acme/renamed", State: store.PassDone, Commits: 5, Bytes: 900, Findings: 2, Blocking: 1, Told: true}
			for _, want := range []bool{true, false} {
				if over, err := tx.EndSwept(ctx, one); over != want || err != nil {
					t.Errorf("over: %v %v", over, err)
				}
			}
			_, wanted, err := tx.BeginSwept(ctx, id, 1)
			if wanted {
				t.Error("what is over is begun again")
			}
			check(t, err)
			told, err := tx.ToldBefore(ctx, 1)
			if !told {
				t.Error("it is not kept that code scanning was told")
			}
			return err
		})
		list, err := s.Sweeps(ctx, []int64{5, 77})
		check(t, err)
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		at := list[0]
		if at.State != store.PassRunning || at.Total != 3 || at.Done() != 1 || at.Bytes != 8000 || at.Over != 1000 || at.Commits != 5 || at.Findings != 2 || at.Blocking != 1 {
			t.Errorf("%+v", at)
		}
		if at.Left != 70*time.Second { // 10 s for 1,000 bytes, and 7,000 are left
			t.Errorf("left: %s", at.Left)
		}
		if none, err := s.Sweeps(ctx, nil); len(none) > 0 || err != nil {
			t.Errorf("for nobody: %+v %v", none, err)
		}
		within(t, s, func(tx *store.Tx) error {
			for _, repository := range []int64{2, 3} {
				_, _, err := tx.BeginSwept(ctx, id, repository)
				check(t, err)
			}
			return nil
		})
		var busy sync.WaitGroup // of the two that end at the same time, one ends the sweep
		for _, repository := range []int64{2, 3} {
			busy.Go(func() {
				if err := s.Tx(ctx, func(tx *store.Tx) error {
					_, err := tx.EndSwept(ctx, store.Swept{Sweep: id, Repository: repository, State: store.PassGone})
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		busy.Wait()
		over, err := s.SweepByID(ctx, id)
		check(t, err)
		if over.State != store.PassDone || over.Done() != 3 || over.Count[store.PassGone] != 2 || over.Ended.IsZero() {
			t.Errorf("%+v", over)
		}
		within(t, s, func(tx *store.Tx) error {
			last, err := tx.LastSweep(ctx, "ACME")
			if last.IsZero() || last.After(now) {
				t.Errorf("the last was at %s", last)
			}
			check(t, err)
			next, fresh, err := tx.WantSweep(ctx, "acme")
			if !fresh || next == id {
				t.Error("what is over keeps another from being asked for")
			}
			check(t, err)
			began, err := tx.StartSweep(ctx, next, 77, "acme", nil)
			if !began {
				t.Error("a sweep of nothing does not begin")
			}
			return err
		})
		if nothing, err := s.SweepByID(ctx, id+1); err != nil || nothing.State != store.PassDone {
			t.Errorf("a sweep of nothing: %+v %v", nothing, err)
		}
	})
}

// What is left is told by what each took and what each byte took.
func TestWhatIsLeftOfASweep(t *testing.T) {
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		sizes []int64
		took  []time.Duration // of the first ones, which are over, one after the other
		want  time.Duration
	}{
		"each the same, whatever its size": {[]int64{100, 900, 500, 100, 100}, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}, 4 * time.Second},
		"each and by its size":             {[]int64{1000, 2000, 4000, 3000}, []time.Duration{3 * time.Second, 5 * time.Second, 9 * time.Second}, 7 * time.Second},
		"all of one size":                  {[]int64{100, 100, 100, 100}, []time.Duration{time.Second, 3 * time.Second}, 4 * time.Second},
		"nothing is over":                  {[]int64{100}, nil, 0},
		"nobody knows a size":              {[]int64{0, 0, 0}, []time.Duration{time.Second}, 2 * time.Second},
	} {
		on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
			s, ctx := open(func(o *store.Options) { o.Now = func() time.Time { return now } }), t.Context()
			var all []store.Swept
			for i, size := range c.sizes {
				all = append(all, store.Swept{Repository: int64(i + 1), Name: "x", Size: size})
			}
			var id int64
			within(t, s, func(tx *store.Tx) (err error) {
				id, _, err = tx.WantSweep(ctx, "acme")
				check(t, err)
				_, err = tx.StartSweep(ctx, id, 77, "acme", all)
				return err
			})
			for i, took := range c.took {
				within(t, s, func(tx *store.Tx) error { _, _, err := tx.BeginSwept(ctx, id, int64(i+1)); return err })
				now = now.Add(took)
				within(t, s, func(tx *store.Tx) error {
					_, err := tx.EndSwept(ctx, store.Swept{Sweep: id, Repository: int64(i + 1), State: store.PassDone})
					return err
				})
			}
			at, err := s.SweepByID(ctx, id)
			check(t, err)
			if off := at.Left - c.want; off.Abs() > time.Millisecond {
				t.Errorf("%s: %s, want %s", name, at.Left, c.want)
			}
		})
	}
}

func TestWhatWasMissedIsToldWhateverItIsCalled(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		within(t, s, func(tx *store.Tx) error {
			id, _, err := tx.WantSweep(ctx, "acme")
			check(t, err)
			_, err = tx.StartSweep(ctx, id, 77, "acme", []store.Swept{{Repository: 1, Name: "acme/a"}})
			check(t, err)
			_, _, err = tx.BeginSwept(ctx, id, 1)
			check(t, err)
			over, err := tx.EndSwept(ctx, store.Swept{Sweep: id, Repository: 1, Name: "acme/a", State: store.PassIncomplete, Why: "a\xff\x00b.zip: too large"})
			check(t, err)
			all, err := tx.Swept(ctx, id, store.PassIncomplete)
			if !over || len(all) != 1 || all[0].Why != "a\ufffd\ufffdb.zip: too large" {
				t.Errorf("%v %+v", over, all)
			}
			return err
		})
	})
}

func TestOldSweepsGoButForTheLast(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		now := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
		s, ctx := open(func(o *store.Options) { o.Now = func() time.Time { return now } }), t.Context()
		within(t, s, func(tx *store.Tx) error {
			for range 2 { // done, the second a day later
				now = now.AddDate(0, 0, 1)
				id, _, err := tx.WantSweep(ctx, "acme")
				check(t, err)
				_, err = tx.StartSweep(ctx, id, 77, "acme", []store.Swept{{Repository: 1, Name: "acme/a", Size: 1}})
				check(t, err)
				r, _, err := tx.BeginSwept(ctx, id, 1)
				check(t, err)
				r.State = store.PassDone
				_, err = tx.EndSwept(ctx, r)
				check(t, err)
			}
			id, _, err := tx.WantSweep(ctx, "nobody")
			check(t, err)
			check(t, tx.FailSweep(ctx, id, "the App is not installed for nobody"))
			_, _, err = tx.WantSweep(ctx, "other") // waits
			return err
		})
		now = now.AddDate(1, 0, 0)
		within(t, s, func(tx *store.Tx) error {
			n, err := tx.PruneSweeps(ctx, now.AddDate(0, -6, 0))
			if n != 2 {
				t.Errorf("%d sweeps were pruned, want the first and the one of nobody", n)
			}
			return err
		})
		var sweeps, swept int
		check(t, raw.QueryRow(`SELECT (SELECT COUNT(*) FROM sweeps WHERE id IN (2, 4)), (SELECT COUNT(*) FROM swept WHERE sweep = 2)`).Scan(&sweeps, &swept))
		if text := everything(t, raw, s.Postgres()); sweeps != 2 || swept != 1 || strings.Contains(text, "nobody") {
			t.Errorf("what is left:\n%s", text)
		}
	})
}

func TestSessionsGoWhenTheyEnded(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
		s, ctx := open(func(o *store.Options) { o.Now = func() time.Time { return now } }), t.Context()
		within(t, s, func(tx *store.Tx) error {
			check(t, tx.KeepSession(ctx, store.Session{ID: "a", Account: 1, Login: "ada", Token: "sealed", Ends: now.Add(time.Hour)}))
			check(t, tx.KeepSession(ctx, store.Session{ID: "b", Account: 2, Login: "bob", Token: "sealed", Ends: now.Add(9 * time.Hour)}))
			now = now.Add(8 * time.Hour)
			n, err := tx.PruneSessions(ctx, now)
			if n != 1 {
				t.Errorf("%d sessions were removed", n)
			}
			_, gone := tx.Session(ctx, "b")
			check(t, gone)
			return err
		})
	})
}
