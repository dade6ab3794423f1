package work

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// keepers runs a test on each database, with an engine that works nothing off.
func keepers(t *testing.T, test func(t *testing.T, e *Engine)) {
	for _, place := range []string{filepath.Join(t.TempDir(), "leakgate.db"), os.Getenv("LEAKGATE_POSTGRES")} {
		name := "sqlite"
		if store.IsPostgres(place) || place == "" {
			name = "postgres"
		}
		t.Run(name, func(t *testing.T) {
			if place == "" {
				t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run app starts one")
			}
			key, err := secret.NewKey()
			must(t, err)
			s, err := store.Open(t.Context(), place, store.Options{Key: key})
			must(t, err)
			t.Cleanup(func() { s.Close() })
			e, err := New(t.Context(), Options{Store: s, Log: slog.New(slog.DiscardHandler), Name: t.Name(), World: inspect.World{Now: time.Now}})
			must(t, err)
			t.Cleanup(func() { e.release() })
			test(t, e)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count is how many jobs of a kind there are.
func (e *Engine) count(t *testing.T, where string) (n int) {
	t.Helper()
	must(t, e.Store.DB().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM river_job WHERE `+where).Scan(&n))
	return n
}

func TestWhoWaitsToTellTellsAll(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		tip := time.Now().UnixMicro()
		tell := func(tip int64) func(*store.Tx) error {
			return func(x *store.Tx) error { return e.tell(t.Context(), x, tip) }
		}
		before := e.count(t, `kind = 'report'`)
		for range 3 {
			must(t, e.Store.Tx(t.Context(), tell(tip)))
		}
		must(t, e.Store.Tx(t.Context(), tell(tip+1)))
		if n := e.count(t, `kind = 'report'`) - before; n != 2 {
			t.Errorf("%d jobs for two heads", n)
		}
		// One that has begun may have read what is said before.
		_, err := e.Store.DB().ExecContext(t.Context(), `UPDATE river_job SET state = 'running' WHERE kind = 'report'`)
		must(t, err)
		must(t, e.Store.Tx(t.Context(), tell(tip)))
		if n := e.count(t, `kind = 'report'`) - before; n != 3 {
			t.Errorf("%d jobs, where the word of one that runs is not the last", n)
		}
		at := time.Now().Add(time.Hour)
		for _, later := range []time.Time{at, at, at.Add(time.Second)} {
			must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error { return e.tellAt(t.Context(), x, tip, later) }))
		}
		if n := e.count(t, `kind = 'report' AND state = 'scheduled'`); n < 2 || n-2 > before {
			t.Errorf("%d jobs for two times", n)
		}
	})
}

// The job that is to tell cannot begin before what it is to tell is written.
func TestWhoWaitsToTellBeginsAfterwards(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		if !e.Store.Postgres() {
			return // SQLite has one writer at a time
		}
		tip := time.Now().UnixMicro()
		must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error { return e.tell(t.Context(), x, tip) }))
		take := func(ctx context.Context) (n int) {
			must(t, e.Store.Tx(ctx, func(x *store.Tx) error { // as River takes jobs
				return x.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT id FROM river_job WHERE kind = 'report' AND state = 'available' AND (args->>'tip')::bigint = $1 FOR UPDATE SKIP LOCKED) AS free`, tip).Scan(&n)
			}))
			return n
		}
		must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error {
			must(t, e.tell(t.Context(), x, tip))
			if n := take(t.Context()); n != 0 {
				t.Errorf("%d can begin within the transaction", n)
			}
			return nil
		}))
		if n := take(t.Context()); n != 1 {
			t.Errorf("%d can begin behind it", n)
		}
	})
}

func TestWhatIsToBeSweptGetsAnotherJob(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		account := fmt.Sprint("acme", time.Now().UnixNano())
		var waiting, running int64
		must(t, e.Store.Tx(t.Context(), func(x *store.Tx) (err error) {
			if waiting, _, err = x.WantSweep(t.Context(), "waiting "+account); err != nil {
				return err
			}
			if running, _, err = x.WantSweep(t.Context(), account); err != nil {
				return err
			}
			_, err = x.StartSweep(t.Context(), running, 7, account, []store.Swept{{Repository: 1, Name: "a", Job: -1}, {Repository: 2, Name: "b", Job: -1}})
			return err
		}))
		before := e.count(t, `kind = 'history'`)
		asked := e.count(t, `kind = 'sweep'`)
		for range 2 {
			must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error { return e.resweep(t.Context(), x, time.Now().Add(time.Minute)) }))
		}
		if n := e.count(t, `kind = 'history'`) - before; n != 2 {
			t.Errorf("%d jobs for two repositories", n)
		}
		if n := e.count(t, `kind = 'sweep'`) - asked; n != 1 {
			t.Errorf("%d jobs for a sweep that waits", n)
		}
		must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error { return x.FailSweep(t.Context(), waiting, "enough") }))
	})
}

// TestWhatAnAccountDoesNotAskForIsNotAskedAfterASuspension: its repository had such a push
// when that came from another account.
func TestWhatAnAccountDoesNotAskForIsNotAskedAfterASuspension(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		installation := time.Now().UnixMicro()
		var left, other int64
		must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error {
			tip, err := x.Tip(t.Context(), store.Tip{Installation: installation, Repository: installation, Name: "globex/app", SHA: fmt.Sprintf("%040d", installation)})
			must(t, err)
			for subject, into := range map[string]*int64{"push/left": &left, "push/other": &other} {
				*into, _, err = x.Ask(t.Context(), store.Question{Tip: tip.ID, Subject: subject, Body: fmt.Sprintf(`{"left":%t}`, into == &left), State: store.Waiting})
				must(t, err)
				must(t, x.Abandon(t.Context(), *into))
			}
			account := fmt.Sprint("globex", installation)
			must(t, e.resume(t.Context(), x, installation, account, time.Time{}))
			sweep, _, err := x.WantSweepSince(t.Context(), account, time.Time{})
			must(t, err)
			return x.FailSweep(t.Context(), sweep, "enough") // others count those that wait
		}))
		for id, want := range map[int64]store.Progress{left: store.Cancelled, other: store.Waiting} {
			must(t, e.Store.Tx(t.Context(), func(x *store.Tx) error {
				q, err := x.Question(t.Context(), id)
				if q.State != want {
					t.Errorf("%s is %s, want %s", q.Subject, q.State, want)
				}
				return err
			}))
		}
	})
}
