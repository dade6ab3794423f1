package work

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// nobodyHas reports whether nobody has a name.
func (e *Engine) nobodyHas(t *testing.T, name string) bool {
	t.Helper()
	release, err := e.Store.Exclusive(t.Context(), name)
	if errors.Is(err, store.ErrBusy) {
		return false
	}
	must(t, err)
	release()
	return true
}

// TestANameIsTakenAgain: who lost the connection that held its name lives, and nobody
// takes it for gone.
func TestANameIsTakenAgain(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		must(t, e.hold(t.Context()))
		cut := func() {
			_, err := e.Store.DB().ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks
 WHERE locktype = 'advisory' AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
			must(t, err)
			if !e.nobodyHas(t, e.lock()) {
				t.Fatal("the name is held through a connection that broke")
			}
		}
		if e.Store.Postgres() {
			cut()
		}
		must(t, e.hold(t.Context()))
		if e.nobodyHas(t, e.lock()) {
			t.Error("the name is not taken again")
		}
		if e.Store.Postgres() {
			cut()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		for e.nobodyHas(t, e.lock()) {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		must(t, <-ended)
		if !e.nobodyHas(t, e.lock()) {
			t.Error("who ended has his name still")
		}
	})
}

// TestTheJobsOfWhoIsGoneAreFreed, and not those of who lives or may come back.
func TestTheJobsOfWhoIsGoneAreFreed(t *testing.T) {
	keepers(t, func(t *testing.T, e *Engine) {
		if looks, err := e.freeLost(t.Context(), map[string]int{"another": goneAfter}); !e.Store.Postgres() {
			if len(looks) > 0 || err != nil {
				t.Errorf("SQLite is one process' alone, and %v was looked for: %v", looks, err)
			}
			return
		}
		gone, lives := t.Name()+" gone", t.Name()+" lives"
		release, err := e.Store.Exclusive(t.Context(), lockOf(lives))
		must(t, err)
		defer release()
		for _, name := range []string{gone, lives} {
			_, err := e.Store.DB().ExecContext(t.Context(), `DELETE FROM river_job WHERE attempted_by[1] = $1`, name) // of a run before
			must(t, err)
			_, err = e.Store.DB().ExecContext(t.Context(), `INSERT INTO river_job (kind, queue, state, args, max_attempts, attempt, attempted_at, attempted_by)
 VALUES ('reconcile', 'upkeep', 'running', '{}', 9, 1, now(), ARRAY[$1])`, name)
			must(t, err)
		}
		running := func(name string) int {
			return e.count(t, `state = 'running' AND attempted_by[1] = '`+name+`'`)
		}
		looks := map[string]int{}
		for n := range goneAfter {
			if running(gone) != 1 || running(lives) != 1 {
				t.Fatalf("freed after %d looks", n)
			}
			looks, err = e.freeLost(t.Context(), looks)
			must(t, err)
		}
		if running(gone) != 0 || running(lives) != 1 {
			t.Errorf("%d jobs of who is gone run, and %d of who lives", running(gone), running(lives))
		}
	})
}
