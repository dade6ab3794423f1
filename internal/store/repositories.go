package store

import (
	"context"
	"time"
)

// Repository is one on GitHub, by the number that it keeps when it is renamed or
// transferred. The places of credentials in it have that number, in decimal, for their
// repository.
type Repository struct {
	ID           int64
	Installation int64
	Account      int64  // the number of its owner; 0: an older version kept it
	Name         string // OWNER/NAME, as it was last called
	Private      bool   // not to be seen by everybody
	Seen         time.Time
	Former       int64     // the installation of the account that had it before; 0: none
	Gone         time.Time // since when nobody reaches it; zero: it is reached
}

// See takes over how a repository is called now, who may see it, and by which
// installation it is reached. Whose it is changes by [Tx.Move] alone.
func (t *Tx) See(ctx context.Context, r Repository) error {
	private := 0
	if r.Private {
		private = 1
	}
	_, err := t.exec(ctx, `INSERT INTO repositories (id, installation, account, name, private, seen_at) VALUES (?, ?, ?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, name = excluded.name, private = excluded.private, seen_at = excluded.seen_at, gone_at = 0,
 account = CASE WHEN excluded.account > 0 THEN excluded.account ELSE repositories.account END`,
		r.ID, r.Installation, r.Account, r.Name, private, micros(t.s.now()))
	return err
}

// CredentialsIn gives those that have a place in a repository.
func (t *Tx) CredentialsIn(ctx context.Context, repository string) (all []string, err error) {
	rows, err := t.query(ctx, `SELECT DISTINCT credential FROM findings WHERE repository = ? ORDER BY credential`, repository)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, id)
	}
	return all, t.s.explain(rows.Err())
}

// Repository gives one by its number. None is [ErrNotFound].
func (t *Tx) Repository(ctx context.Context, id int64) (Repository, error) {
	return scanRepository(func(into ...any) error {
		return t.one(ctx, repositoryColumns+`WHERE id = ?`, []any{id}, into...)
	})
}

// Repositories gives those of an installation by name, or all for 0.
func (t *Tx) Repositories(ctx context.Context, installation int64) ([]Repository, error) {
	return t.repositories(ctx, `WHERE installation = ? OR ? = 0 ORDER BY name, id`, installation, installation)
}

func (t *Tx) repositories(ctx context.Context, where string, args ...any) (all []Repository, err error) {
	rows, err := t.query(ctx, repositoryColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRepository(rows.Scan)
		if err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, r)
	}
	return all, t.s.explain(rows.Err())
}

const repositoryColumns = `SELECT id, installation, account, name, private, seen_at, former, gone_at FROM repositories `

func scanRepository(scan func(into ...any) error) (r Repository, err error) {
	var private, seen, gone int64
	err = scan(&r.ID, &r.Installation, &r.Account, &r.Name, &private, &seen, &r.Former, &gone)
	r.Private, r.Seen, r.Gone = private != 0, fromMicros(seen), fromMicros(gone)
	return r, err
}
