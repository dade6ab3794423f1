package store_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

func TestTheTrailGoesOnWithANewKey(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		ctx := t.Context()
		s := open()
		tenants(t, s)
		check(t, s.Tx(ctx, func(tx *store.Tx) error { // so that there are blanked events
			of, err := tx.Tenant(ctx, 11)
			check(t, err)
			return tx.Forget(ctx, "ada", of)
		}))
		for range 300 { // and a mark
			audit(t, s, "seen")
		}
		noted, err := s.VerifyTrail(ctx)
		check(t, err)
		fresh, err := secret.ParseKey(strings.Repeat("6b", 32))
		check(t, err)

		alone := open(func(o *store.Options) { o.Key = fresh })
		if _, err := alone.VerifyTrail(ctx); err == nil {
			t.Fatal("another key will do without the old one")
		}
		both := open(func(o *store.Options) { o.Key = fresh.After(testKey(t)) })
		head, err := both.VerifyTrail(ctx, noted)
		check(t, err)
		if head.Seq != noted.Seq+1 {
			t.Errorf("the trail went on from %d to %d", noted.Seq, head.Seq)
		}
		check(t, both.VerifyNew(ctx))
		last := ""
		check(t, both.Trail(ctx, "audit", func(e store.Event) error { last = e.Action + string(e.Body); return nil }))
		if !strings.HasPrefix(last, "key changed") || !strings.Contains(last, fresh.Name()) || !strings.Contains(last, noted.String()) {
			t.Errorf("the hand-over says %s", last)
		}
		again := open(func(o *store.Options) { o.Key = fresh.After(testKey(t)) })
		if now, err := again.VerifyTrail(ctx); err != nil || now != head {
			t.Errorf("it is handed over again: %v %v", now, err)
		}
		later := open(func(o *store.Options) { o.Key = fresh }) // the old key is not needed for the trail any more
		audit(t, later, "goes on")
		if _, err := later.VerifyTrail(ctx, noted, head); err != nil {
			t.Error(err)
		}
		if _, err := s.VerifyTrail(ctx); err == nil {
			t.Error("the old key still signs")
		}
	})
}

func TestAForgedTrailIsNotHandedOver(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		audit(t, s, "one")
		audit(t, s, "two")
		drop := `DROP TRIGGER audit_no_update`
		if s.Postgres() {
			drop = `DROP TRIGGER audit_no_change ON audit`
		}
		_, err := raw.Exec(drop)
		check(t, err)
		_, err = raw.Exec(`UPDATE audit SET actor = 'eve' WHERE seq = 1`)
		check(t, err)
		if strings.HasSuffix(t.Name(), "postgres") {
			return // the place of the database is not known here; SQLite shows it
		}
		var path string
		check(t, raw.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path))
		fresh, err := secret.NewKey()
		check(t, err)
		if _, err := store.Open(t.Context(), path, store.Options{Key: fresh.After(testKey(t))}); err == nil || !strings.Contains(err.Error(), "audit event 1") {
			t.Errorf("handed over: %v", err)
		}
	})
}

func TestACredentialThatIsSeenAgainIsTheSameUnderANewKey(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		ctx := t.Context()
		first := testKey(t)
		second, err := secret.ParseKey(strings.Repeat("6b", 32))
		check(t, err)
		second = second.After(first)
		one, err := first.For(7)
		check(t, err)
		two, err := second.For(7)
		check(t, err)
		value := secret.New("made up for this test alone")
		see := func(s *store.Store, key secret.Key, place string) {
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				return tx.Record(ctx, "leakgate-app", []store.Sighting{{Repository: "101", Fingerprint: place, Body: struct{}{},
					Credential: store.Credential{ID: key.ID(value), Former: key.FormerIDs(value), Rule: "r", Severity: "high"}}})
			}))
		}
		s := open()
		see(s, one, "a")
		s = open(func(o *store.Options) { o.Key = second })
		see(s, two, "b")
		see(s, two, "b")
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			all, err := tx.Incidents(ctx)
			check(t, err)
			if len(all) != 1 || all[0].Credential.ID != two.ID(value) {
				t.Fatalf("incidents: %+v", all)
			}
			for _, id := range []string{one.ID(value), two.ID(value), all[0].ID, "INC-" + strings.TrimPrefix(two.ID(value), "LG-")} {
				if in, err := tx.Incident(ctx, id); err != nil || in.ID != all[0].ID {
					t.Errorf("by %s: %v %v", id, in.ID, err)
				}
			}
			return nil
		}))
		var places int
		check(t, raw.QueryRow(`SELECT COUNT(*) FROM findings`).Scan(&places))
		if places != 2 {
			t.Errorf("%d places, want those of both keys", places)
		}
		told := []string{}
		check(t, s.Trail(ctx, "INC-"+strings.TrimPrefix(one.ID(value), "LG-"), func(e store.Event) error { told = append(told, e.Action); return nil }))
		if strings.Join(told, " ") != "detected reidentified seen" {
			t.Errorf("the trail tells %v", told)
		}
		if _, err := s.VerifyTrail(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestEveryIDOfACredentialLeadsToItsIncident(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		ctx, value, ids := t.Context(), secret.New("made up for this test alone"), []string{}
		key := testKey(t)
		for i, text := range []string{"", "6b", "7c", "8d"} { // changed three times
			if i > 0 {
				next, err := secret.ParseKey(strings.Repeat(text, 32))
				check(t, err)
				key = next.After(key)
			}
			own, err := key.For(7)
			check(t, err)
			ids = append(ids, own.ID(value))
			s := open(func(o *store.Options) { o.Key = key })
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				check(t, tx.See(ctx, store.Repository{ID: 101, Installation: 11, Name: "acme/app"}))
				err := tx.Record(ctx, "leakgate-app", []store.Sighting{{Repository: "101", Fingerprint: "a", Body: struct{}{},
					Credential: store.Credential{ID: own.ID(value), Former: own.FormerIDs(value), Rule: "r", Severity: "high"}}})
				if err == nil {
					_, err = tx.Audit(ctx, "ada", "alive", own.ID(value), map[string]string{}) // of the credential, by its id of then
				}
				return err
			}))
			if _, err := s.VerifyTrail(ctx); err != nil {
				t.Error(err)
			}
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				for _, id := range ids {
					for _, id := range []string{id, "INC-" + strings.TrimPrefix(id, "LG-")} {
						if in, err := tx.Incident(ctx, id); err != nil || in.ID != "INC-"+strings.TrimPrefix(ids[0], "LG-") {
							t.Errorf("after %d changes, by %s: %q %v", i, id, in.ID, err)
						}
					}
				}
				if _, err := tx.Incident(ctx, "LG-%"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("by a pattern: %v", err)
				}
				return nil
			}))
		}
		s := open(func(o *store.Options) { o.Key = key })
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			of, err := tx.Tenant(ctx, 11)
			check(t, err)
			return tx.Forget(ctx, "ada", of)
		}))
		text := everything(t, raw, s.Postgres())
		for _, id := range ids {
			if strings.Contains(text, strings.TrimPrefix(id, "LG-")) {
				t.Errorf("%s is not forgotten", id)
			}
		}
		if _, err := s.VerifyTrail(ctx); err != nil {
			t.Error(err)
		}
	})
}
