package store

import (
	"context"
	"time"
)

// Session is somebody who signed in. ID is a keyed digest of what his browser holds, and
// Token is sealed under that, so that the database alone opens neither.
type Session struct {
	ID      string
	Account int64 // GitHub's number of the person
	Login   string
	Token   string
	Made    time.Time
	Ends    time.Time
}

// KeepSession keeps a session, and forgets those that ended.
func (t *Tx) KeepSession(ctx context.Context, s Session) error {
	if _, err := t.exec(ctx, `DELETE FROM sessions WHERE ends_at <= ?`, micros(t.s.now())); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO sessions (id, account, login, token, made_at, ends_at) VALUES (?, ?, ?, ?, ?, ?)`,
		s.ID, s.Account, s.Login, s.Token, micros(t.s.now()), micros(s.Ends))
	return err
}

// Session gives one that has not ended; else it is [ErrNotFound].
func (t *Tx) Session(ctx context.Context, id string) (s Session, err error) {
	var made, ends int64
	err = t.one(ctx, `SELECT id, account, login, token, made_at, ends_at FROM sessions WHERE id = ? AND ends_at > ?`,
		[]any{id, micros(t.s.now())}, &s.ID, &s.Account, &s.Login, &s.Token, &made, &ends)
	s.Made, s.Ends = fromMicros(made), fromMicros(ends)
	return s, err
}

// EndSession ends one, if it is there.
func (t *Tx) EndSession(ctx context.Context, id string) error {
	_, err := t.exec(ctx, `DELETE FROM sessions WHERE id = ?`, id)
	return err
}
