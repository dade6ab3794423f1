package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Index reads what is staged; a repository without an index has nothing staged.
// One that the environment names elsewhere must be there.
func (r *Repo) Index() (Index, error) {
	data, err := os.ReadFile(r.indexFile())
	if errors.Is(err, fs.ErrNotExist) && !r.indexElsewhere() {
		return Index{}, nil
	}
	if err != nil {
		return Index{}, fmt.Errorf("read the index: %w", err)
	}
	return ReadIndex(data, r.hash, func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(r.gitDir, filepath.Base(name)))
	})
}

func (r *Repo) indexFile() string {
	if r.index != "" {
		return r.index
	}
	return filepath.Join(r.gitDir, "index")
}

func (r *Repo) indexElsewhere() bool {
	return r.index != "" && r.index != filepath.Join(r.gitDir, "index")
}

// IndexTime is when the index was last written, zero when there is none.
func (r *Repo) IndexTime() time.Time {
	info, err := os.Stat(r.indexFile())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Excludes are the ignore files that hold for the whole working tree and lie
// outside of it: info/exclude, after the file of core.excludesFile if it is given.
func (r *Repo) Excludes(global string) [][]byte {
	var out [][]byte
	for _, name := range []string{global, filepath.Join(r.commonDir, "info", "exclude")} {
		if name == "" {
			continue
		}
		if text, err := os.ReadFile(name); err == nil {
			out = append(out, text)
		}
	}
	return out
}
