package store

import (
	"context"
	"fmt"
	"path/filepath"

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
	ok, pid := false, 0
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtext($1)), pg_backend_pid()`, "leakgate "+name).Scan(&ok, &pid); err != nil {
		conn.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("%w: %s", ErrBusy, name)
	}
	s.locks.Store(name, pid)
	return func() {
		s.locks.Delete(name)
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock_all()`) // closing would keep the pooled connection, and the lock
		conn.Close()
	}, nil
}

// Holds reports whether the lock of [Store.Exclusive] is still held. PostgreSQL
// gives it to somebody else when its connection breaks, and says so to nobody.
func (t *Tx) Holds(ctx context.Context, name string) error {
	if t.s.kind != postgres {
		return nil
	}
	pid, _ := t.s.locks.Load(name)
	var held int
	err := t.one(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ?`, []any{pid}, &held)
	if err == nil && held == 0 {
		err = fmt.Errorf("%w: the connection that held the lock %q broke", ErrBusy, name)
	}
	return err
}
