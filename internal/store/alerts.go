package store

import (
	"context"
)

// Alert is one of GitHub's own secret scanning, and the credential that it is about.
type Alert struct {
	Repository, Number, Installation int64
	Credential                       string // "" before it was read
	State                            string // open, resolved, as GitHub said last
}

// KeepAlert keeps what GitHub says of an alert.
func (t *Tx) KeepAlert(ctx context.Context, a Alert) error {
	_, err := t.exec(ctx, `INSERT INTO alerts (repository, number, installation, credential, state, told) VALUES (?, ?, ?, ?, ?, 0)
 ON CONFLICT (repository, number) DO UPDATE SET installation = excluded.installation, credential = excluded.credential, state = excluded.state`,
		a.Repository, a.Number, a.Installation, a.Credential, a.State)
	return err
}

// Alert gives one. None is [ErrNotFound].
func (t *Tx) Alert(ctx context.Context, repository, number int64) (a Alert, err error) {
	err = t.one(ctx, `SELECT repository, number, installation, credential, state FROM alerts WHERE repository = ? AND number = ?`, []any{repository, number},
		&a.Repository, &a.Number, &a.Installation, &a.Credential, &a.State)
	return a, err
}

// Resolvable gives the open alerts about credentials that are revoked, of which GitHub was
// not told since they are, behind one in the order of repositories and numbers. Each has
// the installation that reaches its repository now. Who opens such an alert again is
// heeded: it is not told twice.
func (t *Tx) Resolvable(ctx context.Context, after Alert, limit int) (all []Alert, err error) {
	rows, err := t.query(ctx, `SELECT a.repository, a.number, COALESCE(r.installation, a.installation), a.credential, a.state
 FROM alerts a JOIN incidents i ON i.credential = a.credential LEFT JOIN repositories r ON r.id = a.repository
 WHERE a.state = 'open' AND i.state IN (?, ?, ?, ?) AND a.told < (SELECT MAX(at) FROM audit WHERE subject = i.id AND action = ?)
 AND (a.repository > ? OR a.repository = ? AND a.number > ?)
 ORDER BY a.repository, a.number LIMIT ?`, Revoked, Rotated, Purged, Closed, string(Revoked), after.Repository, after.Repository, after.Number, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a Alert
		if err := rows.Scan(&a.Repository, &a.Number, &a.Installation, &a.Credential, &a.State); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, a)
	}
	return all, t.s.explain(rows.Err())
}

// Told keeps that GitHub was told that the credential of an alert is revoked.
func (t *Tx) Told(ctx context.Context, a Alert) error {
	_, err := t.exec(ctx, `UPDATE alerts SET state = 'resolved', told = ? WHERE repository = ? AND number = ?`, micros(t.s.now()), a.Repository, a.Number)
	return err
}
