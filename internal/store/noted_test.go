package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// An older state of the database, with its own signed head, is not taken for the
// present one.
func TestAnOlderStateOfTheDatabaseIsSeen(t *testing.T) {
	dir := t.TempDir()
	place, note := filepath.Join(dir, "a.db"), filepath.Join(dir, "heads", "a")
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	open := func() *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), place, store.Options{Key: key, Noted: note})
		check(t, err)
		return s
	}
	s := open()
	check(t, s.VerifyNew(t.Context())) // nothing is there, and nothing is noted
	check(t, s.Close())
	s = open()
	long(t, s, 3)
	check(t, s.VerifyNew(t.Context()))
	check(t, s.Close())
	old, err := os.ReadFile(place)
	check(t, err)
	s = open()
	long(t, s, 3)
	check(t, s.Close())

	check(t, os.WriteFile(place, old, 0o600))
	s = open()
	if err := s.VerifyNew(t.Context()); !isTrailError(err) || !strings.Contains(err.Error(), "the database is older") {
		t.Errorf("an older state: %v", err)
	}
	_ = s.Close() // it says the same
	s = open()
	if err := s.VerifyNew(t.Context()); !isTrailError(err) {
		t.Errorf("an older state, asked again: %v", err)
	}
	long(t, s, 9) // it went on from there
	if err := s.VerifyNew(t.Context()); !isTrailError(err) || !strings.Contains(err.Error(), "was put back") {
		t.Errorf("an older state that went on: %v", err)
	}
	check(t, os.WriteFile(note, []byte("3:"+strings.Repeat("0", 64)+" x\n"), 0o600))
	if err := s.VerifyNew(t.Context()); err == nil || !strings.Contains(err.Error(), "no note of this installation") {
		t.Errorf("a forged note: %v", err)
	}
	check(t, os.Remove(note))
	check(t, s.VerifyNew(t.Context()))
	check(t, s.Close())
}

func isTrailError(err error) bool {
	_, ok := errors.AsType[*store.TrailError](err)
	return ok
}

// Several who note at once leave one whole note and nothing beside it, and a link that
// somebody laid where a note is made is not followed.
func TestANoteIsWholeWhoeverWritesIt(t *testing.T) {
	dir := t.TempDir()
	place, note, victim := filepath.Join(dir, "a.db"), filepath.Join(dir, "heads", "a"), filepath.Join(dir, "victim")
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	check(t, os.WriteFile(victim, []byte("mine"), 0o600))
	check(t, os.Mkdir(filepath.Dir(note), 0o700))
	if err := os.Symlink(victim, fmt.Sprintf("%s.%d", note, os.Getpid())); err != nil {
		t.Skip("no symbolic links here")
	}
	open := func() *store.Store {
		s, err := store.Open(t.Context(), place, store.Options{Key: key, Noted: note})
		check(t, err)
		return s
	}
	long(t, open(), 3)
	var wait sync.WaitGroup
	for range 4 {
		s := open()
		wait.Go(func() {
			for range 10 {
				if err := s.VerifyNew(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	text, err := os.ReadFile(note)
	check(t, err)
	if _, err := store.ParseHead(strings.Fields(string(text))[0]); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(victim); string(text) != "mine" {
		t.Errorf("a file elsewhere was written: %q", text)
	}
	all, err := os.ReadDir(filepath.Dir(note))
	if err != nil || len(all) != 2 { // the note and the link
		t.Errorf("left behind: %v %v", all, err)
	}
	if info, err := os.Lstat(note); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// What is written down before a call is noted before the call is made, also when the
// process is killed behind it: nobody closes the store.
func TestALineOfTheJournalIsNotedAtOnce(t *testing.T) {
	for name, write := range map[string]func(*store.Tx) error{
		"a line": func(tx *store.Tx) error {
			return tx.Write(t.Context(), "ann", store.Line{Plan: "p", Event: "intent", Action: "revoke intent", Subject: "LG-A"})
		},
		"an event": func(tx *store.Tx) error {
			if err := tx.Note(t.Context()); err != nil {
				return err
			}
			_, err := tx.Audit(t.Context(), "ann", "renewing", "certificate/a/b", nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			place, before, note := filepath.Join(dir, "a.db"), filepath.Join(dir, "before.db"), filepath.Join(dir, "heads", "a")
			key, err := secret.ParseKey(strings.Repeat("5a", 32))
			check(t, err)
			s, err := store.Open(t.Context(), place, store.Options{Key: key, Noted: note})
			check(t, err)
			defer s.Close()
			check(t, s.Tx(t.Context(), func(tx *store.Tx) error { return tx.KeepPlan(t.Context(), "p", "ann", []byte("{}")) }))
			long(t, s, 3)
			check(t, s.VerifyNew(t.Context()))
			_, err = s.DB().ExecContext(t.Context(), `VACUUM INTO ?`, before)
			check(t, err)
			check(t, s.Tx(t.Context(), write))

			check(t, os.Chmod(before, 0o600))
			old, err := store.Open(t.Context(), before, store.Options{Key: key, Noted: note})
			check(t, err)
			defer old.Close()
			if err := old.VerifyNew(t.Context()); !isTrailError(err) || !strings.Contains(err.Error(), "is noted in ") {
				t.Errorf("the state of before: %v", err)
			}
			if err := old.Tx(t.Context(), write); !isTrailError(err) {
				t.Errorf("a line behind the state of before: %v", err)
			}
			if head, err := old.VerifyTrail(t.Context()); err != nil || head.Seq != 4 { // nothing was written
				t.Errorf("the state of before came to %v (%v)", head, err)
			}
			check(t, s.VerifyNew(t.Context())) // the older state did not become the one that was seen
		})
	}
}

// A line of which the head cannot be noted is an error: nobody is called behind it.
func TestNobodyIsCalledBehindALineThatIsNotNoted(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "heads") // where a folder is needed
	check(t, os.WriteFile(file, nil, 0o600))
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	s, err := store.Open(t.Context(), filepath.Join(dir, "a.db"), store.Options{Key: key, Noted: filepath.Join(file, "a")})
	check(t, err)
	defer s.Close()
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error { return tx.KeepPlan(t.Context(), "p", "ann", []byte("{}")) }))
	err = s.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Write(t.Context(), "ann", store.Line{Plan: "p", Event: "intent", Action: "revoke intent", Subject: "LG-A"})
	})
	if err == nil || !strings.Contains(err.Error(), "head of the trail") {
		t.Errorf("it was written as if it were noted: %v", err)
	}
}
