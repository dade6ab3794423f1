//go:build unix

package secret

import (
	"io/fs"
	"os"
	"syscall"
)

// given reports whether root owns a file that is of the group of this process, which is
// not root's.
func given(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && stat.Gid != 0 && int(stat.Gid) == os.Getegid()
}
