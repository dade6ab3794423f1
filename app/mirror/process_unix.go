//go:build unix

package mirror

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// together has git and all that it starts end at once.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// tryLock locks a file for whoever has it open: for us, and for every git that inherits
// it. When we are killed, the lock lasts until the last of those has ended, too.
func tryLock(path string) (file *os.File, unlock func(), err error) {
	file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	if !same(file, path) { // somebody forgot the repository while we opened it
		file.Close()
		return nil, nil, ErrInUse
	}
	return file, func() { file.Close() }, nil
}

// same reports whether an open file is the one that has the name.
func same(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
