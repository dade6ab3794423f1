package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// long is a trail of several marks: events of ten subjects by turns.
func long(t *testing.T, s *store.Store, n int) {
	t.Helper()
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
		for i := range n {
			if _, err := tx.Audit(t.Context(), "ann", "did", fmt.Sprintf("S-%d", i%10), map[string]int{"i": i}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func proven(s *store.Store, t *testing.T, subject string) (n int, err error) {
	err = s.Proven(t.Context(), subject, func(e store.Event) error {
		if e.Subject != subject {
			return fmt.Errorf("an event about %s", e.Subject)
		}
		n++
		return nil
	})
	return n, err
}

// What changed in a trail is seen: at its end and in its number by VerifyNew, in
// an old event when it is used, and anywhere by VerifyTrail.
func TestWhatIsNewIsVerifiedAndWhatIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		forge      string
		seenAtOnce bool // by VerifyNew
		subject    string
	}{
		"a new event was edited":            {`UPDATE audit SET body = '{}' WHERE seq = 601`, true, "S-0"},
		"the end was cut":                   {`DELETE FROM audit WHERE seq > 598`, true, ""},
		"an old event was deleted":          {`DELETE FROM audit WHERE seq = 11`, true, ""},
		"the head was turned back":          {`UPDATE audit_head SET seq = 590, hash = (SELECT hash FROM audit WHERE seq = 590)`, true, ""},
		"an old event was edited":           {`UPDATE audit SET body = '{}' WHERE seq = 11`, false, "S-0"},
		"an old event got a hash that fits": {`UPDATE audit SET actor = 'eve', hash = 'x' WHERE seq = 11`, false, "S-0"},
		"an old event moved to a subject":   {`UPDATE audit SET subject = 'S-0' WHERE seq = 12`, false, "S-0"},
		"an old event moved from a subject": {`UPDATE audit SET subject = 'S-1' WHERE seq = 11`, false, "S-0"},
		"its only one was moved away":       {`UPDATE audit SET subject = 'S-1' WHERE seq = 300`, false, "once"},
		"a new one was moved away":          {`UPDATE audit SET subject = 'S-1' WHERE seq = 601`, true, "S-0"},
		"all of them were moved away":       {`UPDATE audit SET subject = 'S-1' WHERE subject = 'S-0' AND seq < 500 AND seq >= 1`, false, "S-0"},
		"beside an event that is used":      {`UPDATE audit SET body = '{}' WHERE seq = 12`, false, "S-0"},
	} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
				s := open()
				long(t, s, 299)
				check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Audit(t.Context(), "ann", "did", "once", nil)
					return err
				}))
				long(t, s, 305)
				check(t, s.VerifyNew(t.Context()))
				if n, err := proven(s, t, "S-0"); n != 61 || err != nil {
					t.Fatalf("%d events: %v", n, err)
				}
				loosen(t, raw)
				_, err := raw.Exec(c.forge)
				check(t, err)
				err = s.VerifyNew(t.Context())
				if _, seen := errors.AsType[*store.TrailError](err); seen != c.seenAtOnce {
					t.Errorf("seen at once: %v", err)
				}
				if _, err := s.VerifyTrail(t.Context()); err == nil {
					t.Error("the whole trail is verified")
				}
				if c.subject == "" {
					return
				}
				var fault *store.TrailError
				if _, err := proven(s, t, c.subject); !errors.As(err, &fault) || !strings.HasSuffix(c.forge, fmt.Sprintf(" %d", fault.Seq)) {
					t.Errorf("what is used: %v", err)
				}
			})
		})
	}
}

// Marks prove nothing without the key, and the trail proves itself without marks.
func TestMarksAreOnlyAShortWay(t *testing.T) {
	for name, forge := range map[string]string{
		"none":    `DELETE FROM audit_marks`,
		"another": `UPDATE audit_marks SET hash = (SELECT hash FROM audit WHERE seq = 3), mac = 'x'`,
		"moved":   `UPDATE audit_marks SET mac = (SELECT mac FROM audit_head)`,
	} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
				s := open()
				long(t, s, 605)
				_, err := raw.Exec(forge)
				check(t, err)
				for range 2 {
					check(t, s.VerifyNew(t.Context()))
					if n, err := proven(s, t, "S-3"); n != 61 || err != nil {
						t.Errorf("%d events: %v", n, err)
					}
				}
				var marks int
				check(t, raw.QueryRow(`SELECT count(*) FROM audit_marks WHERE mac <> 'x'`).Scan(&marks))
				if marks != 2 {
					t.Errorf("%d marks were made anew", marks)
				}
			})
		})
	}
}

// What is walked does not grow with the trail.
func TestWhatIsWalkedDoesNotGrowWithTheTrail(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		var most int
		for range 4 {
			long(t, s, 300)
			before := s.Walked()
			check(t, s.VerifyNew(t.Context()))
			most = max(most, s.Walked()-before)
		}
		if most > 256 {
			t.Errorf("%d events were walked", most)
		}
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Audit(t.Context(), "ann", "did", "rare", nil)
			return err
		}))
		long(t, s, 4*256)
		check(t, s.VerifyNew(t.Context()))
		before := s.Walked()
		for _, subject := range []string{"rare", "nobody"} {
			_, err := proven(s, t, subject)
			check(t, err)
		}
		if n := s.Walked() - before; n > 256 {
			t.Errorf("%d events were walked for one that is rare", n)
		}
	})
}

// A clock that goes back gives nobody time.
func TestTheTimeOfTheTrailNeverGoesBack(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		long(t, s, 1)
		now = now.Add(-48 * time.Hour)
		long(t, s, 1)
		if latest, err := s.Latest(t.Context()); err != nil || !latest.Equal(now.Add(48*time.Hour)) {
			t.Errorf("the trail is at %s: %v", latest, err)
		}
		now = now.Add(60 * time.Hour)
		long(t, s, 2)
		n := 0
		check(t, s.ProvenSince(t.Context(), now.Add(-time.Hour), func(store.Event) error { n++; return nil }))
		if n != 2 {
			t.Errorf("%d events in the last hour", n)
		}
		latest, err := s.Latest(t.Context())
		check(t, err)
		if want := now; !latest.Equal(want) {
			t.Errorf("the trail is at %s, want %s", latest, want)
		}
	})
}

// What was pruned is not walked, and what is left is proven as before.
func TestAPrunedTrailIsProvenFromItsBase(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		long(t, s, 300)
		now = now.Add(100 * 24 * time.Hour)
		long(t, s, 300)
		before := now.Add(-40 * 24 * time.Hour)
		upTo, err := s.Prunable(t.Context(), before, nil)
		check(t, err)
		check(t, s.Prune(t.Context(), "ann", upTo, before, nil, "sha256:00", nil))
		walked := s.Walked()
		check(t, s.VerifyNew(t.Context()))
		if n := s.Walked() - walked; n == 0 || n > 256 {
			t.Errorf("%d events were walked", n)
		}
		if n, err := proven(s, t, "S-4"); n != 30 || err != nil {
			t.Errorf("%d events: %v", n, err)
		}
		if n := s.Walked() - walked; n != 301 {
			t.Errorf("%d events were walked, want those that are left", n)
		}
	})
}

// Where a walk back in time ends is used too: an event that was made older would
// hide all before it.
func TestTheEventThatEndsAWalkIsProven(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		long(t, s, 600)
		loosen(t, raw)
		_, err := raw.Exec(`UPDATE audit SET at = 1 WHERE seq = 512`) // the last one before a mark
		check(t, err)
		check(t, s.VerifyNew(t.Context()))
		n := 0
		if err := s.ProvenSince(t.Context(), now.Add(-time.Hour), func(store.Event) error { n++; return nil }); err == nil {
			t.Errorf("%d of 600 events are proven to be all", n)
		}
	})
}

// What broke off is not the whole of what was to be read, however sound the trail is.
func TestAReadThatBrokeOffProvesNothing(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		long(t, s, 30)
		broke := errors.New("the connection broke")
		n := 0
		err := s.ProvenBroken(t.Context(), "S-1", broke, func(store.Event) error { n++; return nil })
		if !errors.Is(err, broke) || n > 0 {
			t.Errorf("%d events are proven to be all: %v", n, err)
		}
	})
}
