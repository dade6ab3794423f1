package store

import (
	"context"
	"errors"
	"time"
)

// Cursor is how far something came that goes on after a crash, by its name; the zero time
// before it began.
func (t *Tx) Cursor(ctx context.Context, name string) (at time.Time, err error) {
	var n int64
	err = t.one(ctx, `SELECT at FROM cursors WHERE name = ?`, []any{name}, &n)
	if errors.Is(err, ErrNotFound) {
		return at, nil
	}
	return fromMicros(n), err
}

// SetCursor moves one, and never back.
func (t *Tx) SetCursor(ctx context.Context, name string, at time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO cursors (name, at) VALUES (?, ?)
 ON CONFLICT (name) DO UPDATE SET at = CASE WHEN excluded.at > cursors.at THEN excluded.at ELSE cursors.at END`, name, micros(at))
	return err
}
