//go:build !unix

package mirror

import (
	"os"
	"os/exec"

	"github.com/gofrs/flock"
)

// together: git ends when it is told to, and its lock with it.
func together(cmd *exec.Cmd) { cmd.ExtraFiles = nil }

func tryLock(path string) (file *os.File, unlock func(), err error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err == nil && !ok {
		err = ErrInUse
	}
	if err != nil {
		return nil, nil, err
	}
	return nil, func() { _ = lock.Unlock() }, nil
}
