package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Limits bound what a remote can do to who asks it. The zero value gives the defaults.
type Limits struct {
	// Advert is the longest list of refs that is read, in bytes; 256 MiB when 0,
	// which are two million refs of usual names.
	Advert int64
	// Pack is the largest pack that is taken, in bytes; 16 GiB when 0.
	Pack int64
	// Window is how long a remote may give less than Least bytes of use; five
	// minutes and 1 MiB when 0. What it says of its progress is of no use.
	Window time.Duration
	Least  int64
}

// maxReport is the longest answer to a push that is read, in bytes, with all that
// hooks of the server say.
const maxReport = 64 << 20

func (l Limits) advert() int64         { return or(l.Advert, 256<<20) }
func (l Limits) pack() int64           { return or(l.Pack, 16<<30) }
func (l Limits) window() time.Duration { return or(l.Window, 5*time.Minute) }
func (l Limits) least() int64          { return or(l.Least, 1<<20) }

func or[T int64 | time.Duration](given, usual T) T {
	if given > 0 {
		return given
	}
	return usual
}

var (
	// ErrTooLarge says that a remote sends more than it may.
	ErrTooLarge = errors.New("it is larger than allowed")
	// ErrSlow says that a remote keeps who asks it waiting.
	ErrSlow = errors.New("the remote keeps us waiting")
)

// watch ends an exchange that gets nowhere.
type watch struct {
	got  atomic.Int64
	stop context.CancelCauseFunc
}

// watched is a context that ends when what the watch is told of comes too slowly.
// The caller stops the watch.
func (l Limits) watched(ctx context.Context) (context.Context, *watch) {
	ctx, stop := context.WithCancelCause(ctx)
	w := &watch{stop: stop}
	go func() {
		ticks := time.NewTicker(l.window())
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				if err := w.judge(l); err != nil {
					stop(err)
				}
			}
		}
	}()
	return ctx, w
}

// judge looks at what came within one window.
func (w *watch) judge(l Limits) error {
	if n := w.got.Swap(0); n < l.least() {
		return fmt.Errorf("%w: %d bytes of use came in %s", ErrSlow, n, l.window())
	}
	return nil
}

// count tells the watch of what is read.
func (w *watch) count(from io.Reader) io.Reader { return &counted{from, w} }

type counted struct {
	from io.Reader
	w    *watch
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.w.got.Add(int64(n))
	return n, err
}

// bounded reads as many bytes and not one more: then the error is ErrTooLarge.
type bounded struct {
	from io.Reader
	left int64
	what string
	size int64
}

func atMost(from io.Reader, size int64, what string) io.Reader {
	return &bounded{from, size, what, size}
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if int64(n) > b.left {
		return int(b.left), fmt.Errorf("%s: %w (%d bytes)", b.what, ErrTooLarge, b.size)
	}
	b.left -= int64(n)
	return n, err
}
