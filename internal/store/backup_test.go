package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

func testKey(t *testing.T) secret.Key {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	return key
}

// audit writes an event.
func audit(t *testing.T, s *store.Store, action string) {
	t.Helper()
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Audit(t.Context(), "ada", action, "INC-1", map[string]string{})
		return err
	}))
}

// ownDatabases runs a test on places that are databases of their own: a SQLite file, and
// where there is a server databases of PostgreSQL. place makes a new one.
func ownDatabases(t *testing.T, test func(t *testing.T, place func(name string) string)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func(name string) string { return filepath.Join(dir, name, "leakgate.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		server := os.Getenv("LEAKGATE_POSTGRES")
		if server == "" {
			t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run store starts one")
		}
		for _, tool := range []string{"pg_dump", "pg_restore"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("%s is missing: apt-get install postgresql-client", tool)
			}
		}
		admin, err := sql.Open("pgx", server)
		check(t, err)
		t.Cleanup(func() { admin.Close() })
		test(t, func(name string) string {
			name = "backup_" + name + "_" + strings.ToLower(strings.NewReplacer("/", "_").Replace(t.Name()))
			_, err := admin.Exec("DROP DATABASE IF EXISTS " + name)
			check(t, err)
			_, err = admin.Exec("CREATE DATABASE " + name)
			check(t, err)
			t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
			return strings.Replace(server, "/postgres?", "/"+name+"?", 1)
		})
	})
}

func TestABackupIsWhatWasThereAtOneMoment(t *testing.T) {
	ownDatabases(t, func(t *testing.T, place func(string) string) {
		from, to, file := place("a"), place("b"), filepath.Join(t.TempDir(), "backup")
		s, err := store.Open(t.Context(), from, store.Options{Key: testKey(t)})
		check(t, err)
		defer s.Close()
		audit(t, s, "before")
		check(t, store.Backup(t.Context(), from, file)) // while it is open
		audit(t, s, "after")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup: %v %v", info.Mode(), err)
		}
		if err := store.Backup(t.Context(), from, file); err == nil {
			t.Error("a backup is written over another")
		}
		check(t, store.Restore(t.Context(), to, file, false, nil))
		back, err := store.Open(t.Context(), to, store.Options{Key: testKey(t)})
		check(t, err)
		head, err := back.VerifyTrail(t.Context())
		check(t, err)
		if head.Seq != 1 {
			t.Errorf("the trail ends at %d", head.Seq)
		}
		audit(t, back, "goes on") // the guards are there as well
		if _, err := back.DB().ExecContext(t.Context(), `DELETE FROM audit`); err == nil {
			t.Error("the trail may be cut")
		}
		back.Close()
		if err := store.Restore(t.Context(), to, file, false, nil); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("restored over a database: %v", err)
		}
		check(t, store.Restore(t.Context(), to, file, true, nil))
		back, err = store.Open(t.Context(), to, store.Options{Key: testKey(t)})
		check(t, err)
		defer back.Close()
		if head, err := back.VerifyTrail(t.Context()); err != nil || head.Seq != 1 {
			t.Errorf("restored again: %v %v", head, err)
		}
		other, err := secret.NewKey()
		check(t, err)
		if wrong, err := store.Open(t.Context(), to, store.Options{Key: other}); err == nil {
			if _, err := wrong.VerifyTrail(t.Context()); err == nil {
				t.Error("another key will do")
			}
			wrong.Close()
		}
	})
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "leakgate.db")
	s, err := store.Open(t.Context(), place, store.Options{Key: testKey(t)})
	check(t, err)
	audit(t, s, "mine")
	good := filepath.Join(dir, "good")
	check(t, store.Backup(t.Context(), place, good))
	text, err := os.ReadFile(good)
	check(t, err)
	for name, text := range map[string]string{"empty": "", "text": "this is no database at all, but a line of text", "cut": string(text[:len(text)/2])} {
		file := filepath.Join(dir, name)
		check(t, os.WriteFile(file, []byte(text), 0o600))
		if err := store.Restore(t.Context(), place, file, true, nil); err == nil {
			t.Errorf("%s is restored", name)
		}
	}
	release, err := s.Exclusive(t.Context(), "serve")
	check(t, err)
	if err := store.Restore(t.Context(), place, good, true, nil); !errors.Is(err, store.ErrBusy) {
		t.Errorf("restored while it is served: %v", err)
	}
	release()
	if head, err := s.VerifyTrail(t.Context()); err != nil || head.Seq != 1 {
		t.Errorf("what was there is %v %v", head, err)
	}
	s.Close()
}

// beforeLast makes a database one of the version that knew the last three migrations not yet.
const beforeLast = `DROP INDEX orders_by_open; ALTER TABLE orders DROP COLUMN answer; ALTER TABLE orders DROP COLUMN body; ALTER TABLE orders DROP COLUMN told; ALTER TABLE orders DROP COLUMN open;
 DROP TABLE analyses; ALTER TABLE sweeps DROP COLUMN since;
 DROP TABLE moved; ALTER TABLE repositories DROP COLUMN account; ALTER TABLE repositories DROP COLUMN former; ALTER TABLE repositories DROP COLUMN gone_at;
 UPDATE schema_level SET level = level - 3`

func TestAnOlderBackupTakesThePlaceOfANewerDatabase(t *testing.T) {
	ownDatabases(t, func(t *testing.T, place func(string) string) {
		from, to, file := place("older"), place("newer"), filepath.Join(t.TempDir(), "backup")
		for _, at := range []string{from, to} {
			s, err := store.Open(t.Context(), at, store.Options{Key: testKey(t)})
			check(t, err)
			audit(t, s, "one")
			if at == from {
				_, err = s.DB().Exec(beforeLast)
				check(t, err)
			}
			s.Close()
		}
		check(t, store.Backup(t.Context(), from, file))
		check(t, store.Restore(t.Context(), to, file, true, nil))
		l, err := store.LevelOf(t.Context(), to)
		check(t, err)
		if l.Missing() != 3 {
			t.Errorf("what is put back: %+v", l)
		}
		s, err := store.Open(t.Context(), to, store.Options{Key: testKey(t)})
		check(t, err)
		defer s.Close()
		audit(t, s, "goes on")
		if _, err := s.VerifyTrail(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseThatCannotBeReadIsReplaced(t *testing.T) {
	dir := t.TempDir()
	place, good := filepath.Join(dir, "leakgate.db"), filepath.Join(dir, "good")
	s, err := store.Open(t.Context(), place, store.Options{Key: testKey(t)})
	check(t, err)
	audit(t, s, "mine")
	check(t, store.Backup(t.Context(), place, good))
	s.Close()
	whole, err := os.ReadFile(place)
	check(t, err)
	for name, text := range map[string]string{"garbage": strings.Repeat("no database ", 1000), "cut": string(whole[:5000]), "no header": strings.Repeat("x", 100) + string(whole[100:])} {
		check(t, os.WriteFile(place, []byte(text), 0o600))
		check(t, os.WriteFile(place+"-journal", []byte("of the one that is gone"), 0o600))
		if err := store.Restore(t.Context(), place, good, false, nil); err == nil {
			t.Errorf("%s is replaced unasked", name)
		}
		if err := store.Restore(t.Context(), place, good, true, nil); err != nil {
			t.Errorf("%s is not replaced: %v", name, err)
			continue
		}
		back, err := store.Open(t.Context(), place, store.Options{Key: testKey(t)})
		check(t, err)
		if head, err := back.VerifyTrail(t.Context()); err != nil || head.Seq != 1 {
			t.Errorf("%s: %v %v", name, head, err)
		}
		back.Close()
	}
}

func TestADumpOfSomethingElseIsRefused(t *testing.T) {
	ownDatabases(t, func(t *testing.T, place func(string) string) {
		if !store.IsPostgres(place("foreign")) {
			return // TestWhatIsNoBackupIsRefused has files
		}
		from, to, file := place("foreign"), place("ours"), filepath.Join(t.TempDir(), "backup")
		foreign, err := sql.Open("pgx", from)
		check(t, err)
		_, err = foreign.Exec(`CREATE TABLE other (id BIGINT)`)
		check(t, err)
		foreign.Close()
		check(t, store.Backup(t.Context(), from, file))
		s, err := store.Open(t.Context(), to, store.Options{Key: testKey(t)})
		check(t, err)
		s.Close()
		if err := store.Restore(t.Context(), to, file, true, nil); err == nil || !strings.Contains(err.Error(), "no database of leakgate") {
			t.Errorf("a foreign dump is restored: %v", err)
		}
	})
}

// What is wrong with a backup is found before anything goes for it.
func TestABackupIsProvenBeforeAnythingGoes(t *testing.T) {
	ownDatabases(t, func(t *testing.T, place func(string) string) {
		at, file := place("proven"), filepath.Join(t.TempDir(), "backup")
		s, err := store.Open(t.Context(), at, store.Options{Key: testKey(t)})
		check(t, err)
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			for n := range 300 { // more than lie between two marks
				if _, err := tx.Audit(t.Context(), "a\tb\\\nc\r\v\b\f\\N\"'ü", "seen", "INC-1", map[string]any{"n": n, "text": "\\.\n\t\u0001"}); err != nil {
					return err
				}
			}
			return nil
		}))
		check(t, store.Backup(t.Context(), at, file))
		audit(t, s, "since")
		s.Close()
		no := errors.New("no")
		err = store.Restore(t.Context(), at, file, true, func(copied string) error {
			if store.IsPostgres(copied) {
				t.Error("what is proven is not the backup")
			}
			back, err := store.Open(t.Context(), copied, store.Options{Key: testKey(t)})
			check(t, err)
			defer back.DB().Close()
			if head, err := back.VerifyTrail(t.Context()); err != nil || head.Seq != 300 {
				t.Errorf("the trail of the backup: %v, %v", head, err)
			}
			other, err := secret.NewKey()
			check(t, err)
			wrong, err := store.Open(t.Context(), copied, store.Options{Key: other})
			check(t, err)
			defer wrong.DB().Close()
			if _, err := wrong.VerifyTrail(t.Context()); err == nil {
				t.Error("another key will do")
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Errorf("what fails is put back: %v", err)
		}
		s, err = store.Open(t.Context(), at, store.Options{Key: testKey(t)})
		check(t, err)
		defer s.Close()
		if head, err := s.VerifyTrail(t.Context()); err != nil || head.Seq != 301 {
			t.Errorf("what was there is %v, %v", head, err)
		}
	})
}

func TestOlderCodeRunsOnANewerSchema(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		open()
		_, err := raw.Exec(`UPDATE schema_level SET level = 999`)
		check(t, err)
		s := open() // somebody newer was here, and changed nothing that this version needs
		audit(t, s, "by older code")
		var level int
		check(t, raw.QueryRow(`SELECT level FROM schema_level`).Scan(&level))
		if level != 999 {
			t.Errorf("older code says that the schema is %d", level)
		}
	})
}

func TestTheSchemaStaysOneThatOlderCodeKnows(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		var needs int
		check(t, raw.QueryRow(`SELECT version FROM schema_version`).Scan(&needs))
		// What the code of that version writes, column by column.
		older := map[string]string{
			"deliveries":  `INSERT INTO deliveries (guid, event, action, installation, repository, facts, received_at, handled_at) VALUES ('g', 'push', '', 1, 2, '{}', 3, 0)`,
			"tips":        `INSERT INTO tips (installation, repository, name, sha, attempt, check_run, reported, made_at) VALUES (1, 2, 'a/b', 'c', 1, 0, '', 3)`,
			"questions":   `INSERT INTO questions (tip, subject, body, state, job, verdict, asked_at, ended_at) VALUES (1, 's', '{}', 'waiting', 0, '', 3, 0)`,
			"credentials": `INSERT INTO credentials (id, rule, preview, severity, first_seen) VALUES ('LG-1', 'r', 'p', 'high', 3)`,
			"findings":    `INSERT INTO findings (credential, repository, fingerprint, body, recorded_at) VALUES ('LG-1', 'r', 'f', '{}', 3)`,
			"incidents":   `INSERT INTO incidents (id, credential, state, exposure, opened_at, changed_at, reason, owner, expires_at) VALUES ('INC-1', 'LG-1', 'detected', '', 3, 3, '', '', 0)`,
		}
		if needs != 6 {
			t.Fatalf("the schema is said to be one for code of version %d: what that writes is to be tried here", needs)
		}
		for _, table := range []string{"deliveries", "tips", "questions", "credentials", "findings", "incidents"} {
			if _, err := s.DB().ExecContext(context.Background(), older[table]); err != nil {
				t.Errorf("older code cannot write %s: %v", table, err)
			}
		}
		if _, err := s.DB().ExecContext(t.Context(), `SELECT id, installation, repository, name, sha, attempt, check_run, reported, claims, claimed_at FROM tips`); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLevelIsToldAndNothingChanged(t *testing.T) {
	ownDatabases(t, func(t *testing.T, place func(string) string) {
		at := place("level")
		l, err := store.LevelOf(t.Context(), at)
		check(t, err)
		if l.Done != 0 || l.Missing() != l.Known {
			t.Errorf("of nothing: %+v", l)
		}
		if _, err := os.Stat(at); err == nil {
			t.Error("looking made a database")
		}
		s, err := store.Open(t.Context(), at, store.Options{Key: testKey(t)})
		check(t, err)
		s.Close()
		if l, err = store.LevelOf(t.Context(), at); err != nil || l.Missing() != 0 || l.Needs > l.Known {
			t.Errorf("of a new one: %+v %v", l, err)
		}
	})
}
