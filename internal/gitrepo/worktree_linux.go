package gitrepo

import (
	"io/fs"
	"syscall"
	"time"
)

const openWithoutWaiting = syscall.O_NONBLOCK

// changeTime is when the file or anything about it was last changed; unlike the
// time of the last write a program cannot set it back.
func changeTime(info fs.FileInfo) (time.Time, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	//nolint:unconvert // 32-bit platforms have 32-bit fields here
	return time.Unix(int64(stat.Ctim.Sec), int64(stat.Ctim.Nsec)), true
}
