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
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// remember notes the head beside the database, where a backup of the database
// does not bring back an older one.
func (s *Store) remember(ctx context.Context) error {
	if s.noted == "" {
		return nil
	}
	var h Head
	err := s.Tx(ctx, func(t *Tx) (err error) {
		h, _, err = t.head(ctx)
		return err
	})
	if err != nil || h.Seq == 0 {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.noted), 0o700); err != nil {
		return fmt.Errorf("note the head of the trail: %w", err)
	}
	temporary := fmt.Sprintf("%s.%d", s.noted, os.Getpid())
	if err := os.WriteFile(temporary, []byte(h.String()+" "+s.sealNote(h)+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the head of the trail: %w", err)
	}
	return os.Rename(temporary, s.noted)
}

func (s *Store) sealNote(h Head) string {
	sum := s.key.HMAC("audit note", secret.New(h.String()))
	return hex.EncodeToString(sum[:])
}

// recall holds the database against the head that was noted: an older state of
// it would give back budgets that were spent, and forget what was done.
func (s *Store) recall(ctx context.Context) error {
	if s.noted == "" {
		return nil
	}
	text, err := os.ReadFile(s.noted)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("head of the trail that was noted: %w", err)
	}
	head, mac, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	noted, err := ParseHead(head)
	if err != nil || !hmac.Equal([]byte(mac), []byte(s.sealNote(noted))) {
		return fmt.Errorf("%s is no note of this installation: look why, and remove it to go on", s.noted)
	}
	return s.Tx(ctx, func(t *Tx) error { return t.reaches(ctx, noted) })
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
