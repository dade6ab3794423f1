package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Forget removes everything of a repository from the folder, its locks too. [ErrInUse]
// says that somebody uses it for longer than it is waited for.
func (c *Cache) Forget(ctx context.Context, id int64) error {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if first, _, _ := strings.Cut(name, "."); first != strconv.FormatInt(id, 10) || strings.HasSuffix(name, ".lock") {
			continue
		}
		lock := filepath.Join(c.Dir, strings.TrimSuffix(name, ".git")+".lock")
		if err := removeLocked(filepath.Join(c.Dir, name), lock); err != nil {
			return fmt.Errorf("forget the mirror of repository %d: %w", id, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(c.Dir, strconv.FormatInt(id, 10)+".*lock"))
	for _, lock := range left {
		err = errors.Join(err, removeLocked("", lock))
	}
	return err
}

// removeLocked removes a folder under its lock, and the lock. Who waits for that lock sees
// that its file is another one.
func removeLocked(dir, lock string) error {
	_, unlock, err := tryLock(lock)
	if err != nil {
		return err
	}
	defer unlock()
	if dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	os.Remove(lock)
	return nil
}

// Repositories are the numbers of those of which there is anything in the folder.
func (c *Cache) Repositories() (all []int64, err error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		first, _, _ := strings.Cut(e.Name(), ".")
		if id, err := strconv.ParseInt(first, 10, 64); err == nil {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}
