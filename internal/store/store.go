// Package store keeps what outlives a run: credentials and where they were
// found, their incidents, plans with approvals and journal, and the audit trail.
// It holds no value of any credential, only identities and previews.
//
// It is one SQLite file by default and PostgreSQL by URL, with the same schema.
// It sends nothing anywhere and decides nothing, but it lets an incident move
// only as its states allow.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/leakgate/leakgate/internal/secret"
)

// Store is safe for concurrent use, by several processes too.
type Store struct {
	db    *sql.DB
	views *sql.DB // of SQLite: connections that only read
	sight string  // where those lead
	kind  kind
	where string // folder of locks for SQLite
	key   secret.Key
	now   func() time.Time
	locks sync.Map // by name, the connection to PostgreSQL that holds one

	verified verified
	noted    string // file of the head that was seen last; "" for none
}

// kind is the database behind a store.
type kind int

const (
	sqlite kind = iota
	postgres
)

// Options of [Open].
type Options struct {
	// Key signs the head of the audit trail, so that whoever can write the
	// database but has no key cannot make a trail of his own. What he can do is
	// to put back an older state with its head; a head that was noted elsewhere
	// tells that. Where the trail was written with a key that this one replaced
	// ([secret.Key.After]), it goes on with this one.
	Key secret.Key
	// Now tells the time; nil is time.Now.
	Now func() time.Time
	// Noted is a file in which the head of the trail is kept, so that an older
	// state of the database is seen; "" keeps none.
	Noted string
	// Patience is how long to wait while another process writes the SQLite file;
	// 10 s when 0.
	Patience time.Duration
	// Connections is how many are open to the database at most; 0 is no limit. With one,
	// nobody may ask for another within a transaction.
	Connections int
}

const defaultPatience = 10 * time.Second

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not in the store")
	ErrBusy     = errors.New("somebody else is at it")
	ErrTooNew   = errors.New("the database was written by a newer version")
)

// Open opens a database and brings its schema up to date. The place is a
// postgres:// URL or the path of a SQLite file, which is made (mode 0600, its
// folder 0700) where it is missing.
func Open(ctx context.Context, place string, o Options) (*Store, error) {
	s := &Store{key: o.Key, now: o.Now, noted: o.Noted}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if err := s.connect(place, o.Patience); err != nil {
		return nil, err
	}
	if o.Connections > 0 {
		s.db.SetMaxOpenConns(o.Connections)
		s.db.SetMaxIdleConns(o.Connections) // to open one takes longer than what it is for
	}
	err := s.migrate(ctx)
	if err == nil {
		err = s.takeOver(ctx)
	}
	if err == nil && s.kind == sqlite {
		if s.views, err = sql.Open("sqlite", s.sight); err == nil {
			s.views.SetMaxOpenConns(maxViews)
		}
	}
	if err != nil {
		s.db.Close()
		return nil, s.explain(err)
	}
	return s, nil
}

func (s *Store) connect(place string, patience time.Duration) (err error) {
	if IsPostgres(place) {
		s.kind = postgres
		if s.db, err = sql.Open("pgx", place); err != nil {
			return errors.New("the PostgreSQL URL does not parse") // it may hold a password
		}
		return nil
	}
	if err := makeFile(place); err != nil {
		return err
	}
	if place, err = filepath.EvalSymlinks(place); err == nil { // one database, one lock
		place, err = filepath.Abs(place) // ":memory:" is a file too
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	s.where = filepath.Dir(place)
	options := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	file := func() string {
		return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: place}).EscapedPath(), RawQuery: options.Encode()}).String()
	}
	if s.db, err = sql.Open("sqlite", file()); err != nil {
		return err
	}
	options.Del("_txlock")
	options.Add("_pragma", "query_only(1)")
	options.Add("_pragma", "cache_size(-16000)") // 16 MB, or joins over many incidents read each page again and again
	s.sight = file()
	return nil
}

// maxViews is how many look at a SQLite file at once.
const maxViews = 4

// makeFile makes the file, and refuses one that others may read or write.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("folder of the database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
		return fmt.Errorf("database %s may be read by others (mode %04o): chmod 600 it", path, mode)
	}
	return nil
}

// DB is the pool of connections, for who keeps tables of its own in the same database.
func (s *Store) DB() *sql.DB { return s.db }

// Postgres tells which database it is: PostgreSQL, or else SQLite.
func (s *Store) Postgres() bool { return s.kind == postgres }

// IsPostgres reports whether a place, as [Open] takes it, is PostgreSQL's.
func IsPostgres(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Close notes how far the trail came, and gives the database back.
func (s *Store) Close() error {
	err := errors.Join(s.remember(context.Background()), s.db.Close())
	if s.views != nil {
		err = errors.Join(err, s.views.Close())
	}
	return err
}

// View runs f in one transaction that sees one state and writes nothing. Nobody who writes
// waits for it, nor it for them.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	db, o := s.db, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	if s.kind == sqlite { // where that is how it is
		db, o = s.views, &sql.TxOptions{ReadOnly: true}
	}
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to keep
	return f(&Tx{Tx: tx, s: s})
}

// Tx runs f in one transaction: all that it does happens, or nothing. Writers
// come one after the other on SQLite. With [Tx.Note] an error may also be that all
// happened and the head of the trail could not be noted.
func (s *Store) Tx(ctx context.Context, f func(*Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	t := &Tx{Tx: tx, s: s}
	if err := f(t); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil || !t.note {
		return s.explain(err)
	}
	return s.remember(context.WithoutCancel(ctx)) // what was written is written
}

// Tx is a transaction of a store.
type Tx struct {
	*sql.Tx
	s    *Store
	note bool // the head, when it is over
}

// exec and query take question marks on both databases.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r, err := t.ExecContext(ctx, t.s.spell(query), args...)
	return r, t.s.explain(err)
}

func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r, err := t.QueryContext(ctx, t.s.spell(query), args...)
	return r, t.s.explain(err)
}

// one reads the only row of a query. No row is [ErrNotFound].
func (t *Tx) one(ctx context.Context, query string, args []any, into ...any) error {
	err := t.QueryRowContext(ctx, t.s.spell(query), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return t.s.explain(err)
}

// spell numbers the question marks of a query for PostgreSQL.
func (s *Store) spell(query string) string {
	if s.kind == sqlite {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, ok := strings.Cut(query, "?")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// explain says what to do about what befalls databases.
func (s *Store) explain(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainPostgres(refused)
	}
	switch text := fmt.Sprint(err); {
	case err == nil:
		return nil
	case strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "database is locked"):
		return fmt.Errorf("%w: another process holds the database; try again when it is done", ErrBusy)
	case strings.Contains(text, "SQLITE_FULL") || strings.Contains(text, "database or disk is full"):
		return fmt.Errorf("the disk of the database is full; nothing of this step was written: %w", err)
	case strings.Contains(text, "SQLITE_NOTADB") || strings.Contains(text, "not a database"):
		return fmt.Errorf("the file is no database of leakgate: %w", err)
	}
	return err
}

// explainPostgres does so by PostgreSQL's codes.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func explainPostgres(err *pgconn.PgError) error {
	switch err.Code {
	case "55P03", "40001", "40P01": // lock_not_available, serialization_failure, deadlock_detected
		return fmt.Errorf("%w: another process holds the database; try again when it is done", ErrBusy)
	case "53100": // disk_full
		return fmt.Errorf("the disk of the database is full; nothing of this step was written: %w", err)
	case "25006": // read_only_sql_transaction
		return fmt.Errorf("the database takes no writes: name the primary server, not a copy of it: %w", err)
	}
	return err
}

// text is one that both databases take: PostgreSQL refuses a row for a zero or for bytes
// that are no letters, as names of files and what servers say may have.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// micros is how times are kept: microseconds since 1970.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
