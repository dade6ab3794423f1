package purge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// workplace is a fresh private folder, and how to be rid of it. What runs that
// were killed left behind, mirrors with values in them, goes first: the system
// lets go of the lock of a process that is no more.
func (e *Engine) workplace() (dir string, remove func(), err error) {
	if err := os.MkdirAll(e.Dir, 0o700); err != nil {
		return "", nil, err
	}
	if err := e.sweep(); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(e.Dir, "work-"); err != nil {
		return "", nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil || !ok {
		return "", nil, errors.Join(err, fmt.Errorf("lock %s: somebody else is at it", dir))
	}
	return dir, func() {
		_ = os.RemoveAll(dir)
		_ = lock.Unlock()
	}, nil
}

func (e *Engine) sweep() error {
	left, err := filepath.Glob(filepath.Join(e.Dir, "work-*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
		if ok, err := lock.TryLock(); err != nil || !ok {
			continue // somebody works there, or it is gone
		}
		err := os.RemoveAll(dir)
		_ = lock.Unlock()
		if err != nil {
			return fmt.Errorf("remove what a run left behind: %w", err)
		}
	}
	return nil
}
