package store

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// Note has the head noted durably when the transaction is over, before [Store.Tx]
// returns. Whoever is about to call somebody writes that down so: an older state of the
// database that is put back behind the call does not forget it. In an older state it is
// a [TrailError].
func (t *Tx) Note(ctx context.Context) error {
	if t.note || t.s.noted == "" {
		return nil
	}
	t.note = true
	return t.recall(ctx)
}

// remember notes the head beside the database, where a backup of the database
// does not bring back an older one. An older state does not become the one that was
// seen. All that is in one transaction: who notes at once comes one after the other,
// and no head takes the place of a later one.
func (s *Store) remember(ctx context.Context) error {
	if s.noted == "" {
		return nil
	}
	return s.Tx(ctx, func(t *Tx) error {
		if err := t.recall(ctx); err != nil {
			return err
		}
		h, _, err := t.head(ctx)
		if err != nil || h.Seq == 0 {
			return err
		}
		if err := replace(s.noted, []byte(h.String()+" "+s.sealNote(h)+"\n")); err != nil {
			return fmt.Errorf("note the head of the trail: %w", err)
		}
		return nil
	})
}

// replace puts a text in the place of a file, whole or not at all, whoever else does
// the same and whenever the machine stops.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600, and a name of its own
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return settle(filepath.Dir(path))
}

// settle has the names in a folder outlive a crash, where folders can be synced.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" { // which has no such call
		return err
	}
	return nil
}

// wroteNote reports whether a note was written with the installation's key, or with one
// that it replaced.
func (s *Store) wroteNote(h Head, mac string) bool {
	for key, is := s.key, true; is; key, is = key.Former() {
		if hmac.Equal([]byte(mac), []byte((&Store{key: key}).sealNote(h))) {
			return true
		}
	}
	return false
}

func (s *Store) sealNote(h Head) string {
	sum := s.key.HMAC("audit note", secret.New(h.String()))
	return hex.EncodeToString(sum[:])
}

// recall holds the database against the head that was noted: an older state of
// it would give back budgets that were spent, and forget what was done.
func (t *Tx) recall(ctx context.Context) error {
	text, err := os.ReadFile(t.s.noted)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("head of the trail that was noted: %w", err)
	}
	head, mac, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	noted, err := ParseHead(head)
	if err != nil || !t.s.wroteNote(noted, mac) {
		return fmt.Errorf("%s is no note of this installation: look why, and remove it to go on", t.s.noted)
	}
	return t.reaches(ctx, noted)
}

// reaches reports whether the trail goes through a head.
func (t *Tx) reaches(ctx context.Context, noted Head) error {
	claimed, _, err := t.head(ctx)
	if err != nil || noted.Seq == 0 {
		return err
	}
	if claimed.Seq < noted.Seq {
		return &TrailError{claimed.Seq + 1, fmt.Sprintf("the database is older than it was here: event %d is noted in %s; if a backup was put back on purpose, remove that file", noted.Seq, t.s.noted)}
	}
	var hash string
	err = t.one(ctx, `SELECT hash FROM audit WHERE seq = ?`, []any{noted.Seq}, &hash)
	if errors.Is(err, ErrNotFound) { // the trail is complete, so it begins later
		return nil
	}
	if err == nil && hash != noted.Hash {
		err = &TrailError{noted.Seq, fmt.Sprintf("it is not the one that is noted in %s: an older state of the database was put back and went on from there", t.s.noted)}
	}
	return err
}

// Remember notes the head where [Options.Noted] says. In an older state of the database
// than was seen before it is a [TrailError].
func (s *Store) Remember(ctx context.Context) error { return s.remember(ctx) }

// Recall holds the database against the head that was noted, and notes nothing.
func (s *Store) Recall(ctx context.Context) error {
	if s.noted == "" {
		return nil
	}
	return s.Tx(ctx, func(t *Tx) error { return t.recall(ctx) })
}
