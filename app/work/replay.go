package work

import (
	"context"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// replayHorizon is how far back lost deliveries are looked for at first: GitHub keeps
// them for three days. Later looks go as far back as replayOverlap before the last one:
// GitHub lists deliveries up to some minutes late.
// https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries
const (
	replayHorizon = 3 * 24 * time.Hour
	replayOverlap = 15 * time.Minute
)

// maxTries is how often one event is delivered before nobody asks for it again.
const maxTries = 8

// Lost is an event that is not kept, whatever GitHub was answered: a server that
// was put back from a backup does not know what the one before it was told.
type Lost struct {
	hub.Try           // the newest
	Tries   int       // so far
	First   time.Time // when it was tried first
}

// Hopeless says that the event was delivered so often that only somebody can ask for it again.
func (l Lost) Hopeless() bool { return l.Tries >= maxTries }

// due reports whether it is asked for again now, at GitHub's time: at once the first time
// and whenever something arrived since its last try; while nothing does, after every, and
// then after twice as long each time, so that an hour without a way here uses up no try.
func (l Lost) due(now, arrived time.Time, every time.Duration) bool {
	return l.Tries <= 1 || arrived.After(l.At) || now.Sub(l.At) >= every<<(l.Tries-2)
}

// lastArrived is when a delivery arrived last.
func lastArrived(all []hub.Try) (at time.Time) {
	for _, t := range all {
		if t.Arrived() && t.At.After(at) {
			at = t.At
		}
	}
	return at
}

// Replay finds what was lost and has it delivered again.
type Replay struct {
	Store *store.Store
	Hub   *hub.App
}

// Lost lists what was lost since a time, the oldest first, but for what installations
// told that were forgotten.
func (r Replay) Lost(ctx context.Context, since time.Time) (lost []Lost, err error) {
	all, err := r.Hub.Deliveries(ctx, since)
	if err != nil {
		return nil, err
	}
	return r.of(ctx, all)
}

func (r Replay) of(ctx context.Context, all []hub.Try) (lost []Lost, err error) {
	at := map[string]int{}
	for _, t := range all {
		n, seen := at[t.GUID]
		if !seen {
			n = len(lost)
			at[t.GUID], lost = n, append(lost, Lost{Try: t})
		}
		lost[n].Tries++
		lost[n].First = t.At
	}
	err = r.Store.Tx(ctx, func(t *store.Tx) error {
		lost, err = unknown(ctx, t, lost)
		return err
	})
	slices.Reverse(lost)
	return lost, err
}

// unknown are those that nobody knows and that are of nobody who was forgotten.
func unknown(ctx context.Context, t *store.Tx, all []Lost) (lost []Lost, err error) {
	guids := make([]string, len(all))
	for i, l := range all {
		guids[i] = l.GUID
	}
	known, err := t.Delivered(ctx, guids)
	if err != nil {
		return nil, err
	}
	forgotten, err := t.Forgotten(ctx)
	for _, l := range all {
		if !known[l.GUID] && !forgotten[l.Installation] {
			lost = append(lost, l)
		}
	}
	return lost, err
}

// Timeout is that of a first look, which may read the deliveries of three days.
func (*replayer) Timeout(*river.Job[replayArgs]) time.Duration { return lookTimeout }

// replay keeps what did not arrive. It is read, which is a fifth of the price of another
// delivery in GitHub's limits and takes no way to this host; what GitHub does not tell it is
// asked to deliver again.
func (e *Engine) replay(ctx context.Context) error {
	now, err := e.Hub.Time(ctx) // as the deliveries are dated
	if err != nil {
		return err
	}
	e.mu.Lock()
	since := e.replayed.Add(-replayOverlap)
	e.mu.Unlock()
	if oldest := now.Add(-replayHorizon); since.Before(oldest) {
		since = oldest
	}
	all, err := e.Hub.Deliveries(ctx, since)
	if err != nil {
		return err
	}
	lost, err := Replay{e.Store, e.Hub}.of(ctx, all)
	if err != nil {
		return err
	}
	untold, err := e.takeAll(ctx, lost, e.Replayed)
	if err != nil {
		return err
	}
	looked, err := e.redeliver(ctx, untold, now, lastArrived(all))
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.replayed = looked
	e.mu.Unlock()
	return nil
}

// redeliver asks for what is due, and returns up to when nothing is left that may be asked
// for again.
func (e *Engine) redeliver(ctx context.Context, lost []Lost, now, arrived time.Time) (looked time.Time, err error) {
	asked := 0
	looked = now
	for _, l := range lost {
		if l.Hopeless() {
			continue
		}
		if l.First.Before(looked) { // the next look counts all of its tries
			looked = l.First
		}
		if !l.due(now, arrived, e.ReplayEvery) {
			continue
		}
		if err := e.Hub.Redeliver(ctx, l.ID); err != nil {
			return looked, err
		}
		asked++
		e.Replayed(1)
	}
	if asked > 0 {
		e.Log.Info("GitHub delivers again what did not arrive", "count", asked)
	}
	return looked, nil
}
