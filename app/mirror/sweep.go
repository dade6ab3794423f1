package mirror

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sweepEvery is how often the mirrors are measured.
const sweepEvery = time.Minute

// forgottenFor is after how long a mirror goes that nobody uses: its repository may be gone.
const forgottenFor = 30 * 24 * time.Hour

// kept is one mirror on disk.
type kept struct {
	id   int64
	size int64
	used time.Time
}

// sweep removes the mirrors that were not used for longest, until the others fit. The one
// in use stays, and so does what another process uses.
func (c *Cache) sweep(inUse int64) {
	c.mu.Lock()
	due := c.Max > 0 && c.Now().Sub(c.swept) >= sweepEvery
	if due {
		c.swept = c.Now()
	}
	c.mu.Unlock()
	if !due {
		return
	}
	c.Clear()
	all, total := c.measure()
	defer func() { c.measured(total) }()
	for _, k := range all {
		if k.id != inUse && c.Now().Sub(k.used) > forgottenFor && c.evict(k.id) {
			total -= k.size
			continue
		}
		if total <= c.Max {
			return
		}
		if k.id != inUse && c.evict(k.id) {
			total -= k.size
			c.Log.Info("a mirror had to go", "repository", k.id, "bytes", k.size)
		}
	}
	if total > c.Max {
		c.Log.Warn("the mirrors in use are larger than they may be", "bytes", total, "max", c.Max)
	}
}

// Bytes is how large the mirrors were together when they were last measured, which is once
// a minute while they are used.
func (c *Cache) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

func (c *Cache) measured(total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes = total
}

// measure lists the mirrors, the one that was not used for longest first.
func (c *Cache) measure() (all []kept, total int64) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, 0
	}
	seen := map[int64]bool{}
	for _, e := range entries {
		name, _, is := strings.Cut(e.Name(), ".git") // with what is being made in its place
		id, err := strconv.ParseInt(name, 10, 64)
		if !is || err != nil || seen[id] {
			continue
		}
		seen[id] = true
		k := kept{id: id, size: size(c.path(id, ".git")) + size(c.path(id, draftEnd))}
		if info, err := os.Stat(filepath.Join(c.path(id, ".git"), used)); err == nil {
			k.used = info.ModTime()
		}
		all, total = append(all, k), total+k.size
	}
	slices.SortFunc(all, func(a, b kept) int { return a.used.Compare(b.used) })
	return all, total
}

// size sums what is there; what goes meanwhile counts as nothing.
func size(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

// evict removes a mirror unless somebody uses it.
func (c *Cache) evict(id int64) bool {
	_, unlock, err := tryLock(c.path(id, ".lock"))
	if err != nil {
		return false
	}
	defer unlock()
	return c.remove(id) == nil
}

// remove removes a mirror that is locked, and a draft of it.
func (c *Cache) remove(id int64) error {
	return errors.Join(os.RemoveAll(c.path(id, draftEnd)), os.RemoveAll(c.path(id, ".git")))
}

// Clear removes what processes that were killed left behind: copies, and drafts of mirrors.
// What somebody works at stays.
func (c *Cache) Clear() {
	c.clearLeft(copyEnd, copyEnd+".lock")
	c.clearLeft(draftEnd, ".lock")
}

// clearLeft removes the folders with an ending that nobody has locked.
func (c *Cache) clearLeft(end, lockEnd string) {
	left, err := filepath.Glob(filepath.Join(c.Dir, "*"+end))
	if err != nil {
		return
	}
	for _, dir := range left {
		_, unlock, err := tryLock(strings.TrimSuffix(dir, end) + lockEnd)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir) // tried again with the next look
		unlock()
	}
}

// Keep forgets the mirrors of the other repositories, unless somebody uses them.
func (c *Cache) Keep(wanted func(id int64) bool) {
	all, _ := c.measure()
	for _, k := range all {
		if !wanted(k.id) && c.evict(k.id) {
			c.Log.Info("a mirror goes: nobody reaches its repository any more", "repository", k.id)
		}
	}
}
