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
	Name         string // OWNER/NAME, as it was last called
	Private      bool   // not to be seen by everybody
	Seen         time.Time
}

// See takes over how a repository is called now, who may see it, and by which
// installation it is reached.
func (t *Tx) See(ctx context.Context, r Repository) error {
	private := 0
	if r.Private {
		private = 1
	}
	_, err := t.exec(ctx, `INSERT INTO repositories (id, installation, name, private, seen_at) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, name = excluded.name, private = excluded.private, seen_at = excluded.seen_at`,
		r.ID, r.Installation, r.Name, private, micros(t.s.now()))
	return err
}

// Reach keeps by which installation repositories are reached now, of those that are known.
// An account that installs the App again, or takes a repository over, has another one.
func (t *Tx) Reach(ctx context.Context, installation int64, repositories []int64) error {
	_, err := t.exec(ctx, `UPDATE repositories SET installation = ? WHERE installation <> ? AND id IN `+t.list("BIGINT"), installation, installation, jsonList(repositories))
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
func (t *Tx) Repositories(ctx context.Context, installation int64) (all []Repository, err error) {
	rows, err := t.query(ctx, repositoryColumns+`WHERE installation = ? OR ? = 0 ORDER BY name, id`, installation, installation)
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

const repositoryColumns = `SELECT id, installation, name, private, seen_at FROM repositories `

func scanRepository(scan func(into ...any) error) (r Repository, err error) {
	var private, seen int64
	err = scan(&r.ID, &r.Installation, &r.Name, &private, &seen)
	r.Private, r.Seen = private != 0, fromMicros(seen)
	return r, err
}
