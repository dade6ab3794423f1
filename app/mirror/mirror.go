// Package mirror keeps bare copies of repositories, without the contents of files until
// they are needed, so that the next event fetches only what is new. A mirror may be lost
// at any time: it is made anew. It decides nothing and knows no service.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Cache is a folder of mirrors, for one user. Several processes may share it.
type Cache struct {
	Dir string
	// Max is how large all mirrors together may grow, in bytes: those that were not used
	// for longest go, but none that is in use. 0 is no limit.
	Max int64
	// Copies is how large one copy of a whole repository may be, in bytes. 0 is no limit.
	Copies int64
	// Plain fetches without git, for machines that have none.
	Plain bool
	Now   func() time.Time
	Log   *slog.Logger

	mu    sync.Mutex
	swept time.Time
	bytes int64
}

// Origin is where a repository is fetched from.
type Origin struct {
	ID    int64  // of the repository, which stays when it is renamed
	URL   string // https, or http on this machine
	Token secret.Secret
}

// Mirror is a bare repository that nobody else uses at the moment.
type Mirror struct {
	Dir    string
	cache  *Cache
	origin Origin
	lock   *os.File // git inherits it, so that the lock lasts as long as any git

	patience time.Duration // with one run of git, where that is more than usual
}

// lockEvery is how often a mirror that somebody else uses is asked for again, and
// lockPatience for how long.
const (
	lockEvery    = 50 * time.Millisecond
	lockPatience = 2 * time.Second
)

// Use hands the mirror of a repository to f, alone. [ErrInUse] says that somebody else has
// it for longer than it is waited for. One that cannot be fetched into is damaged now and
// then: Drop it and try again.
func (c *Cache) Use(ctx context.Context, o Origin, f func(*Mirror) error) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("folder of mirrors: %w", err)
	}
	lock, unlock, err := c.lock(ctx, o.ID)
	if err != nil {
		return err
	}
	defer unlock()
	m := &Mirror{Dir: c.path(o.ID, ".git"), cache: c, origin: o, lock: lock}
	if err := m.prepare(); err != nil {
		return err
	}
	m.tidy(ctx)
	err = f(m)
	c.sweep(o.ID)
	return err
}

// lock waits a little until nobody else uses the mirror of a repository.
func (c *Cache) lock(ctx context.Context, id int64) (*os.File, func(), error) {
	for end := time.Now().Add(lockPatience); ; {
		file, unlock, err := tryLock(c.path(id, ".lock"))
		if err == nil {
			return file, unlock, nil
		}
		if !errors.Is(err, ErrInUse) || time.Now().After(end) {
			return nil, nil, fmt.Errorf("lock the mirror of repository %d: %w", id, err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for the mirror of repository %d: %w", id, ctx.Err())
		case <-time.After(lockEvery):
		}
	}
}

// ErrInUse: somebody else uses the mirror.
var ErrInUse = errors.New("the mirror is in use")

// Drop forgets the mirror of a repository, if there is one.
func (c *Cache) Drop(ctx context.Context, id int64) error {
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	_, unlock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return c.remove(id)
}

// path is made from a number, so no name of a repository leads anywhere.
func (c *Cache) path(id int64, kind string) string {
	return filepath.Join(c.Dir, strconv.FormatInt(id, 10)+kind)
}

// Path is where the mirror of a repository is, for who has it by Use.
func (c *Cache) Path(repository int64) string { return c.path(repository, ".git") }

// check refuses an address by which a token would travel in the clear, or git would do
// anything but fetch.
func (o Origin) check() error {
	u, err := url.Parse(o.URL)
	local := err == nil && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost")
	switch {
	case o.ID <= 0:
		return errors.New("a mirror needs the number of its repository")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the address to fetch from is not one of a repository")
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return errors.New("a mirror is fetched by https only")
	case strings.ContainsFunc(o.URL, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("the address to fetch from holds what no address may")
	}
	return nil
}

// used is the file whose time tells when a mirror was used last.
const used = "leakgate-used"

// prepare makes the repository where there is none, and clears away what a git that was
// killed left behind.
func (m *Mirror) prepare() error {
	if _, err := os.Stat(filepath.Join(m.Dir, used)); err != nil {
		if err := layOut(m.Dir, promised(m.origin.URL)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(m.Dir, used), nil, 0o600); err != nil { // the mark comes last
			return fmt.Errorf("make a mirror: %w", err)
		}
	}
	if err := m.clear(); err != nil {
		return err
	}
	if err := configure(m.Dir, promised(m.origin.URL)); err != nil {
		return err
	}
	now := time.Now()
	return os.Chtimes(filepath.Join(m.Dir, used), now, now)
}

// clear removes the locks and unfinished files of a git that was killed: the mirror is
// ours alone, and so there is none that still runs.
func (m *Mirror) clear() error {
	err := filepath.WalkDir(m.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if at, _ := filepath.Rel(m.Dir, path); unfinished(filepath.ToSlash(at)) {
			return os.Remove(path)
		}
		return nil
	})
	return errors.Join(err, m.clearPacks())
}

// unfinished reports whether a file of a mirror is one that a git which ends removes. A
// branch may be called like one, but for its ending.
func unfinished(at string) bool {
	name := path.Base(at)
	draft := strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") || at == "packed-refs.new"
	return strings.HasSuffix(name, ".lock") || draft && !strings.HasPrefix(at, "refs/")
}
