package store

import (
	"context"
	"time"
)

// Answer is what issuers said of a credential: live, dead or unknown; not asked where it was
// tried and nobody could be asked, and "" before that.
type Answer string

// The answers.
const (
	Live    Answer = "live"
	Dead    Answer = "dead"
	Unknown Answer = "unknown"

	NotAsked Answer = "not asked"
)

// Due gives incidents about whose credential nobody was asked since a time, who waits
// longest first: those that may be alive, and those that are said to be dead. One that has
// no place any more cannot be asked about.
func (t *Tx) Due(ctx context.Context, since time.Time, limit int) (all []Incident, err error) {
	rows, err := t.query(ctx, incidentColumns+`WHERE i.asked_at < ? AND i.state <> ? AND EXISTS (SELECT 1 FROM findings f WHERE f.credential = c.id) ORDER BY i.asked_at, i.id LIMIT ?`, micros(since), Dismissed, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		in, err := scanIncident(rows.Scan)
		if err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, in)
	}
	return all, t.s.explain(rows.Err())
}

// Answered keeps what came of asking about a credential, and moves its incident: dead is
// revoked, by the event of this answer, and alive after it was over is detected again. An
// answer that says nothing changes nothing, least of all to dead, and where nobody could be
// asked the trail says that and not that it was checked. Where the answer is the
// one that was there before, nothing is written down again. The result is where the
// incident went, "" for nowhere.
func (t *Tx) Answered(ctx context.Context, id, by string, a Answer, why string) (State, error) {
	in, err := t.Incident(ctx, id)
	if err != nil {
		return "", err
	}
	var was Answer
	if err := t.one(ctx, `SELECT answer FROM incidents WHERE id = ?`, []any{in.ID}, &was); err != nil {
		return "", err
	}
	if _, err := t.exec(ctx, `UPDATE incidents SET asked_at = ?, answer = ? WHERE id = ?`, micros(t.s.now()), string(a), in.ID); err != nil {
		return "", err
	}
	to := in.State
	switch open := in.State == Detected || in.State == Triaged; {
	case a == Dead && open:
		to = Revoked
	case a == Live && !open && in.State != Dismissed:
		to = Detected
	}
	if a == was && to == in.State {
		return "", nil
	}
	action := "checked"
	if a == NotAsked {
		action = "not checked"
	}
	proof, err := t.Audit(ctx, by, action, in.ID, map[string]string{"status": string(a), "why": why})
	if err != nil || to == in.State {
		return "", err
	}
	return to, t.Advance(ctx, in.ID, Move{To: to, By: by, Why: why, Proof: proof})
}

// LastAnswer is what came of asking about an incident's credential last, and when.
func (t *Tx) LastAnswer(ctx context.Context, id string) (a Answer, at time.Time, err error) {
	var asked int64
	err = t.one(ctx, `SELECT answer, asked_at FROM incidents WHERE id = ?`, []any{id}, &a, &asked)
	return a, fromMicros(asked), err
}
