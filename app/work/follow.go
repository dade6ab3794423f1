package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"
	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

// followArgs tell people what became of the orders that they gave.
type followArgs struct{}

func (followArgs) Kind() string { return "follow" }

func (followArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueCare} }

type follower struct {
	river.WorkerDefaults[followArgs]
	e *Engine
}

func (w *follower) Work(ctx context.Context, _ *river.Job[followArgs]) error {
	return w.e.settle(ctx, "follow", w.e.follow(ctx))
}

// errand is an order that is followed: where its answer is, and what it is about. It holds
// no value.
type errand struct {
	Installation int64     `json:"installation"`
	Repository   int64     `json:"repository"`
	Pull         int       `json:"pull"`
	Marker       string    `json:"marker"`
	Credentials  []string  `json:"credentials"`
	Until        time.Time `json:"until"`
}

// answerOn names the comment in which a request is answered.
func answerOn(f facts, q request) string {
	return fmt.Sprintf("%d/%d %s", f.Repository, f.Number, q.marker)
}

// keepErrand keeps what was said to an order, and has it followed if anything was planned.
func keepErrand(ctx context.Context, t *store.Tx, id, said, answer string, of errand) error {
	o := store.Errand{ID: id, Said: said, Answer: answer, Open: !of.Until.IsZero()}
	if o.Open {
		body, err := json.Marshal(of)
		if err != nil {
			return err
		}
		o.Body = body
	}
	return t.KeepOrder(ctx, o)
}

// maxFollowed is how many orders are read at once.
const maxFollowed = 50

// follow tells of every order what became of it since. One of which people cannot be told
// now holds no other up.
func (e *Engine) follow(ctx context.Context) error {
	outages := 0
	for last := ""; ; {
		var open []store.Errand
		if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { open, err = t.OpenOrders(ctx, last, maxFollowed); return err }); err != nil || len(open) == 0 {
			return err
		}
		for _, o := range open {
			last = o.ID
			err := e.followOne(ctx, o)
			later, limited := hub.AsLater(err)
			if limited && later.Outage {
				outages++
			}
			if ctx.Err() != nil || outages == maxOutages {
				return errors.Join(err, ctx.Err())
			}
			if err != nil && !limited && !errors.Is(err, store.ErrBusy) {
				e.Log.Warn("what became of an order could not be told", "delivery", o.ID, "error", inspect.Clean(err.Error()))
			}
		}
	}
}

// afterwards is for how long after its plan ended an order is followed: what was begun
// in time may end later.
const afterwards = 24 * time.Hour

func (e *Engine) followOne(ctx context.Context, o store.Errand) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var of errand
	if err := json.Unmarshal(o.Body, &of); err != nil {
		return err
	}
	release, err := e.commenting(ctx, of.Repository, of.Pull)
	if err != nil {
		return err
	}
	defer release()
	states, err := e.states(ctx, of.Credentials)
	if err != nil {
		return err
	}
	told, over := became(states, of, e.World.Now())
	if told != o.Told {
		err = e.tellOrder(ctx, of, o.Said+told)
	} else if !over {
		return nil
	}
	if errors.Is(err, hub.ErrSuspended) { // he is told when that is over
		return nil
	}
	if err != nil && !errors.Is(err, hub.ErrGone) && !unwanted(err) {
		return err
	}
	if err != nil { // nobody is there who could be told, nor will be
		e.Log.Info("nobody is told what becomes of an order", "delivery", o.ID, "error", inspect.Clean(err.Error()))
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.FollowOrder(ctx, o.ID, told, !over && err == nil) })
}

// unwanted reports whether GitHub takes no comment: the conversation is locked, say. Its
// limits are errors of another kind, and a token that it does not take says nothing of that.
func unwanted(err error) bool {
	refused, is := errors.AsType[*github.ErrorResponse](err)
	passing := []int{http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests}
	return is && refused.Response.StatusCode >= 400 && refused.Response.StatusCode < 500 && !slices.Contains(passing, refused.Response.StatusCode)
}

// tellOrder has the answer to an order say something else. One that somebody removed is
// not made again.
func (e *Engine) tellOrder(ctx context.Context, of errand, text string) error {
	s, err := e.Hub.Open(ctx, of.Installation, of.Repository, toAnswer())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	return s.PutComment(ctx, of.Pull, of.Marker, of.Marker+"\n"+text, true)
}

// states are where the incidents of credentials stand.
func (e *Engine) states(ctx context.Context, credentials []string) ([]store.State, error) {
	states := make([]store.State, len(credentials))
	return states, e.Store.Tx(ctx, func(t *store.Tx) error {
		for i, id := range credentials {
			in, err := t.Incident(ctx, id)
			if err != nil && !errors.Is(err, store.ErrNotFound) { // its scan is not over yet
				return err
			}
			states[i] = in.State
		}
		return nil
	})
}

// became says what became of an order, behind what was said when it was taken, and whether
// that is the last word.
func became(states []store.State, of errand, now time.Time) (told string, over bool) {
	open, text := 0, &strings.Builder{}
	for i, state := range states {
		switch state {
		case store.Revoked, store.Rotated, store.Purged, store.Closed:
			fmt.Fprintf(text, "\n- `%s` is revoked: its issuer says that it is dead.", of.Credentials[i])
		case store.Dismissed:
			fmt.Fprintf(text, "\n- `%s` was dismissed.", of.Credentials[i])
		default:
			open++
		}
	}
	ended := !now.Before(of.Until)
	if ended && open > 0 {
		fmt.Fprintf(text, "\n- The plan has ended, and %d of %d credentials may still work: nothing more is done by it. `/leakgate fix LG-…` makes another plan.", open, len(states))
	}
	if text.Len() > 0 {
		told = text.String() + "\n"
	}
	return told, open == 0 || !now.Before(of.Until.Add(afterwards))
}
