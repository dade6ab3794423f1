package admission

import (
	"context"
	"slices"
	"sync"
	"time"
)

// bodyBudget is the most that the bodies of all calls take together, but for smallRoom,
// which small ones have of their own so that they do not wait behind large ones. What
// is read out of bodies takes about as much again twice.
const (
	bodyBudget = 24 << 20
	smallRoom  = 4 << 20
	smallBody  = 128 << 10
	firstRoom  = MaxBody + 2*bodyCost // that the first to come may have to its end
)

// maxWaiters is how many bodies wait for room.
const maxWaiters = 512

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

	bodyTime, slowTime time.Duration // as the constants, but in tests that do not depend on time
}

// body is one that arrives, or is decided.
type body struct {
	size  int
	cut   func()                   // ends the reading, from any goroutine
	until func(left time.Duration) // ends it when so much time is over
	gone  bool                     // it gave way
	since time.Time                // when the sender was waited for, zero while nobody waits
	spent time.Duration            // of waiting for the sender before
	busy  bool                     // waits no longer, as too many do
}

// sluggish reports whether the sender was waited for too long.
func (b *body) sluggish(now time.Time, slowTime time.Duration) bool {
	return !b.since.IsZero() && b.spent+now.Sub(b.since) > slowTime+time.Duration(b.size)*time.Second/slowRate
}

func newBodies() *bodies {
	return &bodies{freed: make(chan struct{}), bodyTime: bodyTime, slowTime: slowTime}
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
	switch {
	case b.gone: // what it holds is counted as leaving: it takes no more
		return nil, errSlow
	case b.busy:
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
		if !other.gone && other.sluggish(now, p.slowTime) {
			other.gone, p.leaving = true, p.leaving+other.size
			other.cut()
		}
	}
	if !slices.Contains(p.waiters, b) {
		p.waiters = append(p.waiters, b)
	}
	for _, first := range p.waiters[:max(0, len(p.waiters)-maxWaiters)] {
		first.busy = true
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
