package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

const month = 31 * 24 * time.Hour

// aged has three incidents, months apart; the first is dismissed, the second open.
func aged(t *testing.T, open func(...func(*store.Options)) *store.Store) (*store.Store, *time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
	record(t, s, 1)
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Advance(t.Context(), "INC-0001", store.Move{To: store.Dismissed, By: "ann", Why: "a sample", Owner: "ann", Expires: now.Add(time.Hour)})
	}))
	now = now.Add(month)
	record(t, s, 2)
	now = now.Add(month)
	record(t, s, 3)
	return s, &now
}

func TestPruningKeepsTheChainAndWhatIsOpen(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s, now := aged(t, open)
		all := trail(t, s)
		whole, err := s.VerifyTrail(t.Context())
		check(t, err)

		if _, err := s.Prunable(t.Context(), *now, nil); err == nil {
			t.Error("events of today may be pruned")
		}
		*now = now.Add(2 * month)
		before := now.Add(-month)
		upTo, err := s.Prunable(t.Context(), before, nil)
		check(t, err)
		for subject, want := range map[string]int64{"INC-0001": 0, "LG-0001": 0, "nobody": 2} {
			if got, err := s.Prunable(t.Context(), before, map[string]bool{subject: true}); got.Seq != want || err != nil {
				t.Errorf("with %s needed: up to %s (%v), want %d", subject, got, err, want)
			}
		}
		if err := s.Prune(t.Context(), "ann", upTo, before, map[string]bool{"INC-0001": true}, "x", nil); err == nil {
			t.Error("what is needed is pruned")
		}
		if upTo != (store.Head{Seq: 2, Hash: all[1].Hash}) {
			t.Fatalf("up to %s: the second incident is open", upTo)
		}
		for name, wrong := range map[string]store.Head{"too far": whole, "nothing": {}, "another event": {Seq: 2, Hash: all[0].Hash}} {
			if err := s.Prune(t.Context(), "ann", wrong, before, nil, "x", nil); err == nil {
				t.Errorf("pruned: %s", name)
			}
		}
		check(t, s.Prune(t.Context(), "ann", upTo, before, nil, "sha256:00", nil))

		head, err := s.VerifyTrail(t.Context(), whole)
		check(t, err)
		left := trail(t, s)
		if head.Seq != 5 || len(left) != 3 || left[0].Seq != 3 || left[2].Action != "pruned" || !strings.Contains(string(left[2].Body), "sha256:00") {
			t.Errorf("head %s, left %+v", head, left)
		}
		if base, err := s.Base(t.Context()); err != nil || base != upTo {
			t.Errorf("base %s: %v", base, err)
		}
		if _, err := s.VerifyTrail(t.Context(), store.Head{Seq: 1, Hash: all[0].Hash}); !errors.Is(err, store.ErrPruned) {
			t.Errorf("a head of what was pruned: %v", err)
		}
		if _, err := s.VerifyTrail(t.Context(), store.Head{Seq: 2, Hash: strings.Repeat("0", 64)}); err == nil || errors.Is(err, store.ErrPruned) {
			t.Errorf("a wrong head at the base: %v", err)
		}
		if _, err := raw.Exec(`DELETE FROM audit WHERE seq = 3`); err == nil {
			t.Error("the guard was not put back")
		}
		record(t, s, 9)
		if _, err := s.VerifyTrail(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Nobody without the key prunes, and nobody hides that somebody did.
func TestAForgedBaseIsSeen(t *testing.T) {
	for name, forge := range map[string]string{
		"none":     `DELETE FROM audit_base`,
		"a number": `UPDATE audit_base SET seq = seq + 1`,
		"another":  `UPDATE audit_base SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3)`,
		"its head": `UPDATE audit_base SET mac = (SELECT mac FROM audit_head)`,
	} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
				s, now := aged(t, open)
				*now = now.Add(2 * month)
				upTo, err := s.Prunable(t.Context(), now.Add(-month), nil)
				check(t, err)
				check(t, s.Prune(t.Context(), "ann", upTo, now.Add(-month), nil, "x", nil))
				_, err = raw.Exec(forge)
				check(t, err)
				_, err = s.VerifyTrail(t.Context())
				if _, ok := errors.AsType[*store.TrailError](err); !ok {
					t.Errorf("a forged base: %v", err)
				}
			})
		})
	}
}

func trail(t *testing.T, s *store.Store) (all []store.Event) {
	t.Helper()
	check(t, s.Trail(context.Background(), "", func(e store.Event) error { all = append(all, e); return nil }))
	return all
}

// A database that another process writes is said to be busy, and nothing is half done.
func TestALockedDatabaseIsSaidToBeBusy(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		if !strings.HasSuffix(t.Name(), "sqlite") {
			return // writers of PostgreSQL wait for each other
		}
		s := open(func(o *store.Options) { o.Patience = time.Millisecond })
		record(t, s, 1)
		holder, err := raw.Conn(t.Context())
		check(t, err)
		defer holder.Close()
		_, err = holder.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
		check(t, err)
		err = s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), "test", []store.Sighting{sighting(2)}) })
		if !errors.Is(err, store.ErrBusy) || !strings.Contains(err.Error(), "try again when it is done") {
			t.Errorf("a locked database: %v", err)
		}
		_, err = holder.ExecContext(t.Context(), `ROLLBACK`)
		check(t, err)
		whole(t, s, 1)
		record(t, s, 2)
	})
}

// A disk that fills up takes no half of a step.
func TestAFullDatabaseKeepsItsState(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		if !strings.HasSuffix(t.Name(), "sqlite") {
			return // its answer is in TestWhatPostgresSays
		}
		s := open()
		record(t, s, 1)
		check(t, s.Fill(t.Context()))
		full, written := error(nil), 1
		for n := 2; n < 1000 && full == nil; n++ {
			if full = s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), "test", []store.Sighting{sighting(n)}) }); full == nil {
				written = n
			}
		}
		if full == nil || !strings.Contains(full.Error(), "the disk of the database is full; nothing of this step was written") {
			t.Fatalf("a full disk: %v", full)
		}
		whole(t, s, written)
		whole(t, open(), written) // and after a new start
	})
}

// A disk that is really full, as the two databases say it: nothing of the step is
// written, what was before is whole, and when there is room again all goes on.
func TestADiskThatIsReallyFull(t *testing.T) {
	disk, room := os.Getenv("LEAKGATE_SMALL_DISK"), os.Getenv("LEAKGATE_SMALL_TABLESPACE")
	if disk == "" {
		t.Skip("LEAKGATE_SMALL_DISK names no folder on a disk of a few MiB; test/e2e/run store mounts one")
	}
	if server := os.Getenv("LEAKGATE_POSTGRES"); server != "" {
		admin, err := sql.Open("pgx", server)
		check(t, err)
		defer admin.Close()
		_, err = admin.Exec(`CREATE TABLESPACE small LOCATION '` + room + `'`)
		check(t, err)
		t.Cleanup(func() {
			admin, err := sql.Open("pgx", server)
			check(t, err)
			_, err = admin.Exec(`DROP TABLESPACE small`)
			check(t, errors.Join(err, admin.Close()))
		})
	}
	onAt(t, disk, "&default_tablespace=small", func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		folder := disk
		if !strings.HasSuffix(t.Name(), "sqlite") {
			folder = filepath.Dir(room)
		}
		ballast := filepath.Join(folder, "ballast")
		check(t, os.WriteFile(ballast, make([]byte, 256<<10), 0o600))
		t.Cleanup(func() { _ = os.Remove(ballast) })
		s := open()
		step := func(n int) error {
			return s.Tx(t.Context(), func(tx *store.Tx) error {
				one := sighting(n)
				one.Body = strings.Repeat("x", 8<<10)
				return tx.Record(t.Context(), "test", []store.Sighting{one})
			})
		}
		full, written := error(nil), 0
		for n := 0; full == nil && n < 5000; n++ {
			if full = step(n); full == nil {
				written++
			}
		}
		if full == nil || !strings.Contains(full.Error(), "the disk of the database is full; nothing of this step was written") {
			t.Fatalf("a full disk behind %d steps: %v", written, full)
		}
		whole(t, s, written)
		check(t, os.Remove(ballast))
		check(t, step(written))
		whole(t, s, written+1)
		whole(t, open(), written+1)
	})
}

// whole looks whether the trail and the incidents tell the same.
func whole(t *testing.T, s *store.Store, incidents int) {
	t.Helper()
	head, err := s.VerifyTrail(t.Context())
	check(t, err)
	var all []store.Incident
	check(t, s.Tx(t.Context(), func(tx *store.Tx) (err error) { all, err = tx.Incidents(t.Context()); return err }))
	if len(all) != incidents || head.Seq != int64(incidents) {
		t.Errorf("%d incidents and %d events, want %d", len(all), head.Seq, incidents)
	}
}
