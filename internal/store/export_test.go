package store

import "context"

// Fill makes a SQLite database full: it may not grow beyond its size.
func (s *Store) Fill(ctx context.Context) error {
	s.db.SetMaxOpenConns(1) // the limit is that of a connection
	var pages int
	if err := s.db.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return err
	}
	var limit int
	return s.db.QueryRowContext(ctx, `PRAGMA max_page_count = 1`).Scan(&limit) // never below what it has
}

// ProvenBroken is Proven of a read that breaks off at its second event.
func (s *Store) ProvenBroken(ctx context.Context, subject string, broke error, visit func(Event) error) error {
	n := 0
	return s.proven(ctx, reading{`SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject = ? ORDER BY seq`, subject, &subject, func(Event) error {
		if n++; n == 2 {
			return broke
		}
		return nil
	}}, visit)
}

// TenantTables are those from which forgetting removes rows by their installation.
func TenantTables() (all []string) {
	for _, of := range tenancy {
		all = append(all, of.table)
	}
	return all
}
