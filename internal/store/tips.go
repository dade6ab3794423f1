package store

import (
	"context"
	"fmt"
	"time"
)

// Tip is a commit of a repository that people are told about: it has one check run at a
// time, whatever the number of questions about it.
type Tip struct {
	ID           int64
	Installation int64
	Repository   int64
	Name         string // OWNER/NAME, as it was last called
	SHA          string
	Attempt      int       // counts how often it was asked for anew, from 1
	Check        int64     // the check run of this attempt; 0: none is known
	Reported     string    // digest of what the check run was told last; "" where that is not known
	Claims       int       // counts the claims to write
	Claimed      time.Time // since when somebody may be writing; zero: nobody is
}

// Question is one range to judge at a head: what a pull request would bring, or what a
// push brought.
type Question struct {
	ID      int64
	Tip     int64
	Subject string // pull/7/main, push/refs/tips/x/FORMER
	Body    string // what to judge, as JSON
	State   Progress
	Job     int64  // that scans
	Verdict string // as JSON; "" before it is Done
}

// Progress is how far a question came.
type Progress string

// The states of a question.
const (
	Waiting   Progress = "waiting"
	Running   Progress = "running"
	Done      Progress = "done"
	Cancelled Progress = "cancelled" // the head was replaced, or is gone
)

// Tip finds or makes the tip of a repository at a commit, and takes over how the
// repository is called and who is installed on it now.
func (t *Tx) Tip(ctx context.Context, h Tip) (Tip, error) {
	if _, err := t.exec(ctx, `INSERT INTO tips (installation, repository, name, sha, attempt, check_run, reported, made_at)
 VALUES (?, ?, ?, ?, 1, 0, '', ?) ON CONFLICT (repository, sha) DO UPDATE SET installation = excluded.installation, name = excluded.name`,
		h.Installation, h.Repository, h.Name, h.SHA, micros(t.s.now())); err != nil {
		return h, err
	}
	return t.tip(ctx, `repository = ? AND sha = ?`, h.Repository, h.SHA)
}

// TipByID gives one.
func (t *Tx) TipByID(ctx context.Context, id int64) (Tip, error) { return t.tip(ctx, `id = ?`, id) }

// TipAt gives the tip at a commit. None is [ErrNotFound].
func (t *Tx) TipAt(ctx context.Context, repository int64, sha string) (Tip, error) {
	return t.tip(ctx, `repository = ? AND sha = ?`, repository, sha)
}

func (t *Tx) tip(ctx context.Context, where string, args ...any) (h Tip, err error) {
	since := int64(0)
	err = t.one(ctx, `SELECT id, installation, repository, name, sha, attempt, check_run, reported, claims, claimed_at FROM tips WHERE `+where,
		args, &h.ID, &h.Installation, &h.Repository, &h.Name, &h.SHA, &h.Attempt, &h.Check, &h.Reported, &h.Claims, &since)
	if since != 0 {
		h.Claimed = time.UnixMicro(since)
	}
	return h, err
}

// Claim is the intent to write the check run of a head, kept before anything is written:
// a claim that was not settled says that a write may be there, or may come yet. It is the
// number that [Tx.Settle] takes. [ErrBusy] means that somebody claimed since h was read.
func (t *Tx) Claim(ctx context.Context, h Tip) (claim int, err error) {
	ok, err := changed(t.exec(ctx, `UPDATE tips SET claims = claims + 1, claimed_at = ?, reported = '' WHERE id = ? AND attempt = ? AND claims = ?`,
		micros(t.s.now()), h.ID, h.Attempt, h.Claims))
	if err == nil && !ok {
		err = fmt.Errorf("%w: another job writes the check run of %.10s", ErrBusy, h.SHA)
	}
	return h.Claims + 1, err
}

// Settle ends a claim: it keeps which check run tells of the head and what it was told, and
// since when somebody else may be writing. Who was replaced by a later claim changes nothing.
func (t *Tx) Settle(ctx context.Context, h Tip, claim int) error {
	since := int64(0)
	if !h.Claimed.IsZero() {
		since = micros(h.Claimed)
	}
	if _, err := t.exec(ctx, `UPDATE tips SET check_run = ?, reported = ? WHERE id = ? AND claims = ? AND attempt = ?`,
		h.Check, h.Reported, h.ID, claim, h.Attempt); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE tips SET claimed_at = ? WHERE id = ? AND claims = ?`, since, h.ID, claim)
	return err
}

// Anew has every question about a head that was answered or is asked now waiting again,
// for another check run, and gives those questions.
func (t *Tx) Anew(ctx context.Context, tip int64) ([]Question, error) {
	if _, err := t.exec(ctx, `UPDATE tips SET attempt = attempt + 1, check_run = 0, reported = '' WHERE id = ?`, tip); err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, `UPDATE questions SET state = ?, verdict = '', ended_at = 0 WHERE tip = ? AND state <> ?`, Waiting, tip, Cancelled); err != nil {
		return nil, err
	}
	return t.questions(ctx, `tip = ? AND state = ?`, tip, Waiting)
}

// Reopen is Anew for a head whose check run is not completed, which goes on: the questions
// that were answered wait again.
func (t *Tx) Reopen(ctx context.Context, tip int64) ([]Question, error) {
	again, err := t.questions(ctx, `tip = ? AND state = ?`, tip, Done)
	if err == nil {
		_, err = t.exec(ctx, `UPDATE questions SET state = ?, verdict = '', ended_at = 0 WHERE tip = ? AND state = ?`, Waiting, tip, Done)
	}
	return again, err
}

// Ask keeps a question about a head. It is fresh when it was not asked before, or was
// cancelled since and is to be answered after all.
func (t *Tx) Ask(ctx context.Context, q Question) (id int64, fresh bool, err error) {
	fresh, err = changed(t.exec(ctx, `INSERT INTO questions (tip, subject, body, state, job, verdict, asked_at, ended_at)
 VALUES (?, ?, ?, ?, 0, '', ?, 0) ON CONFLICT (tip, subject) DO NOTHING`, q.Tip, q.Subject, q.Body, q.State, micros(t.s.now())))
	if err == nil && !fresh && q.State == Waiting {
		fresh, err = changed(t.exec(ctx, `UPDATE questions SET state = ?, body = ?, verdict = '' WHERE tip = ? AND subject = ? AND state = ?`,
			Waiting, q.Body, q.Tip, q.Subject, Cancelled))
	}
	if err != nil {
		return 0, false, err
	}
	err = t.one(ctx, `SELECT id FROM questions WHERE tip = ? AND subject = ?`, []any{q.Tip, q.Subject}, &id)
	return id, fresh, err
}

// Rephrase has a question ask something else about the same head.
func (t *Tx) Rephrase(ctx context.Context, question int64, body string) error {
	_, err := t.exec(ctx, `UPDATE questions SET body = ? WHERE id = ?`, body, question)
	return err
}

// Assigned keeps which job answers a question.
func (t *Tx) Assigned(ctx context.Context, question, job int64) error {
	_, err := t.exec(ctx, `UPDATE questions SET job = ? WHERE id = ?`, job, question)
	return err
}

// Begin has a question answered from now on. False means that nobody waits for it.
func (t *Tx) Begin(ctx context.Context, question int64) (bool, error) {
	return changed(t.exec(ctx, `UPDATE questions SET state = ? WHERE id = ? AND state IN (?, ?)`, Running, question, Waiting, Running))
}

// Conclude keeps the answer to a question that is being answered. False means that
// somebody else answered it, or that nobody waits for it any more.
func (t *Tx) Conclude(ctx context.Context, question int64, verdict string) (bool, error) {
	return changed(t.exec(ctx, `UPDATE questions SET state = ?, verdict = ?, ended_at = ? WHERE id = ? AND state = ?`,
		Done, verdict, micros(t.s.now()), question, Running))
}

// Supersede cancels what is asked about other tips under subjects that begin with a
// prefix, and what was asked about this head under another of them. It gives what it cancelled.
func (t *Tx) Supersede(ctx context.Context, h Tip, prefix, subject string) ([]Question, error) {
	old, err := t.questions(ctx, `tip IN (SELECT id FROM tips WHERE repository = ?) AND SUBSTR(subject, 1, ?) = ?
 AND NOT (tip = ? AND subject = ?) AND (state IN (?, ?) OR tip = ? AND state = ?)`,
		h.Repository, len([]rune(prefix)), prefix, h.ID, subject, Waiting, Running, h.ID, Done)
	if err != nil {
		return nil, err
	}
	for _, q := range old {
		if _, err := t.exec(ctx, `UPDATE questions SET state = ?, ended_at = ? WHERE id = ?`, Cancelled, micros(t.s.now()), q.ID); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// Revive has what was asked about the pushes and merge groups of an installation, and was
// cancelled since a time, waiting again: no newer head replaces those, so that they were
// abandoned. It gives these questions.
func (t *Tx) Revive(ctx context.Context, installation int64, since time.Time) ([]Question, error) {
	const abandoned = `state = ? AND ended_at >= ? AND tip IN (SELECT id FROM tips WHERE installation = ?) AND (SUBSTR(subject, 1, 5) = 'push/' OR SUBSTR(subject, 1, 6) = 'group/')`
	all, err := t.questions(ctx, abandoned, Cancelled, micros(since), installation)
	if err != nil {
		return nil, err
	}
	for _, q := range all {
		if _, err := t.exec(ctx, `UPDATE questions SET state = ?, verdict = '', ended_at = 0 WHERE id = ?`, Waiting, q.ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Touched are the tips of an installation about which anything was asked, answered or
// cancelled since a time.
func (t *Tx) Touched(ctx context.Context, installation int64, since time.Time) (ids []int64, err error) {
	return t.ids(ctx, `SELECT DISTINCT tip FROM questions WHERE (asked_at >= ? OR ended_at >= ?) AND tip IN (SELECT id FROM tips WHERE installation = ?) ORDER BY tip`,
		micros(since), micros(since), installation)
}

// ids reads a column of numbers.
func (t *Tx) ids(ctx context.Context, query string, args ...any) (ids []int64, err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, t.s.explain(err)
		}
		ids = append(ids, id)
	}
	return ids, t.s.explain(rows.Err())
}

// Question gives one.
func (t *Tx) Question(ctx context.Context, id int64) (Question, error) {
	all, err := t.questions(ctx, `id = ?`, id)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Question{}, err
	}
	return all[0], nil
}

// Questions gives all that were asked about a head: those that were answered come first,
// in the order of their answers.
func (t *Tx) Questions(ctx context.Context, tip int64) ([]Question, error) {
	return t.questions(ctx, `tip = ?`, tip)
}

// Unanswered gives the questions that were asked before a time and wait still.
func (t *Tx) Unanswered(ctx context.Context, before time.Time) ([]Question, error) {
	return t.questions(ctx, `state IN (?, ?) AND asked_at < ?`, Waiting, Running, micros(before))
}

// WaitsSince is since when the oldest question waits that nobody answered yet; the zero
// time when there is none.
func (t *Tx) WaitsSince(ctx context.Context) (time.Time, error) {
	var at int64
	err := t.one(ctx, `SELECT COALESCE(MIN(asked_at), 0) FROM questions WHERE state IN (?, ?)`, []any{Waiting, Running}, &at)
	return fromMicros(at), err
}

// Untold gives the tips that were made between two times and of which no check run tells.
func (t *Tx) Untold(ctx context.Context, after, before time.Time) (all []Tip, err error) {
	rows, err := t.query(ctx, `SELECT id, installation, repository, name, sha, attempt, check_run, reported FROM tips WHERE reported = '' AND made_at > ? AND made_at < ?`, micros(after), micros(before))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h Tip
		if err := rows.Scan(&h.ID, &h.Installation, &h.Repository, &h.Name, &h.SHA, &h.Attempt, &h.Check, &h.Reported); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, h)
	}
	return all, t.s.explain(rows.Err())
}

// Pending counts the questions in each state.
func (t *Tx) Pending(ctx context.Context) (map[Progress]int, error) {
	rows, err := t.query(ctx, `SELECT state, COUNT(*) FROM questions GROUP BY state`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[Progress]int{}
	for rows.Next() {
		var state Progress
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, t.s.explain(err)
		}
		out[state] = n
	}
	return out, t.s.explain(rows.Err())
}

func (t *Tx) questions(ctx context.Context, where string, args ...any) (all []Question, err error) {
	rows, err := t.query(ctx, `SELECT id, tip, subject, body, state, job, verdict FROM questions WHERE `+where+
		` ORDER BY CASE WHEN ended_at = 0 THEN 1 ELSE 0 END, ended_at, id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var q Question
		if err := rows.Scan(&q.ID, &q.Tip, &q.Subject, &q.Body, &q.State, &q.Job, &q.Verdict); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, q)
	}
	return all, t.s.explain(rows.Err())
}

// Abandon cancels a question that nobody can answer.
func (t *Tx) Abandon(ctx context.Context, question int64) error {
	_, err := t.exec(ctx, `UPDATE questions SET state = ?, ended_at = ? WHERE id = ? AND state IN (?, ?)`,
		Cancelled, micros(t.s.now()), question, Waiting, Running)
	return err
}
