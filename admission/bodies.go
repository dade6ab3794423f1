package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// MaxBody is the most bytes of one call: an update carries two objects of at
// most 3 MiB, as an API server limits them, and what surrounds them.
const MaxBody = 7 << 20

// bodyCost is what a call takes before anything of its body has come: its stream,
// its goroutine and the first buffer.
const (
	bodyCost    = 16 << 10
	firstBuffer = 8 << 10
)

// bodyTime is how long the sender of a body is waited for in all. An API server sends
// at once. Where there is no room for others, one gives way that was waited for longer
// than slowTime, and a second more for each slowRate bytes that it sent.
const (
	bodyTime = 5 * time.Second
	slowTime = time.Second
	slowRate = 1 << 20
	lookTime = slowTime / 10 // after which it is looked again whether any did
)

// errSlow and errBusy are why a body was not read.
var (
	errSlow = errors.New("the body came too slowly")
	errBusy = errors.New("too many large requests at once")
)

// read is the body of a request; release gives back what it took. With an error
// there is nothing to release.
func (p *bodies) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (text []byte, release func(), err error) {
	control := http.NewResponseController(w)
	// A recorder of tests has no connection, and so no deadline.
	deadline := func(at time.Time) { _ = control.SetReadDeadline(at) }
	b := &body{cut: func() { deadline(time.Now().Add(-time.Second)) }}
	p.begin(b)
	if err = p.take(ctx, b, bodyCost); err == nil {
		b.until = func(left time.Duration) { deadline(time.Now().Add(left)) }
		b.until(p.bodyTime)
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
		b.until(p.bodyTime - b.spent) // waiting for room is not the sender's fault
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
