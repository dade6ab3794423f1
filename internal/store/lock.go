package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Exclusive lets one process at a time do what has a name. It ends with
// release, and with the process whatever happens to that. [ErrBusy] means that
// somebody else is at it.
func (s *Store) Exclusive(ctx context.Context, name string) (release func(), err error) {
	if s.kind == postgres {
		return s.advisory(ctx, name)
	}
	lock := flock.New(filepath.Join(s.where, "."+name+".lock"), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrBusy, name)
	}
	return func() { _ = lock.Unlock() }, nil // the process that ends unlocks too
}

// advisory is a lock that PostgreSQL holds as long as the connection lives.
func (s *Store) advisory(ctx context.Context, name string) (release func(), err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	ok := false
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtext($1))`, "leakgate "+name).Scan(&ok); err != nil {
		discard(conn) // it may have the lock, and nobody would know
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("%w: %s", ErrBusy, name)
	}
	s.locks.Store(name, conn)
	return func() {
		s.locks.CompareAndDelete(name, conn)
		unlock(context.WithoutCancel(ctx), conn)
	}, nil
}

// unlockIn is how long PostgreSQL may take to end a lock, and to say whether it is held.
const unlockIn = 5 * time.Second

// unlock gives the connection back without its lock, which closing alone would keep.
func unlock(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(ctx, unlockIn)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
		discard(conn)
		return
	}
	conn.Close()
}

// discard ends a connection, and with it what PostgreSQL keeps for it.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
}

// Holds reports whether the lock of [Store.Exclusive] is still held, and [ErrBusy] when it
// is not: PostgreSQL gives it to somebody else when its connection breaks, and says so to
// nobody. So that connection is asked for a sign of life: numbers of processes come again.
func (s *Store) Holds(ctx context.Context, name string) error {
	if s.kind != postgres {
		return nil
	}
	conn, _ := s.locks.Load(name)
	ctx, cancel := context.WithTimeout(ctx, unlockIn)
	defer cancel()
	if c, is := conn.(*sql.Conn); !is || c.PingContext(ctx) != nil {
		return fmt.Errorf("%w: the connection that held the lock %q broke", ErrBusy, name)
	}
	return nil
}

// Holds is [Store.Holds], beside what else a transaction looks at.
func (t *Tx) Holds(ctx context.Context, name string) error { return t.s.Holds(ctx, name) }
