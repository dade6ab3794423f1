package store_test

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// lived is what a test knows of an incident: when each of its places was found, and what
// happened to it.
type lived struct {
	severity string
	found    map[string]time.Time // by repository
	turns    []turn
}

type turn struct {
	at time.Time
	to store.State
}

// open is what a reader of some repositories should be told of one at a time.
func (l lived) open(at time.Time, mine ...string) bool {
	first := time.Time{}
	for repository, found := range l.found {
		if slices.Contains(mine, repository) && (first.IsZero() || found.Before(first)) {
			first = found
		}
	}
	if first.IsZero() || first.After(at) {
		return false
	}
	is := true
	for _, turn := range l.turns {
		if turn.at.After(first) && !turn.at.After(at) && turn.to != store.Triaged {
			is = turn.to == store.Detected
		}
	}
	return is
}

// Lives of which chance decides are counted as one by one.
func TestHowManyWereOpen(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		now := time.Date(2026, 8, 1, 7, 30, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		ctx, chance := t.Context(), rand.New(rand.NewPCG(7, 7))
		tx := func(f func(*store.Tx) error) { t.Helper(); check(t, s.Tx(ctx, f)) }
		severities, repositories := []string{"critical", "high", "low"}, []string{"1", "2", "30"}
		moves := map[store.State][]store.State{store.Detected: {store.Triaged, store.Dismissed}, store.Triaged: {store.Dismissed, store.Detected}, store.Dismissed: {store.Detected}}
		all, states := make([]lived, 12), make([]store.State, 12)
		from := now.Add(5 * 24 * time.Hour)
		for range 150 {
			now = now.Add(time.Duration(chance.IntN(12)) * time.Hour) // some at the same time
			n := chance.IntN(len(all))
			l := &all[n]
			if l.found == nil || chance.IntN(4) == 0 {
				repository := repositories[chance.IntN(3)]
				if l.found == nil {
					l.severity, l.found, states[n] = severities[n%3], map[string]time.Time{}, store.Detected
				}
				if _, known := l.found[repository]; !known {
					l.found[repository] = now
				}
				tx(func(x *store.Tx) error {
					return x.Record(ctx, "test", []store.Sighting{placed(n, repository, l.severity, "a")})
				})
				continue
			}
			to := moves[states[n]][chance.IntN(len(moves[states[n]]))]
			tx(func(x *store.Tx) error {
				return x.Advance(ctx, fmt.Sprintf("INC-%04d", n), store.Move{To: to, By: "ann", Why: "x", Owner: "ann", Expires: now.Add(time.Hour)})
			})
			l.turns, states[n] = append(l.turns, turn{now, to}), to
		}
		for name, mine := range map[string]store.Reader{"of 1": {1}, "of all": {1, 2, 30}, "of 30": {30, 3}, "of none": nil} {
			const days = 25 // some events come later
			var got map[string][]int
			tx(func(x *store.Tx) error {
				all, err := x.Overview(ctx, mine, from, days)
				got = all.Open
				return err
			})
			var texts []string
			for _, id := range mine {
				texts = append(texts, fmt.Sprint(id))
			}
			want := map[string][]int{}
			for day := range days {
				for _, l := range all {
					if l.open(from.Add(time.Duration(day)*24*time.Hour), texts...) {
						if want[l.severity] == nil {
							want[l.severity] = make([]int, days)
						}
						want[l.severity][day]++
					}
				}
			}
			for severity, counts := range got { // it was found, and was open on none of these days
				if want[severity] == nil && slices.Max(counts) == 0 {
					delete(got, severity)
				}
			}
			if !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s:\ngot  %v\nwant %v", name, got, want)
			}
			if len(mine) > 1 && len(want) == 0 {
				t.Error("nothing is open: that shows nothing")
			}
		}
	})
}

// many fills a database with incidents, a tenth of which were closed.
func many(tb testing.TB, n int) *store.Store {
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(tb, err)
	s, err := store.Open(tb.Context(), filepath.Join(tb.TempDir(), "leakgate.db"), store.Options{Key: key})
	check(tb, err)
	tb.Cleanup(func() { s.DB().Close() })
	begin := time.Now().Add(-80 * 24 * time.Hour).UnixMicro()
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n-1)
	for _, script := range []string{
		`INSERT INTO credentials (id, rule, preview, severity, first_seen) ` + numbers + `SELECT 'LG-' || i, 'rule-' || (i % 40), 'som…(40)', CASE i % 4 WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END, ?1 + i * 30000000 FROM n`,
		`INSERT INTO findings (credential, repository, fingerprint, body, recorded_at) SELECT id, CAST(SUBSTR(id, 4) % 500 AS TEXT), id, '{"path":"a/b.txt"}', first_seen FROM credentials WHERE ?1 > 0`,
		`INSERT INTO incidents (id, credential, state, exposure, opened_at, changed_at, reason, owner, expires_at) SELECT 'INC' || SUBSTR(id, 3), id, CASE WHEN SUBSTR(id, -1) = '7' THEN 'closed' ELSE 'detected' END, '', first_seen,
 CASE WHEN SUBSTR(id, -1) = '7' THEN first_seen + 86400000000 ELSE first_seen END, '', '', 0 FROM credentials WHERE ?1 > 0`,
		`INSERT INTO audit (seq, at, actor, action, subject, body, hash) SELECT ROW_NUMBER() OVER (ORDER BY opened_at), opened_at, 'x', 'detected', id, '{}', '' FROM incidents WHERE ?1 > 0`,
		`INSERT INTO audit (seq, at, actor, action, subject, body, hash) SELECT (SELECT MAX(seq) FROM audit) + ROW_NUMBER() OVER (ORDER BY opened_at), changed_at, 'x', 'closed', id, '{}', '' FROM incidents WHERE state = 'closed' AND ?1 > 0`,
	} {
		_, err := s.DB().ExecContext(tb.Context(), script, begin)
		check(tb, err)
	}
	return s
}

// BenchmarkFirstPage is what the dashboard's first page asks, of 200,000 incidents.
//
//	go test -run '^$' -bench FirstPage -benchtime 3x ./internal/store
func BenchmarkFirstPage(b *testing.B) {
	s := many(b, 200_000)
	mine := store.Reader{}
	for id := range int64(500) {
		mine = append(mine, id)
	}
	ctx := b.Context()
	for name, ask := range map[string]func(*store.Tx) (rows int, err error){
		"list": func(x *store.Tx) (int, error) {
			p, err := x.Listed(ctx, store.Wanted{Reader: mine, Open: true, Order: store.Worst, Limit: 25})
			return len(p.Incidents), err
		},
		"overview": func(x *store.Tx) (int, error) {
			all, err := x.Overview(ctx, mine, time.Now().Add(-90*24*time.Hour), 91)
			return len(all.Rules) + len(all.Tally) + 91*len(all.Open), err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				check(b, s.View(ctx, func(x *store.Tx) (err error) { rows, err = ask(x); return err }))
			}
			if rows == 0 {
				b.Error("nothing is read")
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
}
