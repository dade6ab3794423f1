package store_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/leakgate/leakgate/internal/store"
)

func TestOnlyAnAnswerMovesAnIncident(t *testing.T) {
	for _, c := range []struct {
		name string
		said []store.Answer
		want store.State
	}{
		{"unknown is not dead", []store.Answer{store.Unknown, store.Unknown}, store.Detected},
		{"dead is revoked", []store.Answer{store.Live, store.Dead}, store.Revoked},
		{"not asked is not dead", []store.Answer{store.Live, store.NotAsked, store.NotAsked}, store.Detected},
		{"not asked later leaves it", []store.Answer{store.Dead, store.NotAsked}, store.Revoked},
		{"unknown later leaves it", []store.Answer{store.Dead, store.Unknown}, store.Revoked},
		{"alive again", []store.Answer{store.Dead, store.Dead, store.Live}, store.Detected},
		{"and dead again", []store.Answer{store.Dead, store.Live, store.Dead}, store.Revoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
				movesBy(t, open(), c.said, c.want)
			})
		})
	}
}

func movesBy(t *testing.T, s *store.Store, said []store.Answer, want store.State) {
	ctx := t.Context()
	err := s.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Record(ctx, "me", []store.Sighting{{Credential: store.Credential{ID: "LG-A", Rule: "r"}, Repository: "7", Fingerprint: "f", Body: store.Place{}}}); err != nil {
			return err
		}
		if err := tx.KeepAlert(ctx, store.Alert{Repository: 7, Number: 1, Installation: 3, Credential: "LG-A", State: "open"}); err != nil {
			return err
		}
		for _, a := range said {
			if _, err := tx.Answered(ctx, "INC-A", "me", a, "asked"); err != nil {
				return err
			}
		}
		in, err := tx.Incident(ctx, "INC-A")
		if err == nil && in.State != want {
			t.Errorf("it is %s, not %s", in.State, want)
		}
		last, at, lastErr := tx.LastAnswer(ctx, "INC-A")
		if last != said[len(said)-1] || at.IsZero() {
			t.Errorf("the last answer is %q at %v", last, at)
		}
		open, openErr := tx.Resolvable(ctx, store.Alert{}, 9)
		if (len(open) == 1) != (want == store.Revoked) {
			t.Errorf("%s has %d alerts to resolve", want, len(open))
		}
		for _, a := range open {
			err = errors.Join(err, tx.Told(ctx, a), tx.KeepAlert(ctx, a)) // somebody opens it again
		}
		again, againErr := tx.Resolvable(ctx, store.Alert{}, 9)
		if len(again) > 0 {
			t.Error("an alert that somebody opened again is resolved again")
		}
		return errors.Join(err, lastErr, openErr, againErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyTrail(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnOrderIsTakenOnce(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		err := s.Tx(ctx, func(tx *store.Tx) error {
			_, none := tx.Ordered(ctx, "o")
			first, second := store.Errand{ID: "o", Said: "first", Answer: "7/1", Body: []byte(`{"pull":1}`), Open: true}, store.Errand{ID: "o", Said: "second"}
			err := errors.Join(tx.KeepOrder(ctx, first), tx.KeepOrder(ctx, second))
			kept, readErr := tx.Ordered(ctx, "o")
			if !errors.Is(none, store.ErrNotFound) || kept.Said != "first" || string(kept.Body) != `{"pull":1}` || !kept.Open {
				t.Errorf("%v, then %+v", none, kept)
			}
			return errors.Join(err, readErr)
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnOrderIsFollowedUntilAnotherTakesItsAnswerOver(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		followed := func(tx *store.Tx) (ids []string) {
			all, err := tx.OpenOrders(ctx, "", 10)
			check(t, err)
			for _, o := range all {
				ids = append(ids, o.ID+o.Told)
			}
			return ids
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			for _, o := range []store.Errand{{ID: "a", Answer: "7/1", Open: true}, {ID: "b", Answer: "7/2", Open: true}, {ID: "c", Answer: "7/3"}, {ID: "d", Answer: "7/1", Open: true}} {
				check(t, tx.KeepOrder(ctx, o))
			}
			check(t, tx.FollowOrder(ctx, "d", " so far", true))
			check(t, tx.FollowOrder(ctx, "a", " late", true))
			if got := followed(tx); !slices.Equal(got, []string{"b", "d so far"}) {
				t.Errorf("%v", got)
			}
			check(t, tx.FollowOrder(ctx, "d", " done", false))
			if got := followed(tx); !slices.Equal(got, []string{"b"}) {
				t.Errorf("%v", got)
			}
			if all, err := tx.OpenOrders(ctx, "b", 10); err != nil || len(all) != 0 {
				t.Errorf("behind the last: %v %v", all, err)
			}
			return nil
		}))
	})
}

func TestAnAlertIsResolvedWhereItsRepositoryIsNow(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s, ctx := open(), t.Context()
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			in := store.Sighting{Credential: store.Credential{ID: "LG-A", Rule: "r"}, Repository: "7", Fingerprint: "f", Body: store.Place{}}
			err := errors.Join(tx.Record(ctx, "me", []store.Sighting{in}), tx.See(ctx, store.Repository{ID: 7, Installation: 4, Name: "elsewhere/a"}))
			for n := range int64(3) {
				err = errors.Join(err, tx.KeepAlert(ctx, store.Alert{Repository: 7, Number: n, Installation: 3, Credential: "LG-A", State: "open"}))
			}
			_, answerErr := tx.Answered(ctx, "INC-A", "me", store.Dead, "asked")
			all, allErr := tx.Resolvable(ctx, store.Alert{}, 2)
			if len(all) != 2 || all[1].Installation != 4 {
				t.Errorf("%+v", all)
			}
			rest, restErr := tx.Resolvable(ctx, all[1], 2)
			if len(rest) != 1 || rest[0].Number != 2 {
				t.Errorf("behind %+v: %+v", all[1], rest)
			}
			return errors.Join(err, answerErr, allErr, restErr)
		}))
	})
}
