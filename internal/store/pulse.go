package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Overview is what a reader's incidents come to.
type Overview struct {
	Tally map[State]map[string]int // how many there are, by state and severity
	Rules []string                 // by which they were found, sorted
	// Open is how many were open, by severity: at a time, and then a day later each. An
	// incident is open from when the reader could first see a place of it, and then as the
	// audit trail tells.
	Open map[string][]int
}

// overview reads each place once, and counts in the database: it gives so many numbers,
// however many incidents there are. An incident that never moved has no turn in the trail.
const overview = `WITH s AS (SELECT credential, MIN(recorded_at) AS first FROM findings WHERE repository IN %[1]s GROUP BY credential),
 mine AS MATERIALIZED (SELECT i.id, i.state, c.severity, c.rule, s.first, i.changed_at > i.opened_at AS moved
  FROM s JOIN credentials c ON c.id = s.credential JOIN incidents i ON i.credential = s.credential),
 turns AS (SELECT m.id, m.severity, a.seq, a.at, CASE WHEN a.action = ? THEN 1 ELSE 0 END AS opens FROM mine m JOIN audit a ON a.subject = m.id
  WHERE m.moved AND a.at > m.first AND a.action IN (?, ?, ?)),
 steps AS (SELECT severity, first AS at, 1 AS step FROM mine
  UNION ALL SELECT severity, at, opens - LAG(opens, 1, 1) OVER (PARTITION BY id ORDER BY seq) FROM turns)
 SELECT 'tally', state, severity, 0, COUNT(*) FROM mine GROUP BY state, severity
 UNION ALL SELECT 'rule', rule, '', 0, COUNT(*) FROM mine GROUP BY rule
 UNION ALL SELECT 'open', '', severity, CASE WHEN at <= %[2]d THEN 0 ELSE (at - %[2]d + %[3]d - 1) / %[3]d END AS day, SUM(step)
  FROM steps WHERE at <= %[4]d GROUP BY severity, day`

// Overview sums a reader's incidents up, and tells of so many days from a time on.
func (t *Tx) Overview(ctx context.Context, r Reader, from time.Time, days int) (Overview, error) {
	const day = 24 * time.Hour
	among, list := t.among(r)
	query := fmt.Sprintf(overview, among, micros(from), day.Microseconds(), micros(from.Add(time.Duration(days-1)*day)))
	rows, err := t.query(ctx, query, list, Detected, Detected, Over[0], Over[1])
	if err != nil {
		return Overview{}, err
	}
	defer rows.Close()
	out := Overview{Tally: map[State]map[string]int{}, Open: map[string][]int{}}
	for rows.Next() {
		var part, name, severity string
		var at, n int
		if err := rows.Scan(&part, &name, &severity, &at, &n); err != nil {
			return Overview{}, t.s.explain(err)
		}
		switch part {
		case "tally":
			out.count(State(name), severity, n)
		case "rule":
			out.Rules = append(out.Rules, name)
		case "open":
			out.step(severity, at, n, days)
		}
	}
	slices.Sort(out.Rules)
	return out, t.s.explain(rows.Err())
}

func (o Overview) count(state State, severity string, n int) {
	if o.Tally[state] == nil {
		o.Tally[state] = map[string]int{}
	}
	o.Tally[state][severity] = n
}

// step has so many more be open from one of the days on.
func (o Overview) step(severity string, day, n, days int) {
	if o.Open[severity] == nil {
		o.Open[severity] = make([]int, days)
	}
	for ; day < days; day++ {
		o.Open[severity][day] += n
	}
}

// Judged is what was answered about a repository.
type Judged struct {
	Repository int64
	Answers    int
	Last       time.Time
}

// JudgedOf tells it of each of a reader's repositories that anything was answered about.
func (t *Tx) JudgedOf(ctx context.Context, r Reader) (map[int64]Judged, error) {
	among, list := t.numbers(r)
	rows, err := t.query(ctx, `SELECT h.repository, COUNT(*), MAX(q.ended_at) FROM tips h JOIN questions q ON q.tip = h.id
 WHERE h.repository IN `+among+` AND q.state = ? GROUP BY h.repository`, list, Done)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]Judged{}
	for rows.Next() {
		var j Judged
		var last int64
		if err := rows.Scan(&j.Repository, &j.Answers, &last); err != nil {
			return nil, t.s.explain(err)
		}
		j.Last = fromMicros(last)
		out[j.Repository] = j
	}
	return out, t.s.explain(rows.Err())
}

// OpenIn counts the open incidents of each of a reader's repositories that has any.
func (t *Tx) OpenIn(ctx context.Context, r Reader) (map[int64]int, error) {
	among, list := t.among(r)
	rows, err := t.query(ctx, `SELECT f.repository, COUNT(DISTINCT f.credential) FROM findings f JOIN incidents i ON i.credential = f.credential
 WHERE f.repository IN `+among+` AND i.state NOT IN (?, ?) GROUP BY f.repository`, list, Over[0], Over[1])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]int{}
	for rows.Next() {
		var repository string
		var n int
		if err := rows.Scan(&repository, &n); err != nil {
			return nil, t.s.explain(err)
		}
		id, err := strconv.ParseInt(repository, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("repository of a finding: %w", err)
		}
		out[id] = n
	}
	return out, t.s.explain(rows.Err())
}

// Traffic is what came in for a reader's repositories since a time, and what waits.
type Traffic struct {
	Deliveries int
	Unhandled  int       // of those
	Since      time.Time // of the oldest of those
	LastIn     time.Time
	Took       []time.Duration // from in to handled, sorted; of the newest deliveries

	Waiting, Running int
	Asked            time.Time // the oldest that waits
	Answered         int
}

// tookOf is of how many deliveries the times are read.
const tookOf = 2000

// TrafficOf counts it.
func (t *Tx) TrafficOf(ctx context.Context, r Reader, since time.Time) (out Traffic, err error) {
	among, list := t.numbers(r)
	var last, oldest, asked int64
	err = t.one(ctx, `SELECT COUNT(*), COALESCE(MAX(received_at), 0) FROM deliveries WHERE repository IN `+among+` AND received_at >= ?`,
		[]any{list, micros(since)}, &out.Deliveries, &last)
	if err == nil {
		err = t.one(ctx, `SELECT COUNT(*), COALESCE(MIN(received_at), 0) FROM deliveries WHERE repository IN `+among+` AND received_at >= ? AND handled_at = 0`,
			[]any{list, micros(since)}, &out.Unhandled, &oldest)
	}
	if err == nil {
		err = t.one(ctx, `SELECT COALESCE(SUM(CASE WHEN q.state = ? THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN q.state = ? THEN 1 ELSE 0 END), 0),
  COALESCE(MIN(CASE WHEN q.state = ? THEN q.asked_at END), 0), COALESCE(SUM(CASE WHEN q.state = ? AND q.ended_at >= ? THEN 1 ELSE 0 END), 0)
 FROM questions q JOIN tips h ON h.id = q.tip WHERE h.repository IN `+among, []any{Waiting, Running, Waiting, Done, micros(since), list},
			&out.Waiting, &out.Running, &asked, &out.Answered)
	}
	if err != nil {
		return out, err
	}
	out.LastIn, out.Since, out.Asked = fromMicros(last), fromMicros(oldest), fromMicros(asked)
	out.Took, err = t.took(ctx, r, since)
	return out, err
}

func (t *Tx) took(ctx context.Context, r Reader, since time.Time) (all []time.Duration, err error) {
	among, list := t.numbers(r)
	rows, err := t.query(ctx, `SELECT handled_at - received_at FROM deliveries WHERE repository IN `+among+` AND received_at >= ? AND handled_at > 0
 ORDER BY received_at DESC LIMIT ?`, list, micros(since), tookOf)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, time.Duration(n)*time.Microsecond)
	}
	slices.Sort(all)
	return all, t.s.explain(rows.Err())
}
