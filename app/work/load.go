package work

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Milestone is a moment in the life of a delivery, reckoned from when it was kept.
type Milestone string

// The milestones.
const (
	CheckMade   Milestone = "check made"   // the check run of the head is there, in whatever state
	VerdictTold Milestone = "verdict told" // it is completed
)

// Load is how many jobs of a queue are in a state that is not an end.
type Load struct {
	Queue, State string
	Jobs         int
	Age          time.Duration // since when the one that waited longest could have been begun
}

// queues are all that there are.
var queues = []string{queueIngest, queueScan, queueReport, queueUpkeep, queueReplay, queueCatch, queueHistory, queueTell, queuePull, queueCare, queueReverify}

// states are those of jobs that are not over: https://riverqueue.com/docs/job-states
var states = []string{"available", "running", "retryable", "scheduled"}

// seconds since 1970 of the column in which River keeps when a job may begin.
var seconds = map[bool]string{
	true:  `EXTRACT(EPOCH FROM MIN(scheduled_at))::float8`,
	false: `(julianday(MIN(scheduled_at)) - 2440587.5) * 86400.0`,
}

// Load counts the jobs that are not over, in every queue and state.
func (e *Engine) Load(ctx context.Context) ([]Load, error) {
	rows, err := e.Store.DB().QueryContext(ctx, `SELECT queue, state, COUNT(*), `+seconds[e.Store.Postgres()]+
		` FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled') GROUP BY queue, state`)
	if err != nil {
		return nil, fmt.Errorf("count the jobs: %w", err)
	}
	defer rows.Close()
	type place struct{ queue, state string }
	found := map[place]Load{}
	for rows.Next() {
		l, since := Load{}, 0.0
		if err := rows.Scan(&l.Queue, &l.State, &l.Jobs, &since); err != nil {
			return nil, fmt.Errorf("count the jobs: %w", err)
		}
		if l.State == "available" {
			l.Age = max(0, e.World.Now().Sub(time.UnixMicro(int64(since*1e6))))
		}
		found[place{l.Queue, l.State}] = l
	}
	var all []Load
	for _, queue := range queues {
		for _, state := range states {
			l := found[place{queue, state}]
			l.Queue, l.State = queue, state
			all = append(all, l)
		}
	}
	return all, rows.Err()
}

// sinceLook is when a look at GitHub's deliveries ended well last, in seconds since 1970; where
// none did, when the first was asked for.
var sinceLook = map[bool]string{
	true:  `EXTRACT(EPOCH FROM COALESCE(MAX(CASE WHEN state = 'completed' THEN finalized_at END), MIN(created_at)))::float8`,
	false: `(julianday(COALESCE(MAX(CASE WHEN state = 'completed' THEN finalized_at END), MIN(created_at))) - 2440587.5) * 86400.0`,
}

// Blind is for how long nobody could look at GitHub's list of deliveries; 0 before anybody was to.
func (e *Engine) Blind(ctx context.Context) (time.Duration, error) {
	var since sql.NullFloat64
	err := e.Store.DB().QueryRowContext(ctx, `SELECT `+sinceLook[e.Store.Postgres()]+` FROM river_job WHERE kind IN ('replay', 'pull')`).Scan(&since)
	if err != nil {
		return 0, fmt.Errorf("see when deliveries were looked at: %w", err)
	}
	if !since.Valid {
		return 0, nil
	}
	return max(0, e.World.Now().Sub(time.UnixMicro(int64(since.Float64*1e6)))), nil
}
