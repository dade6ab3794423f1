package store_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// TestWhoLooksWaitsForNobody: somebody looks while another one writes, sees what was
// before, and cannot write.
func TestWhoLooksWaitsForNobody(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(func(o *store.Options) { o.Connections = 2 }), t.Context()
		session := store.Session{ID: "a", Login: "ada", Ends: time.Now().Add(time.Hour)}
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			check(t, tx.KeepSession(ctx, session))
			return s.View(ctx, func(v *store.Tx) error {
				if _, err := v.Session(ctx, "a"); err == nil {
					t.Error("it sees what is not there yet")
				}
				if err := v.EndSession(ctx, "b"); err == nil {
					t.Error("who looks can write")
				}
				return nil
			})
		}))
		check(t, s.View(ctx, func(v *store.Tx) error { _, err := v.Session(ctx, "a"); return err }))
	})
}
