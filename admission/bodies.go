package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// MaxBody is the most bytes of one call: an update carries two objects of at
// most 3 MiB, as an API server limits them, and what surrounds them.
const MaxBody = 7 << 20

// bodyBudget is the most that the bodies of all calls take together, but for smallRoom,
// which small ones have of their own so that they do not wait behind large ones. What
// is read out of bodies takes about as much again twice.
const (
	bodyBudget = 24 << 20
	smallRoom  = 4 << 20
	smallBody  = 128 << 10
	firstRoom  = MaxBody + 2*bodyCost // that the first to come may have to its end
)

// bodyCost is what a call takes before anything of its body has come: its stream,
// its goroutine and the first buffer.
const (
	bodyCost    = 16 << 10
	firstBuffer = 8 << 10
)

// bodyTime is how long a body may take to arrive. An API server sends at once. Where
// there is no room for others, one that was waited for longer than slowTime gives way.
const (
	bodyTime = 3 * time.Second
	slowTime = 500 * time.Millisecond
	lookTime = slowTime / 5 // after which it is looked again whether any did
)

// maxWaiters is how many bodies wait for room.
const maxWaiters = 512

// errSlow and errBusy are why a body was not read.
var (
	errSlow = errors.New("the body came too slowly")
	errBusy = errors.New("too many large requests at once")
)

// bodies bounds what is held of the bodies of all calls. Only what has come counts,
// so that nobody takes room by saying that much will come. Where there is no room
// left, those whose sender is waited for give way: they are of whoever sends
// slowly. The first of those that arrive has room to come to its end, so that they
// never all wait for each other.
type bodies struct {
	mu      sync.Mutex
	held    int
	leaving int           // of held, what those hold that gave way
	most    int           // that was held at once
	slow    []*body       // those that arrive, the first to come first
	waiters []*body       // for room, the first to come first
	freed   chan struct{} // closed when something is given back
}

// body is one that arrives, or is decided.
type body struct {
	size  int
	cut   func()        // ends the reading, from any goroutine
	gone  bool          // it gave way
	since time.Time     // when the sender was waited for, zero while nobody waits
	spent time.Duration // of waiting for the sender before
	busy  bool          // waits no longer, as too many do
}

// sluggish reports whether the sender was waited for too long.
func (b *body) sluggish(now time.Time) bool {
	return !b.since.IsZero() && b.spent+now.Sub(b.since) > slowTime
}

func newBodies() *bodies { return &bodies{freed: make(chan struct{})} }

// read is the body of a request; release gives back what it took. With an error
// there is nothing to release.
func (p *bodies) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (text []byte, release func(), err error) {
	control := http.NewResponseController(w)
	// A recorder of tests has no connection, and so no deadline.
	deadline := func(at time.Time) { _ = control.SetReadDeadline(at) }
	b := &body{cut: func() { deadline(time.Now().Add(-time.Second)) }}
	p.begin(b)
	if err = p.take(ctx, b, bodyCost); err == nil {
		deadline(time.Now().Add(bodyTime))
		text, err = p.fill(ctx, b, http.MaxBytesReader(w, r.Body, MaxBody), r.ContentLength)
	}
	p.arrived(b)
	if err != nil {
		p.give(b)
		return nil, func() {}, err
	}
	deadline(time.Time{}) // the connection stays open for more
	return text, func() { p.give(b) }, nil
}

// fill reads into a buffer that grows as bytes come, to no more than was announced.
func (p *bodies) fill(ctx context.Context, b *body, from io.Reader, announced int64) ([]byte, error) {
	text := make([]byte, 0, firstBuffer)
	for {
		n, err := p.next(b, from, text[len(text):cap(text)])
		text = text[:len(text)+n]
		var large *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case errors.As(err, &large):
			return nil, err
		case err != nil && p.lost(b):
			return nil, errSlow
		case err != nil:
			return nil, errors.New("the body was cut off, or came too slowly")
		case len(text) < cap(text):
			continue
		}
		size := min(4*cap(text), MaxBody+1)
		if whole := int(announced) + 1; announced > 0 && whole > cap(text) { // one more, for the end to be seen
			size = min(size, whole)
		}
		if err := p.take(ctx, b, size-cap(text)); err != nil {
			return nil, err
		}
		text = append(make([]byte, 0, size), text...)
	}
}

// next reads once, and keeps the time.
func (p *bodies) next(b *body, from io.Reader, into []byte) (int, error) {
	p.mu.Lock()
	b.since = time.Now()
	p.mu.Unlock()
	n, err := from.Read(into)
	p.mu.Lock()
	defer p.mu.Unlock()
	b.spent, b.since = b.spent+time.Since(b.since), time.Time{}
	return n, err
}

func (p *bodies) begin(b *body) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = append(p.slow, b)
}

// take makes room, and waits for it as long as the API server does.
func (p *bodies) take(ctx context.Context, b *body, size int) error {
	defer p.waited(b)
	for {
		freed, err := p.tryTake(b, size)
		if freed == nil {
			return err
		}
		again := time.NewTimer(lookTime)
		select {
		case <-freed:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		if ctx.Err() != nil {
			return errBusy
		}
	}
}

func (p *bodies) waited(b *body) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = without(p.waiters, b)
}

// tryTake takes room, or has others make it and gives what to wait for. What of a
// waiting body was sent is held by net/http: where too many wait, the first to come
// gives up.
func (p *bodies) tryTake(b *body, size int) (freed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.busy {
		return nil, errBusy
	}
	limit := p.limit(b, size)
	if p.held+size <= limit {
		p.held, b.size = p.held+size, b.size+size
		p.most = max(p.most, p.held)
		return nil, nil
	}
	now := time.Now()
	for _, other := range p.slow {
		if p.held-p.leaving+size <= limit {
			break
		}
		if !other.gone && other.sluggish(now) {
			other.gone, p.leaving = true, p.leaving+other.size
			other.cut()
		}
	}
	if !slices.Contains(p.waiters, b) {
		p.waiters = append(p.waiters, b)
	}
	if len(p.waiters) > maxWaiters {
		p.waiters[0].busy = true
	}
	return p.freed, nil
}

// limit is how much may be held when a body has so much more.
func (p *bodies) limit(b *body, size int) int {
	switch {
	case p.slow[0] == b:
		return bodyBudget + smallRoom
	case b.size+size <= smallBody:
		return bodyBudget - firstRoom + smallRoom
	}
	return bodyBudget - firstRoom
}

// arrived ends that a body gives way, or that its connection is touched.
func (p *bodies) arrived(b *body) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = without(p.slow, b)
}

func without(all []*body, b *body) []*body {
	if i := slices.Index(all, b); i >= 0 {
		return slices.Delete(all, i, i+1)
	}
	return all
}

func (p *bodies) lost(b *body) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.gone
}

// give is called once for every body.
func (p *bodies) give(b *body) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.gone {
		p.leaving -= b.size
	}
	p.held, b.size = p.held-b.size, 0
	if len(p.waiters) > 0 {
		close(p.freed)
		p.freed = make(chan struct{})
	}
}

// statusOf is the status of HTTP for a body that was not read.
func statusOf(err error) (int, error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", MaxBody)
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, err
	}
	return http.StatusBadRequest, err
}
