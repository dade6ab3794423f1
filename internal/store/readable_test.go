package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func placed(n int, repository, severity, path string) store.Sighting {
	return store.Sighting{
		Credential: store.Credential{ID: fmt.Sprintf("LG-%04d", n), Rule: fmt.Sprintf("rule-%d", n%3), Preview: "som…(40)", Severity: severity},
		Repository: repository, Fingerprint: repository + path, Body: map[string]string{"path": path},
	}
}

func TestReadersSeeWhatTheyMayRead(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		ctx := t.Context()
		tx := func(f func(*store.Tx) error) { t.Helper(); check(t, s.Tx(ctx, f)) }
		for n := range 9 {
			now = now.Add(time.Hour)
			tx(func(x *store.Tx) error {
				return x.Record(ctx, "test", []store.Sighting{placed(n, []string{"1", "2", "30"}[n%3], []string{"low", "critical"}[n%2], "a_b%.txt")})
			})
		}
		now = now.Add(time.Hour)
		tx(func(x *store.Tx) error {
			return x.Record(ctx, "test", []store.Sighting{placed(2, "1", "low", "Ü.txt"), placed(0, "github.com/acme/app", "low", "elsewhere")})
		})
		mine := store.Reader{1, 3} // 3 is not 30
		tx(func(x *store.Tx) error {
			page, err := x.Listed(ctx, store.Wanted{Reader: mine, Open: true, Order: store.Newest, Limit: 10})
			check(t, err)
			var ids []string
			for _, in := range page.Incidents {
				ids = append(ids, in.ID)
				if in.Places != 1 || in.Repositories != 1 || in.Repository != 1 {
					t.Errorf("%s: %d places in %d repositories, one of them %d", in.ID, in.Places, in.Repositories, in.Repository)
				}
			}
			if !slices.Equal(ids, []string{"INC-0002", "INC-0006", "INC-0003", "INC-0000"}) {
				t.Errorf("the newest first: %v", ids)
			}
			if !page.Incidents[0].First.Equal(now) || page.Next != "" {
				t.Errorf("seen first %v: when the reader could see it, not before", page.Incidents[0].First)
			}
			for order, want := range map[store.Order][]string{
				store.Oldest: {"INC-0000", "INC-0003", "INC-0006", "INC-0002"}, store.Worst: {"INC-0003", "INC-0002", "INC-0006", "INC-0000"},
			} {
				var got []string
				for after := ""; ; {
					part, err := x.Listed(ctx, store.Wanted{Reader: mine, Order: order, Limit: 1, After: after})
					check(t, err)
					got = append(got, part.Incidents[0].ID)
					if after = part.Next; after == "" {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v", order, got)
				}
			}
			for text, want := range map[string]int{"A_B%": 3, "Ü.TXT": 1, "elsewhere": 0, "lg-0003": 1, "_": 3, `"`: 0} {
				part, err := x.Listed(ctx, store.Wanted{Reader: mine, Text: text, Order: store.Newest, Limit: 10})
				check(t, err)
				if len(part.Incidents) != want {
					t.Errorf("%q: %d", text, len(part.Incidents))
				}
			}
			none, err := x.Listed(ctx, store.Wanted{Order: store.Newest, Limit: 10})
			check(t, err)
			other, err := x.Listed(ctx, store.Wanted{Reader: mine, Repository: 30, Order: store.Newest, Limit: 10})
			check(t, err)
			if len(none.Incidents)+len(other.Incidents) != 0 {
				t.Error("incidents for who may read nothing, or elsewhere")
			}
			_, err = x.Listed(ctx, store.Wanted{Reader: mine, Order: store.Newest, Limit: 10, After: "x"})
			if !store.IsBadCursor(err) {
				t.Error(err)
			}
			return nil
		})
		tx(func(x *store.Tx) error {
			if _, _, err := x.SeenBy(ctx, mine, "INC-0005"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("of others: %v", err)
			}
			in, places, err := x.SeenBy(ctx, mine, "INC-0002")
			check(t, err)
			if len(places) != 1 || places[0].Repository != "1" {
				t.Errorf("%v", places)
			}
			events, err := x.Story(ctx, mine, in.Incident)
			check(t, err)
			if len(events) != 1 || events[0].Action != "seen" {
				t.Errorf("%v", events)
			}
			all, err := x.Overview(ctx, mine, now, 1)
			check(t, err)
			if all.Tally[store.Detected]["critical"] != 1 || all.Tally[store.Detected]["low"] != 3 {
				t.Errorf("%v", all.Tally)
			}
			if !slices.Equal(all.Rules, []string{"rule-0", "rule-2"}) {
				t.Errorf("%v", all.Rules)
			}
			open, err := x.OpenIn(ctx, mine)
			check(t, err)
			if len(open) != 1 || open[1] != 4 {
				t.Errorf("%v", open)
			}
			return nil
		})
	})
}

func TestTrafficIsOfOnesOwn(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		ctx := t.Context()
		tx := func(f func(*store.Tx) error) { t.Helper(); check(t, s.Tx(ctx, f)) }
		begin := now
		for n := range 6 {
			tx(func(x *store.Tx) error {
				_, err := x.Deliver(ctx, store.Delivery{GUID: fmt.Sprint(n), Event: "push", Repository: int64(1 + n%2), Facts: "{}"})
				check(t, err)
				tip, err := x.Tip(ctx, store.Tip{Installation: 9, Repository: int64(1 + n%2), Name: "a/b", SHA: fmt.Sprint(n)})
				check(t, err)
				q, _, err := x.Ask(ctx, store.Question{Tip: tip.ID, Subject: "s", Body: "{}", State: store.Waiting})
				check(t, err)
				if n >= 4 {
					return nil
				}
				_, err = x.Begin(ctx, q)
				check(t, err)
				_, err = x.Conclude(ctx, q, "{}")
				return err
			})
			now = now.Add(time.Minute)
			if n < 4 {
				tx(func(x *store.Tx) error { _, err := x.Handle(ctx, fmt.Sprint(n)); return err })
			}
		}
		tx(func(x *store.Tx) error {
			got, err := x.TrafficOf(ctx, store.Reader{1}, begin)
			check(t, err)
			if got.Deliveries != 3 || got.Unhandled != 1 || got.Waiting != 1 || got.Answered != 2 || !slices.Equal(got.Took, []time.Duration{time.Minute, time.Minute}) {
				t.Errorf("%+v", got)
			}
			if !got.Since.Equal(begin.Add(4*time.Minute)) || !got.Asked.Equal(got.Since) {
				t.Errorf("since %v, asked %v", got.Since, got.Asked)
			}
			judged, err := x.JudgedOf(ctx, store.Reader{1, 7})
			check(t, err)
			if len(judged) != 1 || judged[1].Answers != 2 || !judged[1].Last.Equal(begin.Add(2*time.Minute)) {
				t.Errorf("%+v", judged)
			}
			none, err := x.TrafficOf(ctx, nil, begin)
			check(t, err)
			if none.Deliveries+none.Unhandled+none.Waiting+none.Running != 0 {
				t.Errorf("%+v", none)
			}
			return nil
		})
	})
}

func TestSessionsEnd(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		ctx := t.Context()
		check(t, s.Tx(ctx, func(x *store.Tx) error {
			return x.KeepSession(ctx, store.Session{ID: "a", Account: 1, Login: "ada", Token: "sealed", Ends: now.Add(time.Hour)})
		}))
		there := func(id string) error {
			return s.Tx(ctx, func(x *store.Tx) error { _, err := x.Session(ctx, id); return err })
		}
		check(t, there("a"))
		if !errors.Is(there("b"), store.ErrNotFound) {
			t.Error("a session that nobody began")
		}
		now = now.Add(time.Hour)
		if !errors.Is(there("a"), store.ErrNotFound) {
			t.Error("it did not end")
		}
	})
}
