//go:build unix

package cache

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// own refuses what belongs to another user, or what others may write.
func own(info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return errors.New("it belongs to another user")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("others may write it")
	}
	return nil
}
