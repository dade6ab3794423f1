//go:build unix

package secret_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// file is what the system says of one.
type file struct {
	fs.FileInfo
	mode     fs.FileMode
	uid, gid int
}

func (f file) Mode() fs.FileMode  { return f.mode }
func (f file) ModTime() time.Time { return time.Time{} }
func (f file) Sys() any           { return &syscall.Stat_t{Uid: uint32(f.uid), Gid: uint32(f.gid)} }

func TestPrivate(t *testing.T) {
	us := os.Getegid()
	for name, c := range map[string]struct {
		file
		want bool
	}{
		"our own":                    {file{mode: 0o600, uid: 7, gid: 7}, true},
		"readable by a group":        {file{mode: 0o640, uid: 7, gid: us}, false},
		"readable by all":            {file{mode: 0o444, uid: 0, gid: us}, false},
		"given to our group":         {file{mode: 0o440, uid: 0, gid: us}, us != 0},
		"given to another group":     {file{mode: 0o440, uid: 0, gid: us + 1}, false},
		"writable by our group":      {file{mode: 0o460, uid: 0, gid: us}, false},
		"given to the group of root": {file{mode: 0o440, uid: 0, gid: 0}, false},
	} {
		if got := secret.Private(c.file) == nil; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
