package store

import (
	"context"
	"time"
)

// Installation is one of the App on an account, by the number that GitHub gave it. An
// account that installs the App again gets another number.
type Installation struct {
	ID        int64
	Suspended time.Time // zero: it is not
	Gone      time.Time // since when it is not installed any more
	Forgotten time.Time // since when nothing of it is kept
}

// Installed keeps how an installation stands: suspended or not, gone or not. Once
// forgotten it stays so.
func (t *Tx) Installed(ctx context.Context, i Installation) error {
	_, err := t.exec(ctx, `INSERT INTO installations (id, suspended_at, gone_at, forgotten_at) VALUES (?, ?, ?, 0)
 ON CONFLICT (id) DO UPDATE SET suspended_at = excluded.suspended_at, gone_at = excluded.gone_at`, i.ID, micros(i.Suspended), micros(i.Gone))
	return err
}

// Installations gives those of which anything is known here.
func (t *Tx) Installations(ctx context.Context) (all []Installation, err error) {
	rows, err := t.query(ctx, `SELECT id, suspended_at, gone_at, forgotten_at FROM installations ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var i Installation
		var suspended, gone, forgotten int64
		if err := rows.Scan(&i.ID, &suspended, &gone, &forgotten); err != nil {
			return nil, t.s.explain(err)
		}
		i.Suspended, i.Gone, i.Forgotten = fromMicros(suspended), fromMicros(gone), fromMicros(forgotten)
		all = append(all, i)
	}
	return all, t.s.explain(rows.Err())
}

// Tenants are the numbers of the installations of which something is kept.
func (t *Tx) Tenants(ctx context.Context) (all []int64, err error) {
	return t.ids(ctx, `SELECT installation FROM repositories UNION SELECT installation FROM tips
 UNION SELECT installation FROM sweeps WHERE installation > 0 UNION SELECT id FROM installations WHERE forgotten_at = 0 ORDER BY 1`)
}

// Knows reports whether anything is known of an installation, be it that it is forgotten.
func (t *Tx) Knows(ctx context.Context, installation int64) (bool, error) {
	n := 0
	if err := t.one(ctx, `SELECT COUNT(*) FROM installations WHERE id = ?`, []any{installation}, &n); err != nil || n > 0 {
		return n > 0, err
	}
	of, err := t.Tenant(ctx, installation)
	return of.Rows() > 0, err
}

// Forgotten are the numbers of the installations of which everything was removed. What
// comes late of them is not taken in.
func (t *Tx) Forgotten(ctx context.Context) (map[int64]bool, error) {
	all, err := t.Installations(ctx)
	out := map[int64]bool{}
	for _, i := range all {
		if !i.Forgotten.IsZero() {
			out[i.ID] = true
		}
	}
	return out, err
}
