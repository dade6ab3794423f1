package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func within(t *testing.T, s *store.Store, f func(*store.Tx) error) {
	t.Helper()
	check(t, s.Tx(t.Context(), f))
}

func TestADeliveryIsKeptOnce(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		within(t, s, func(tx *store.Tx) error {
			for i, want := range []bool{true, false} {
				fresh, err := tx.Deliver(ctx, store.Delivery{GUID: "a", Event: "push", Repository: 7, Facts: "{}"})
				check(t, err)
				if fresh != want {
					t.Errorf("delivery %d is fresh: %v", i, fresh)
				}
			}
			d, err := tx.Delivery(ctx, "a")
			check(t, err)
			if d.Event != "push" || d.Repository != 7 || d.Received.IsZero() {
				t.Errorf("%+v", d)
			}
			for i, want := range []bool{true, false} {
				if did, err := tx.Handle(ctx, "a"); did != want || err != nil {
					t.Errorf("handled %d times: %v %v", i, did, err)
				}
			}
			known, err := tx.Delivered(ctx, []string{"a", "b"})
			if !known["a"] || known["b"] {
				t.Errorf("%v", known)
			}
			check(t, err)
			_, err = tx.PruneDeliveries(ctx, d.Received)
			check(t, err)
			_, err = tx.Delivery(ctx, "a")
			check(t, err)
			_, err = tx.PruneDeliveries(ctx, d.Received.Add(time.Second))
			check(t, err)
			if _, err = tx.Delivery(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("it is not forgotten: %v", err)
			}
			return nil
		})
	})
}

func TestAQuestionIsAskedOnceAndAnsweredOnce(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		within(t, s, func(tx *store.Tx) error {
			first, err := tx.Tip(ctx, store.Tip{Repository: 7, SHA: "aa", Name: "acme/old", Installation: 1})
			check(t, err)
			tip, err := tx.Tip(ctx, store.Tip{Repository: 7, SHA: "aa", Name: "acme/new", Installation: 1})
			check(t, err)
			if tip.ID != first.ID || tip.Name != "acme/new" || tip.Attempt != 1 {
				t.Errorf("%+v after %+v", tip, first)
			}
			ask := store.Question{Tip: tip.ID, Subject: "pull/7/main", Body: "{}", State: store.Waiting}
			id, fresh, err := tx.Ask(ctx, ask)
			check(t, err)
			again, fresher, err := tx.Ask(ctx, ask)
			check(t, err)
			if id != again || !fresh || fresher {
				t.Errorf("asked %d %v, then %d %v", id, fresh, again, fresher)
			}
			steps := []struct {
				name string
				do   func() (bool, error)
				want bool
			}{
				{"conclude before it began", func() (bool, error) { return tx.Conclude(ctx, id, "x") }, false},
				{"begin", func() (bool, error) { return tx.Begin(ctx, id) }, true},
				{"begin after a crash", func() (bool, error) { return tx.Begin(ctx, id) }, true},
				{"conclude", func() (bool, error) { return tx.Conclude(ctx, id, "yes") }, true},
				{"conclude twice", func() (bool, error) { return tx.Conclude(ctx, id, "no") }, false},
				{"begin what is done", func() (bool, error) { return tx.Begin(ctx, id) }, false},
			}
			for _, step := range steps {
				if got, err := step.do(); err != nil || got != step.want {
					t.Errorf("%s: %v %v", step.name, got, err)
				}
			}
			q, err := tx.Question(ctx, id)
			check(t, err)
			if q.Verdict != "yes" || q.State != store.Done {
				t.Errorf("%+v", q)
			}
			asked, err := tx.Anew(ctx, tip.ID)
			check(t, err)
			tip, err = tx.TipByID(ctx, tip.ID)
			if len(asked) != 1 || asked[0].Verdict != "" || tip.Attempt != 2 {
				t.Errorf("anew: %+v %+v", asked, tip)
			}
			return err
		})
	})
}

func TestANewerTipCancelsTheQuestionsAboutOlderOnes(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		within(t, s, func(tx *store.Tx) error {
			ask := func(sha, subject string, done bool) int64 {
				tip, err := tx.Tip(ctx, store.Tip{Repository: 7, SHA: sha, Name: "acme/app"})
				check(t, err)
				id, _, err := tx.Ask(ctx, store.Question{Tip: tip.ID, Subject: subject, Body: "{}", State: store.Waiting})
				check(t, err)
				if done {
					_, err = tx.Begin(ctx, id)
					check(t, err)
					_, err = tx.Conclude(ctx, id, "{}")
					check(t, err)
				}
				return id
			}
			old, push, other := ask("aa", "pull/7/main", false), ask("aa", "push/refs/heads/x/00", false), ask("aa", "pull/70/main", false)
			answered, moved := ask("bb", "pull/7/main", true), ask("cc", "pull/7/stable", true)
			now := ask("cc", "pull/7/main", false)
			tip, err := tx.TipAt(ctx, 7, "cc")
			check(t, err)
			gone, err := tx.Supersede(ctx, tip, "pull/7/", "pull/7/main")
			check(t, err)
			if len(gone) != 2 {
				t.Errorf("cancelled %+v", gone)
			}
			for id, want := range map[int64]store.Progress{
				old: store.Cancelled, push: store.Waiting, other: store.Waiting, answered: store.Done, moved: store.Cancelled, now: store.Waiting,
			} {
				q, err := tx.Question(ctx, id)
				check(t, err)
				if q.State != want {
					t.Errorf("%s at %d is %s, want %s", q.Subject, q.Tip, q.State, want)
				}
			}
			_, fresh, err := tx.Ask(ctx, store.Question{Tip: gone[0].Tip, Subject: gone[0].Subject, Body: "{}", State: store.Waiting})
			if !fresh {
				t.Error("what was cancelled is not asked again")
			}
			check(t, err)
			waiting, err := tx.Unanswered(ctx, time.Now().Add(time.Hour))
			if len(waiting) != 4 {
				t.Errorf("%d wait", len(waiting))
			}
			return err
		})
	})
}
