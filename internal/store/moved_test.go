package store_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func TestPlacesStayWithTheAccountThatHadTheRepository(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s, ctx := open(), t.Context()
		tenants(t, s)
		was := store.Repository{ID: 101, Installation: 11, Account: 1, Name: "acme/app"}
		now := store.Repository{ID: 101, Installation: 33, Account: 3, Name: "globex/app"}
		move := func(to store.Repository) (m store.Moved, moved bool) {
			t.Helper()
			check(t, s.Tx(ctx, func(tx *store.Tx) (err error) { m, moved, err = tx.Move(ctx, "me", to); return err }))
			return m, moved
		}
		places := func(credential string) (n int) {
			t.Helper()
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				all, err := tx.Sightings(ctx, credential)
				n = len(all)
				return err
			}))
			return n
		}
		incident := func(id string) (in store.Incident) {
			t.Helper()
			check(t, s.Tx(ctx, func(tx *store.Tx) (err error) { in, err = tx.Incident(ctx, id); return err }))
			return in
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error { return tx.See(ctx, was) }))
		if _, moved := move(store.Repository{ID: 101, Installation: 12, Account: 1, Name: "acme2/app"}); moved {
			t.Error("an account that installed the App again is another one")
		}
		if m, moved := move(now); !moved || m.Places != 2 || m.Was.Installation != 11 {
			t.Errorf("moved: %+v", m)
		}
		if m, moved := move(now); moved || m.Places != 0 {
			t.Errorf("moved twice: %+v", m)
		}
		if places("LG-ACME") != 0 || places("LG-BOTH") != 1 {
			t.Errorf("places: %d and %d, want 0 and 1", places("LG-ACME"), places("LG-BOTH"))
		}
		if in := incident("INC-ACME"); in.State != store.Detected || !strings.Contains(in.Reason, "went to another account") {
			t.Errorf("the incident without a place: %+v", in)
		}
		if in := incident("INC-BOTH"); in.Reason != "" {
			t.Errorf("the incident with another place: %+v", in)
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			due, err := tx.Due(ctx, time.Now().Add(time.Hour), 10)
			for _, in := range due {
				if in.ID == "INC-ACME" {
					t.Error("who has no place is asked about")
				}
			}
			page, listErr := tx.Listed(ctx, store.Wanted{Reader: store.Reader{101}, Order: store.Newest, Limit: 9})
			if len(page.Incidents) != 0 {
				t.Errorf("readers of the repository see %+v", page.Incidents)
			}
			check(t, listErr)
			return err
		}))
		if m, moved := move(was); !moved || m.Back != 2 || places("LG-ACME") != 1 || incident("INC-ACME").Reason != "" {
			t.Errorf("back: %+v", m)
		}
		move(now)
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			of, err := tx.Tenant(ctx, 33)
			check(t, err)
			if len(of.Credentials) != 0 {
				t.Errorf("the new account would have %v forgotten", of.Credentials)
			}
			if of, err = tx.Tenant(ctx, 11); err != nil {
				return err
			}
			return tx.Forget(ctx, "ada", of)
		}))
		if text := everything(t, raw, s.Postgres()); strings.Contains(text, "moved: [") || strings.Contains(text, "LG-ACME") || !strings.Contains(text, "globex/app") {
			t.Errorf("what is left of the account before:\n%s", text)
		}
		if _, err := s.VerifyTrail(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestThatNobodyReachesARepositoryIsToldOnce(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		tenants(t, s)
		told := 0
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			check(t, tx.See(ctx, store.Repository{ID: 101, Installation: 11, Account: 1, Name: "acme/app"}))
			for _, want := range []bool{true, false} {
				if first, err := tx.Unreached(ctx, "me", 101); err != nil || first != want {
					t.Errorf("told for the first time: %v, want %v: %v", first, want, err)
				}
			}
			return nil
		}))
		check(t, s.Trail(ctx, "INC-ACME", func(e store.Event) error {
			if e.Action == "unreached" {
				told++
			}
			return nil
		}))
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}
