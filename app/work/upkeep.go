package work

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// replayHorizon is how far back lost deliveries are looked for at first: GitHub keeps
// them for three days. Later looks go as far back as replayOverlap before the last one.
// https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries
const (
	replayHorizon = 3 * 24 * time.Hour
	replayOverlap = 15 * time.Minute
)

// maxTries is how often one event is delivered before nobody asks for it again.
const maxTries = 8

// replay has GitHub deliver again what did not arrive.
func (e *Engine) replay(ctx context.Context) error {
	begin := e.World.Now()
	e.mu.Lock()
	since := e.replayed.Add(-replayOverlap)
	e.mu.Unlock()
	if oldest := begin.Add(-replayHorizon); since.Before(oldest) {
		since = oldest
	}
	failed, err := e.Hub.FailedDeliveries(ctx, since)
	if err != nil {
		return err
	}
	guids, tries := []string{}, map[string]int{}
	for _, d := range failed {
		if tries[d.GUID]++; tries[d.GUID] == 1 {
			guids = append(guids, d.GUID)
		}
	}
	var known map[string]bool
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { known, err = t.Delivered(ctx, guids); return err }); err != nil {
		return err
	}
	asked := 0
	for _, d := range failed {
		if known[d.GUID] || tries[d.GUID] >= maxTries {
			continue
		}
		known[d.GUID] = true
		if err := e.Hub.Redeliver(ctx, d.ID); err != nil {
			return err
		}
		asked++
		e.Replayed(1)
	}
	if asked > 0 {
		e.Log.Info("GitHub delivers again what did not arrive", "count", asked)
	}
	e.mu.Lock()
	e.replayed = begin
	e.mu.Unlock()
	return nil
}

// reconcileEvery is how often it is looked after what was left lying, lostAfter how old
// that has to be, and rememberedFor how long deliveries are kept.
const (
	reconcileEvery = time.Minute
	lostAfter      = 10 * time.Minute
	untoldFor      = 48 * time.Hour // then GitHub does not take it
	rememberedFor  = 30 * 24 * time.Hour
)

// reconcile gives a job to every question and every check run that has none any more:
// River gives jobs up that failed too often, and processes go away. It forgets deliveries
// that nobody repeats.
func (e *Engine) reconcile(ctx context.Context) error {
	if err := e.freeLost(ctx); err != nil {
		return err
	}
	before := e.World.Now().Add(-lostAfter)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if err := t.Forget(ctx, before.Add(-rememberedFor)); err != nil {
			return err
		}
		waiting, err := t.Unanswered(ctx, before)
		if err != nil {
			return err
		}
		for _, q := range waiting {
			job, err := e.river.JobGetTx(ctx, t.Tx, q.Job)
			if err == nil && job.FinalizedAt == nil {
				continue
			}
			e.Log.Warn("a question had no job any more", "question", q.ID)
			if err := e.assign(ctx, t, q.ID); err != nil {
				return err
			}
		}
		untold, err := t.Untold(ctx, before.Add(-untoldFor), before)
		if err != nil {
			return err
		}
		for _, tip := range untold {
			if _, err := e.enqueue(ctx, t, reportArgs{Tip: tip.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}
