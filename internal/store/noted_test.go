package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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
