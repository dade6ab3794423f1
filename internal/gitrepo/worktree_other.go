//go:build !linux && !darwin

package gitrepo

import (
	"io/fs"
	"time"
)

// Elsewhere pipes are no files of a folder.
const openWithoutWaiting = 0

// changeTime is not known here.
func changeTime(fs.FileInfo) (time.Time, bool) { return time.Time{}, false }
