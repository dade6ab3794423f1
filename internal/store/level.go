package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Level is how far the schema of a database came.
type Level struct {
	Done  int // migrations that were done, 0 for an empty database
	Known int // those that this version knows
	Needs int // those that a version has to know to run on it
}

// Missing are the migrations that [Open] would do.
func (l Level) Missing() int { return max(0, l.Known-l.Done) }

// LevelOf looks at the schema of a database and changes nothing. A file that is not
// there is an empty database.
func LevelOf(ctx context.Context, place string) (Level, error) {
	l := Level{Known: len(migrations)}
	if _, err := os.Stat(place); !IsPostgres(place) && errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	s, err := look(place)
	if err != nil {
		return l, err
	}
	defer s.db.Close()
	l.Needs, l.Done, err = s.level(ctx)
	if err == nil && l.Needs > l.Known {
		err = fmt.Errorf("%w: it has schema %d, this one knows %d; use the newer version", ErrTooNew, l.Needs, l.Known)
	}
	return l, s.explain(err)
}

// Look connects to a database as it is, whatever its schema, for who only looks at what
// others keep in it. Nothing of ours can be read by it.
func Look(place string) (*Store, error) { return look(place) }

// look connects to a database as it is.
func look(place string) (*Store, error) {
	s := &Store{}
	if err := s.connect(place, defaultPatience); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1)
	return s, nil
}

// level is that of a database that may be empty, or older than the table of levels.
func (s *Store) level(ctx context.Context) (needs, level int, err error) {
	tables, err := s.tables(ctx)
	if err != nil || !tables["schema_version"] {
		return 0, 0, err
	}
	err = s.Tx(ctx, func(t *Tx) error {
		if tables["schema_level"] {
			needs, level, err = t.level(ctx)
			return err
		}
		err := t.one(ctx, `SELECT version FROM schema_version`, nil, &needs)
		level = needs
		return err
	})
	return needs, level, err
}

// tables are the names of those in the database, the queue's among them.
func (s *Store) tables(ctx context.Context) (map[string]bool, error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if s.kind == postgres {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all[name] = true
	}
	return all, rows.Err()
}
