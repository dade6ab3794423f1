package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// ErrTooLarge: a copy would take more than it may.
var ErrTooLarge = wire.ErrTooLarge

// historyRefs are those of a whole history: branches, tags, and the heads of pull
// requests, which stay when their branches go.
var historyRefs = []string{"refs/heads/", "refs/tags/", "refs/pull/"}

func isHistory(ref string) bool {
	switch {
	case strings.HasPrefix(ref, historyRefs[2]): // GitHub's test merges come and go
		return strings.HasSuffix(ref, "/head")
	default:
		return strings.HasPrefix(ref, historyRefs[0]) || strings.HasPrefix(ref, historyRefs[1])
	}
}

// Copy hands a copy of a whole repository to f, with the contents of all files, every
// branch and tag and the head of every pull request, and HEAD at a branch. It is apart from
// the mirror, whose user does not wait for it, and is gone afterwards. One that takes more
// than Copies bytes is [ErrTooLarge]. [ErrInUse] says that somebody else has a copy of it.
func (c *Cache) Copy(ctx context.Context, o Origin, branch string, f func(dir string) error) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("folder of mirrors: %w", err)
	}
	lock, unlock, err := tryLock(c.path(o.ID, ".copy.lock"))
	if err != nil {
		return fmt.Errorf("copy repository %d: %w", o.ID, err)
	}
	defer unlock()
	m := &Mirror{Dir: c.path(o.ID, copyEnd), origin: o, lock: lock, cache: c, patience: copyDeadline}
	defer func() { _ = os.RemoveAll(m.Dir) }() // what stays goes with the next copy, or is cleared away
	if err := m.copy(ctx); err != nil {
		return err
	}
	if err := point(m.Dir, "ref: refs/heads/"+branch); err != nil {
		return err
	}
	return f(m.Dir)
}

// copyEnd is how the folders of copies end.
const copyEnd = ".copy"

// copyDeadline is for the fetch of a whole repository.
const copyDeadline = 3 * time.Hour

func (m *Mirror) copy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, copyDeadline)
	defer cancel()
	if m.cache.Plain {
		if err := os.RemoveAll(m.Dir); err != nil {
			return err
		}
		remote, err := m.origin.remote(m.cache.Copies)
		if err != nil {
			return err
		}
		remote.Wanted = isHistory
		_, err = remote.Mirror(ctx, m.Dir, nil)
		return err
	}
	if err := layOut(m.Dir, bare); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go m.weigh(ctx, stop)
	err := m.git(ctx, nil, "fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance",
		"--no-tags", m.origin.URL, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+refs/pull/*/head:refs/pull/*/head")
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrTooLarge) {
		return cause
	}
	if err == nil { // it may have come between two looks
		err = m.tooLarge()
	}
	return err
}

// tooLarge says so of a copy.
func (m *Mirror) tooLarge() error {
	if limit := m.cache.Copies; limit > 0 && size(m.Dir) > limit {
		return fmt.Errorf("the copy of the repository: %w (%d bytes)", ErrTooLarge, limit)
	}
	return nil
}

// weighEvery is how often a copy in the making is measured.
const weighEvery = 500 * time.Millisecond

// weigh stops a copy that becomes too large.
func (m *Mirror) weigh(ctx context.Context, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(weighEvery):
		}
		if err := m.tooLarge(); err != nil {
			stop(err)
			return
		}
	}
}
