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
