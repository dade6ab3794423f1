package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"database/sql"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// on runs a test on every database at hand: SQLite, and PostgreSQL where
// LEAKGATE_POSTGRES names one whose schemas may be made and dropped.
func on(t *testing.T, test func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB)) {
	onAt(t, "", "", test)
}

// onAt has SQLite's file in a folder, "" for any, and PostgreSQL's session begin with
// more parameters.
func onAt(t *testing.T, dir, parameters string, test func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		if dir == "" {
			dir = t.TempDir()
		}
		path := filepath.Join(dir, "state", "leakgate.db")
		run(t, path, "sqlite", path, test)
	})
	t.Run("postgres", func(t *testing.T) {
		server := os.Getenv("LEAKGATE_POSTGRES")
		if server == "" {
			t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run store starts one")
		}
		admin, err := sql.Open("pgx", server)
		check(t, err)
		name := fmt.Sprintf("test_%d", time.Now().UnixNano())
		_, err = admin.Exec("CREATE SCHEMA " + name)
		check(t, err)
		t.Cleanup(func() {
			_, err := admin.Exec("DROP SCHEMA " + name + " CASCADE")
			check(t, err)
			admin.Close()
		})
		at := "?"
		if strings.Contains(server, "?") {
			at = "&"
		}
		url := server + at + "search_path=" + name + parameters
		run(t, url, "pgx", url, test)
	})
}

func run(t *testing.T, place, driver, dsn string, test func(*testing.T, func(...func(*store.Options)) *store.Store, *sql.DB)) {
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	open := func(change ...func(*store.Options)) *store.Store {
		o := store.Options{Key: key}
		for _, f := range change {
			f(&o)
		}
		s, err := store.Open(t.Context(), place, o)
		check(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	raw, err := sql.Open(driver, dsn)
	check(t, err)
	t.Cleanup(func() { raw.Close() })
	test(t, open, raw)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sighting(n int) store.Sighting {
	return store.Sighting{
		Credential: store.Credential{ID: fmt.Sprintf("LG-%04d", n), Rule: "some-token", Preview: "som…(40)", Severity: "high"},
		Repository: "example/app", Fingerprint: fmt.Sprintf("print-%d", n), Body: map[string]string{"path": "a.txt"},
	}
}

func record(t *testing.T, s *store.Store, n int) {
	t.Helper()
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), "test", []store.Sighting{sighting(n)}) }))
}

func TestAnIncidentIsOpenedOnceForACredential(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		record(t, s, 1)
		record(t, s, 1)
		again := sighting(1)
		again.Repository = "example/other"
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), "test", []store.Sighting{again}) }))
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Incidents(t.Context())
			if err != nil {
				return err
			}
			if len(all) != 1 || all[0].ID != "INC-0001" || all[0].State != store.Detected || all[0].Credential.Preview != "som…(40)" {
				t.Errorf("incidents: %+v", all)
			}
			places, err := tx.Sightings(t.Context(), "LG-0001")
			if len(places) != 2 {
				t.Errorf("%d places, want one of each repository", len(places))
			}
			return err
		}))
		head, err := s.VerifyTrail(t.Context())
		check(t, err)
		if head.Seq != 2 {
			t.Errorf("%d events, want the detection and the second place", head.Seq)
		}
	})
}

func TestOnlyAProofMakesAnIncidentRevoked(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		record(t, s, 1)
		record(t, s, 2)
		advance := func(m store.Move) error {
			return s.Tx(ctx, func(tx *store.Tx) error { return tx.Advance(ctx, "INC-0001", m) })
		}
		audit := func(action, subject, status string) (seq int64) {
			check(t, s.Tx(ctx, func(tx *store.Tx) (err error) {
				seq, err = tx.Audit(ctx, "test", action, subject, map[string]string{"status": status})
				return err
			}))
			return seq
		}
		live, other, planned := audit("checked", "INC-0001", "live"), audit("checked", "INC-0002", "dead"), audit("planned", "INC-0001", "dead")
		for _, proof := range []int64{0, 999, live, other, planned} {
			if err := advance(store.Move{To: store.Revoked, By: "test", Proof: proof}); err == nil {
				t.Errorf("event %d proves a revocation", proof)
			}
		}
		check(t, advance(store.Move{To: store.Revoked, By: "test", Proof: audit("checked", "INC-0001", "dead")}))
		for _, to := range []store.State{store.Triaged, store.Dismissed, store.Revoked, "dead"} {
			if err := advance(store.Move{To: to, By: "test", Why: "x", Owner: "y", Expires: time.Now().Add(time.Hour)}); err == nil {
				t.Errorf("a revoked incident became %s", to)
			}
		}
		check(t, advance(store.Move{To: store.Closed, By: "test"}))
	})
}

// What a rewrite took out of history, and a rollback brought back.
func TestAPurgedIncidentGoesBackToWhereItWas(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		paths := [][]store.State{
			{store.Revoked, store.Purged},
			{store.Revoked, store.Rotated, store.Purged},
			{store.Revoked, store.Purged, store.Closed},
			{store.Revoked, store.Purged, store.Detected},
			{store.Revoked, store.Rotated},
		}
		ends := []store.State{store.Revoked, store.Rotated, store.Revoked, store.Detected, store.Rotated}
		for i, path := range paths {
			id := fmt.Sprintf("INC-%04d", i+1)
			record(t, s, i+1)
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				proof, err := tx.Audit(ctx, "test", "checked", id, map[string]string{"status": "dead"})
				for _, to := range path {
					err = errors.Join(err, tx.Advance(ctx, id, store.Move{To: to, By: "test", Proof: proof}))
				}
				return errors.Join(err, tx.Unpurge(ctx, id, "ann", "a rollback"), tx.Unpurge(ctx, id, "ann", "again"))
			}))
			check(t, s.Tx(ctx, func(tx *store.Tx) error {
				in, err := tx.Incident(ctx, id)
				if in.State != ends[i] {
					t.Errorf("%v went back to %s, want %s", path, in.State, ends[i])
				}
				return err
			}))
		}
		_, err := s.VerifyTrail(ctx)
		check(t, err)
	})
}

func TestADismissalNeedsReasonOwnerAndEnd(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		record(t, s, 1)
		whole := store.Move{To: store.Dismissed, By: "ann", Why: "a test key", Owner: "ann", Expires: time.Now().Add(time.Hour)}
		for _, spoil := range []func(*store.Move){
			func(m *store.Move) { m.Why = "" }, func(m *store.Move) { m.Owner = "" }, func(m *store.Move) { m.By = "" },
			func(m *store.Move) { m.Expires = time.Time{} }, func(m *store.Move) { m.Expires = time.Now().Add(-time.Hour) },
		} {
			m := whole
			spoil(&m)
			if err := s.Tx(ctx, func(tx *store.Tx) error { return tx.Advance(ctx, "INC-0001", m) }); err == nil {
				t.Errorf("dismissed by %+v", m)
			}
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error { return tx.Advance(ctx, "LG-0001", whole) }))
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			in, err := tx.Incident(ctx, "INC-0001")
			if in.State != store.Dismissed || in.Owner != "ann" || in.Reason != "a test key" || in.Expires.IsZero() {
				t.Errorf("%+v", in)
			}
			return err
		}))
	})
}

func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		boom := errors.New("boom")
		err := s.Tx(t.Context(), func(tx *store.Tx) error {
			check(t, tx.Record(t.Context(), "test", []store.Sighting{sighting(1)}))
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Incidents(t.Context())
			if len(all) != 0 {
				t.Errorf("incidents: %v", all)
			}
			return err
		}))
	})
}

func TestTheTrailShowsWhereItWasTamperedWith(t *testing.T) {
	loosen := map[bool]string{
		true: `DROP TRIGGER audit_no_update`, false: `DROP TRIGGER audit_no_change ON audit`,
	}
	cut := map[bool]string{true: `DROP TRIGGER audit_no_delete`}
	cases := map[string]struct {
		do   string
		want int64
	}{
		"edited body":  {`UPDATE audit SET body = '{"status":"dead"}' WHERE seq = 3`, 3},
		"edited actor": {`UPDATE audit SET actor = 'eve' WHERE seq = 1`, 1},
		"edited time":  {`UPDATE audit SET at = at + 1 WHERE seq = 5`, 5},
		"removed":      {`DELETE FROM audit WHERE seq = 2`, 2},
		"cut":          {`DELETE FROM audit WHERE seq > 3`, 4},
		"cut, head moved along": {`DELETE FROM audit WHERE seq > 3;
UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3)`, 3},
		"head forged": {`UPDATE audit_head SET mac = '00'`, 5},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
				s := open()
				for n := range 5 {
					record(t, s, n)
				}
				_, err := s.VerifyTrail(t.Context())
				check(t, err)
				for _, statement := range strings.Split(c.do, ";\n") {
					if _, err := raw.Exec(statement); err == nil && !strings.Contains(statement, "audit_head") {
						t.Fatal("the table can be changed")
					}
				}
				lite := strings.HasSuffix(t.Name(), "sqlite")
				_, err = raw.Exec(loosen[lite])
				check(t, err)
				if lite {
					_, err = raw.Exec(cut[lite])
					check(t, err)
				}
				for _, statement := range strings.Split(c.do, ";\n") {
					_, err := raw.Exec(statement)
					check(t, err)
				}
				_, err = s.VerifyTrail(t.Context())
				var at *store.TrailError
				if !errors.As(err, &at) || at.Seq != c.want {
					t.Errorf("got %v, want the fault at %d", err, c.want)
				}
			})
		})
	}
}

func TestAHeadThatWasNotedElsewhereHoldsTheTrail(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		record(t, s, 1)
		record(t, s, 2)
		noted, err := s.VerifyTrail(t.Context())
		check(t, err)
		record(t, s, 3)
		_, err = s.VerifyTrail(t.Context(), noted)
		check(t, err)
		parsed, err := store.ParseHead(noted.String())
		if err != nil || parsed != noted {
			t.Errorf("%v is read back as %v (%v)", noted, parsed, err)
		}
		_, err = s.VerifyTrail(t.Context(), store.Head{Seq: 9, Hash: noted.Hash})
		var at *store.TrailError
		if !errors.As(err, &at) || at.Seq != 4 {
			t.Errorf("a trail that was cut before a noted head: %v", err)
		}
		_, err = s.VerifyTrail(t.Context(), store.Head{Seq: 1, Hash: noted.Hash})
		if !errors.As(err, &at) || at.Seq != 1 {
			t.Errorf("a trail that was written anew: %v", err)
		}
	})
}

func TestManyWritersMakeOneTrail(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		var wait sync.WaitGroup
		for w := range 4 {
			s := open()
			wait.Go(func() {
				for n := range 10 {
					if err := s.Tx(context.Background(), func(tx *store.Tx) error {
						return tx.Record(context.Background(), "test", []store.Sighting{sighting(100*w + n)})
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		head, err := open().VerifyTrail(t.Context())
		check(t, err)
		if head.Seq != 40 {
			t.Errorf("%d events, want 40", head.Seq)
		}
	})
}

func TestPlansApprovalsAndJournalAreKept(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s, ctx := open(), t.Context()
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			return errors.Join(
				tx.KeepPlan(ctx, "abc", "ann", []byte(`{"a":1}`)), tx.KeepPlan(ctx, "abc", "eve", []byte(`{"a":2}`)),
				tx.KeepApproval(ctx, "abc", "bob", "", []byte(`{"n":1}`)), tx.KeepApproval(ctx, "abc", "bob", "", []byte(`{"n":2}`)),
				tx.Write(ctx, "ann", line(0, "intent", 1)), tx.Write(ctx, "ann", line(0, "outcome", 2)),
			)
		}))
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			body, requester, err := tx.Plan(ctx, "abc")
			if string(body) != `{"a":1}` || requester != "ann" || err != nil {
				t.Errorf("plan %s of %s (%v)", body, requester, err)
			}
			if _, _, err := tx.Plan(ctx, "other"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a plan that is not there: %v", err)
			}
			approvals, err := tx.Approvals(ctx, "abc")
			if len(approvals) != 1 || string(approvals[0]) != `{"n":2}` || err != nil {
				t.Errorf("approvals %s (%v)", approvals, err)
			}
			return err
		}))
		journal, err := s.Journal(ctx, "abc", "LG-1")
		if len(journal) != 2 || journal[0].Event != "intent" || journal[1].Event != "outcome" || string(journal[1].Body) != `{"x":2}` || err != nil {
			t.Errorf("journal %+v (%v)", journal, err)
		}
		if _, err := raw.Exec(`DELETE FROM journal`); err == nil {
			t.Error("the journal can be emptied")
		}
	})
}

func line(step int, event string, x int) store.Line {
	return store.Line{Plan: "abc", Step: step, Event: event, Body: map[string]int{"x": x}, Action: "test " + event, Subject: "LG-1", More: map[string]any{"provider": "p"}}
}

// A journal that somebody wrote into is told from the one that the trail tells, with the place.
func TestAJournalIsHeldAgainstTheTrail(t *testing.T) {
	for name, c := range map[string]struct {
		forge string
		at    int
		want  string
	}{
		"edited":        {`UPDATE journal SET body = '{"x":9}' WHERE event = 'two'`, 2, "it is not what audit event"},
		"another step":  {`UPDATE journal SET step = 5 WHERE event = 'two'`, 2, "it is not what audit event"},
		"another event": {`UPDATE journal SET event = 'done' WHERE event = 'three'`, 3, "it is not what audit event"},
		"removed":       {`DELETE FROM journal WHERE event = 'one'`, 1, "it is not what audit event"},
		"its end gone":  {`DELETE FROM journal WHERE event = 'three'`, 3, "tells of a line that is missing"},
		"added":         {`INSERT INTO journal (plan, step, event, body, at) VALUES ('abc', 0, 'done', '{}', 1)`, 4, "no audit event tells of it"},
		"its time":      {`UPDATE journal SET at = 1`, 0, ""}, // nobody reads it
	} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
				s, ctx := open(), t.Context()
				check(t, s.Tx(ctx, func(tx *store.Tx) error {
					return errors.Join(tx.KeepPlan(ctx, "abc", "ann", []byte(`{}`)), tx.Write(ctx, "ann", line(0, "one", 1)), tx.Write(ctx, "ann", line(1, "two", 2)), tx.Write(ctx, "ann", line(0, "three", 3)))
				}))
				for _, guard := range []string{`DROP TRIGGER journal_no_update`, `DROP TRIGGER journal_no_delete`, `DROP TRIGGER journal_no_change ON journal`} {
					if strings.HasSuffix(t.Name(), "sqlite") == !strings.Contains(guard, " ON ") {
						_, err := raw.Exec(guard)
						check(t, err)
					}
				}
				_, err := raw.Exec(c.forge)
				check(t, err)
				journal, err := s.Journal(ctx, "abc", "LG-1")
				fault, is := errors.AsType[*store.JournalError](err)
				if c.want == "" {
					if err != nil || len(journal) != 3 || journal[0].At.Year() == 1970 {
						t.Errorf("%+v: %v", journal, err)
					}
					return
				}
				if !is || fault.Line != c.at || !strings.Contains(fault.Why, c.want) {
					t.Errorf("%v, want line %d: %s", err, c.at, c.want)
				}
			})
		})
	}
}

func TestOneAtATime(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		a, b := open(), open()
		release, err := a.Exclusive(t.Context(), "apply")
		check(t, err)
		if _, err := b.Exclusive(t.Context(), "apply"); !errors.Is(err, store.ErrBusy) {
			t.Errorf("a second one: %v", err)
		}
		other, err := b.Exclusive(t.Context(), "something-else")
		check(t, err)
		other()
		release()
		release, err = b.Exclusive(t.Context(), "apply")
		check(t, err)
		release()
	})
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		open()
		_, err := raw.Exec(`UPDATE schema_version SET version = 999`)
		check(t, err)
		key, _ := secret.NewKey()
		var path string
		check(t, raw.QueryRow(`SELECT 'x'`).Scan(&path))
		if lite := strings.HasSuffix(t.Name(), "sqlite"); lite {
			check(t, raw.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path))
			if _, err := store.Open(t.Context(), path, store.Options{Key: key}); !errors.Is(err, store.ErrTooNew) {
				t.Errorf("opened: %v", err)
			}
		}
	})
}

func TestAFileThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leakgate.db")
	check(t, os.WriteFile(path, nil, 0o644))
	key, _ := secret.NewKey()
	if _, err := store.Open(t.Context(), path, store.Options{Key: key}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("opened: %v", err)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leakgate.db")
	check(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
	key, _ := secret.NewKey()
	if _, err := store.Open(t.Context(), path, store.Options{Key: key}); err == nil || !strings.Contains(err.Error(), "no database of leakgate") {
		t.Errorf("opened: %v", err)
	}
}

// Of two that take a step from the same state one does, and the other is told.
func TestOneOfTwoAdvancesAnIncident(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		record(t, s, 1)
		faults := make(chan error, 2)
		for range cap(faults) {
			go func() {
				faults <- s.Tx(t.Context(), func(tx *store.Tx) error {
					return tx.Advance(t.Context(), "INC-0001", store.Move{To: store.Triaged, By: "ann"})
				})
			}()
		}
		if one, two := <-faults, <-faults; (one == nil) == (two == nil) {
			t.Errorf("both or none: %v, %v", one, two)
		}
		if all := trail(t, s); len(all) != 2 {
			t.Errorf("%d events", len(all))
		}
	})
}
