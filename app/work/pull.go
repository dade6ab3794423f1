package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

type pullArgs struct{}

func (pullArgs) Kind() string { return "pull" }

// The queue is one of its own: a process of a version that knows no such job leaves it
// alone.
func (pullArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queuePull} }

type puller struct {
	river.WorkerDefaults[pullArgs]
	e *Engine
}

// lookTimeout is for a first look, which may read the deliveries of three days.
const lookTimeout = 40 * time.Minute

func (*puller) Timeout(*river.Job[pullArgs]) time.Duration { return lookTimeout }

func (w *puller) Work(ctx context.Context, _ *river.Job[pullArgs]) error {
	return w.e.settle(ctx, "pull", w.e.pullDeliveries(ctx))
}

// PullCursor is the name of the cursor that tells up to when deliveries were read.
const PullCursor = "pull"

// pullDeliveries reads what GitHub was to deliver and keeps what was not kept before, the
// oldest first. The cursor is in GitHub's time and moves when all of it is kept; whoever is cut off before finds
// what is kept by its GUID.
func (e *Engine) pullDeliveries(ctx context.Context) error {
	since := time.Time{}
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { since, err = t.Cursor(ctx, PullCursor); return err })
	if err != nil {
		return err
	}
	if since.IsZero() {
		now, err := e.Hub.Time(ctx) // as the deliveries are dated
		if err != nil {
			return err
		}
		since = now.Add(-replayHorizon)
	}
	all, err := e.Hub.Deliveries(ctx, since.Add(-replayOverlap))
	if err != nil || len(all) == 0 {
		return err
	}
	lost, err := Replay{e.Store, e.Hub}.of(ctx, all)
	if err != nil {
		return err
	}
	untold, err := e.takeAll(ctx, lost, func(int) {})
	if err != nil {
		return err
	}
	for _, l := range untold { // asked for again as long as the looks overlap
		e.Log.Warn("a delivery cannot be read", "delivery", l.GUID, "event", l.Event)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.SetCursor(ctx, PullCursor, all[0].At) })
}

// maxUnread is in how many looks in a row GitHub may fail to tell one delivery, while it
// tells all others, before it is left.
const maxUnread = 20

// takeAll reads events and keeps them. Those that could not be read before come last, so
// that they do not hold the others up. It returns those that GitHub does not tell.
func (e *Engine) takeAll(ctx context.Context, lost []Lost, count func(int)) (untold []Lost, err error) {
	slices.SortStableFunc(lost, func(a, b Lost) int { return cmp.Compare(e.unread.of(a.GUID), e.unread.of(b.GUID)) })
	kept := 0
	defer func() {
		if count(kept); kept > 0 {
			e.Log.Info("deliveries were read", "count", kept)
		}
	}()
	for _, l := range lost {
		fresh, err := e.takeOne(ctx, l)
		if err != nil && !errors.Is(err, hub.ErrNoPayload) {
			if ctx.Err() == nil {
				e.unread.failed(l.GUID)
			}
			if e.unread.of(l.GUID) < maxUnread {
				return untold, err
			}
			e.Log.Warn("GitHub fails to tell a delivery", "delivery", l.GUID, "event", l.Event, "error", inspect.Clean(err.Error()))
		}
		e.unread.over(l.GUID)
		if err != nil {
			untold = append(untold, l)
		}
		if fresh {
			kept++
		}
	}
	return untold, nil
}

// takeOne reads one event and keeps it. One that makes no sense is remembered as such.
func (e *Engine) takeOne(ctx context.Context, l Lost) (kept bool, err error) {
	log := e.Log.With("delivery", l.GUID, "event", l.Event)
	body, err := e.Hub.Payload(ctx, l.ID)
	if err != nil {
		return false, err
	}
	d := hook.Delivery{GUID: l.GUID, Event: l.Event, Body: body}
	if !d.Named() {
		log.Warn("a delivery is not called as GitHub calls them")
		return false, nil
	}
	err = e.Accept(ctx, d)
	if errors.Is(err, hook.ErrMalformed) {
		log.Warn("a delivery makes no sense", "error", err)
		return false, e.ignore(ctx, l)
	}
	return err == nil, err
}

// ignore remembers an event that makes no sense, so that nobody asks for it again.
func (e *Engine) ignore(ctx context.Context, l Lost) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		_, err := t.Deliver(ctx, store.Delivery{GUID: l.GUID, Event: l.Event, Installation: l.Installation, Repository: l.Repository, Facts: "{}"})
		return err
	})
}
