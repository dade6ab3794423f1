package store_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// Whoever writes the database but has no key must not get a trail of his own
// signed by the next event.
func TestAForgedTrailIsNotGoneOnWith(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		record(t, s, 1)
		record(t, s, 2)
		loosen(t, raw)
		rewrite(t, raw)
		err := s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), "test", []store.Sighting{sighting(3)}) })
		if fault, ok := errors.AsType[*store.TrailError](err); !ok || fault.Seq != 2 {
			t.Errorf("an event behind a forged head: %v", err)
		}
		if head, err := s.VerifyTrail(t.Context()); err == nil {
			t.Errorf("a forged trail is verified: %s", head)
		}
	})
}

// A trail that was emptied is not one that never began.
func TestAnEmptiedTrailIsNoNewOne(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		_, err := s.VerifyTrail(t.Context())
		check(t, err)
		record(t, s, 1)
		loosen(t, raw)
		for _, statement := range []string{`DELETE FROM audit`, `UPDATE audit_head SET seq = 0, hash = '', mac = ''`} {
			_, err := raw.Exec(statement)
			check(t, err)
		}
		if _, err := s.VerifyTrail(t.Context()); err == nil {
			t.Error("an emptied trail is verified")
		}
	})
}

func loosen(t *testing.T, raw *sql.DB) {
	t.Helper()
	statements := []string{`DROP TRIGGER audit_no_change ON audit`}
	if strings.HasSuffix(t.Name(), "sqlite") {
		statements = []string{`DROP TRIGGER audit_no_update`, `DROP TRIGGER audit_no_delete`}
	}
	for _, statement := range statements {
		_, err := raw.Exec(statement)
		check(t, err)
	}
}

// rewrite makes eve the actor of every event, and the chain fit.
func rewrite(t *testing.T, raw *sql.DB) {
	t.Helper()
	_, err := raw.Exec(`UPDATE audit SET actor = 'eve'`)
	check(t, err)
	before := ""
	for seq := 1; seq <= 2; seq++ {
		var at int64
		var action, subject, body string
		check(t, raw.QueryRow(`SELECT at, action, subject, body FROM audit WHERE seq = `+strconv.Itoa(seq)).Scan(&at, &action, &subject, &body))
		sum := sha256.New()
		for _, part := range []string{before, strconv.Itoa(seq), strconv.FormatInt(at, 10), "eve", action, subject, body} {
			var size [8]byte
			binary.BigEndian.PutUint64(size[:], uint64(len(part)))
			sum.Write(size[:])
			sum.Write([]byte(part))
		}
		before = hex.EncodeToString(sum.Sum(nil))
		_, err := raw.Exec(`UPDATE audit SET hash = '` + before + `' WHERE seq = ` + strconv.Itoa(seq))
		check(t, err)
	}
	_, err = raw.Exec(`UPDATE audit_head SET hash = '` + before + `'`)
	check(t, err)
}

// A database has one lock by whatever name it is reached.
func TestALinkToADatabaseHasItsLock(t *testing.T) {
	key, err := secret.NewKey()
	check(t, err)
	place := filepath.Join(t.TempDir(), "state", "leakgate.db")
	one, err := store.Open(t.Context(), place, store.Options{Key: key})
	check(t, err)
	t.Cleanup(func() { one.Close() })
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(place, link); err != nil {
		t.Skip("no symbolic links here")
	}
	two, err := store.Open(t.Context(), link, store.Options{Key: key})
	check(t, err)
	t.Cleanup(func() { two.Close() })
	release, err := one.Exclusive(t.Context(), "apply")
	check(t, err)
	defer release()
	if _, err := two.Exclusive(t.Context(), "apply"); !errors.Is(err, store.ErrBusy) {
		t.Errorf("two at once: %v", err)
	}
}

// Whose connection to PostgreSQL breaks has lost the lock, and must know.
func TestALockThatWasLostIsNoticed(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		holds := func() error {
			return s.Tx(t.Context(), func(tx *store.Tx) error { return tx.Holds(t.Context(), "apply") })
		}
		release, err := s.Exclusive(t.Context(), "apply")
		check(t, err)
		defer release()
		check(t, holds())
		if strings.HasSuffix(t.Name(), "sqlite") {
			return // there the process holds it
		}
		_, err = raw.Exec(`SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'`)
		check(t, err)
		if err := holds(); !errors.Is(err, store.ErrBusy) {
			t.Errorf("a lock that was lost: %v", err)
		}
	})
}
