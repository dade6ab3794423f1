package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Tally counts a reader's incidents by state and severity.
func (t *Tx) Tally(ctx context.Context, r Reader) (map[State]map[string]int, error) {
	among, list := t.among(r)
	rows, err := t.query(ctx, `SELECT i.state, c.severity, COUNT(*) FROM incidents i JOIN credentials c ON c.id = i.credential
 WHERE i.credential IN (SELECT credential FROM findings WHERE repository IN `+among+`) GROUP BY i.state, c.severity`, list)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[State]map[string]int{}
	for rows.Next() {
		var state State
		var severity string
		var n int
		if err := rows.Scan(&state, &severity, &n); err != nil {
			return nil, t.s.explain(err)
		}
		if out[state] == nil {
			out[state] = map[string]int{}
		}
		out[state][severity] = n
	}
	return out, t.s.explain(rows.Err())
}

// Rules lists the rules of a reader's incidents.
func (t *Tx) Rules(ctx context.Context, r Reader) (all []string, err error) {
	among, list := t.among(r)
	rows, err := t.query(ctx, `SELECT DISTINCT rule FROM credentials WHERE id IN (SELECT credential FROM findings WHERE repository IN `+among+`) ORDER BY rule`, list)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var rule string
		if err := rows.Scan(&rule); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, rule)
	}
	return all, t.s.explain(rows.Err())
}

// Life is when an incident of a reader was open: from when he could first see a place
// of it, and then as the audit trail tells.
type Life struct {
	Severity string
	Turns    []Turn // by time; the first opens it
}

// Turn is a moment from which an incident is open, or is not.
type Turn struct {
	At   time.Time
	Open bool
}

// Lives gives those of all incidents of a reader.
func (t *Tx) Lives(ctx context.Context, r Reader) ([]Life, error) {
	among, list := t.among(r)
	rows, err := t.query(ctx, `WITH s AS (SELECT credential, MIN(recorded_at) AS first FROM findings WHERE repository IN `+among+` GROUP BY credential)
 SELECT i.id, c.severity, s.first, COALESCE(a.at, 0), COALESCE(a.action, '') FROM s
 JOIN credentials c ON c.id = s.credential JOIN incidents i ON i.credential = s.credential
 LEFT JOIN audit a ON a.subject = i.id AND a.action IN (?, ?, ?) ORDER BY i.id, a.seq`, list, Detected, Closed, Dismissed)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Life
	last := ""
	for rows.Next() {
		var id, severity, action string
		var first, at int64
		if err := rows.Scan(&id, &severity, &first, &at, &action); err != nil {
			return nil, t.s.explain(err)
		}
		if id != last {
			all, last = append(all, Life{severity, []Turn{{fromMicros(first), true}}}), id
		}
		if at > first {
			life := &all[len(all)-1]
			life.Turns = append(life.Turns, Turn{fromMicros(at), !slices.Contains(Over, State(action))})
		}
	}
	return all, t.s.explain(rows.Err())
}

// OpenAt reports whether it was open at a time.
func (l Life) OpenAt(at time.Time) bool {
	open := false
	for _, turn := range l.Turns {
		if turn.At.After(at) {
			break
		}
		open = turn.Open
	}
	return open
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
