package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Sweep is a look at the whole history of every repository of an installation.
type Sweep struct {
	ID           int64     `json:"id"`
	Installation int64     `json:"installation"` // 0: not known yet
	Account      string    `json:"account"`
	State        Passage   `json:"state"`
	Why          string    `json:"why,omitempty"` // of one that failed
	Asked        time.Time `json:"asked"`
	Started      time.Time `json:"started,omitzero"` // when the repositories were known
	Ended        time.Time `json:"ended,omitzero"`
	// Since has only those repositories looked at into which was pushed since then; zero: all.
	Since time.Time `json:"since,omitzero"`

	Total    int             `json:"total"` // repositories
	Count    map[Passage]int `json:"count"` // of them, by state
	Bytes    int64           `json:"bytes"` // as GitHub measures the repositories
	Over     int64           `json:"over"`  // of these, in repositories that are over
	Commits  int64           `json:"commits"`
	Scanned  int64           `json:"scanned"` // bytes that were looked at
	Findings int             `json:"findings"`
	Blocking int             `json:"blocking"`
	// Left is how long the rest takes, as far as what is over tells; 0: nobody knows.
	Left time.Duration `json:"-"`
}

// Done is how many repositories are over, whatever they came to.
func (s Sweep) Done() int { return s.Total - s.Count[PassWaiting] - s.Count[PassRunning] }

// Passage is how far a sweep, or a repository in it, came.
type Passage string

// The states of a sweep are waiting, running, done and failed; those of a repository are
// all but failed. What is incomplete was looked at in part, or not at all, and says why.
const (
	PassWaiting    Passage = "waiting"
	PassRunning    Passage = "running"
	PassDone       Passage = "done"
	PassIncomplete Passage = "incomplete"
	PassGone       Passage = "gone" // the App does not reach it any more
	PassFailed     Passage = "failed"
)

// Swept is one repository in a sweep. It is known by its number, whatever it is called.
type Swept struct {
	Sweep      int64         `json:"-"`
	Repository int64         `json:"repository"`
	Name       string        `json:"name"` // OWNER/NAME, as it was last called
	Size       int64         `json:"size"` // in bytes, as GitHub measures it
	Traits     string        `json:"traits,omitempty"`
	State      Passage       `json:"state"`
	Why        string        `json:"why,omitempty"`
	Commits    int64         `json:"commits"`
	Bytes      int64         `json:"bytes"` // that were looked at
	Findings   int           `json:"findings"`
	Blocking   int           `json:"blocking"`
	Told       bool          `json:"told"` // to code scanning
	Took       time.Duration `json:"-"`
	Job        int64         `json:"-"`
}

// WantSweep asks for a sweep of all of an account, unless one is asked for already: then it
// gives that one, which is not fresh.
func (t *Tx) WantSweep(ctx context.Context, account string) (id int64, fresh bool, err error) {
	if err := t.lockSweeps(ctx); err != nil {
		return 0, false, err
	}
	err = t.one(ctx, `SELECT id FROM sweeps WHERE LOWER(account) = ? AND state IN (?, ?) AND since = 0`, []any{strings.ToLower(account), PassWaiting, PassRunning}, &id)
	if !errors.Is(err, ErrNotFound) {
		return id, false, err
	}
	id, err = t.addSweep(ctx, account, time.Time{})
	return id, true, err
}

// NewSweep asks for a sweep, whatever others are asked for. Of one repository alone it has
// OWNER/NAME in place of an account.
func (t *Tx) NewSweep(ctx context.Context, account string) (id int64, err error) {
	return t.addSweep(ctx, account, time.Time{})
}

// WantSweepSince asks for a sweep of the repositories of an account into which was pushed
// since a time. One that waits looks as far back as the earliest that was asked for; one
// that has begun may have passed by already, and so there is another.
func (t *Tx) WantSweepSince(ctx context.Context, account string, since time.Time) (id int64, fresh bool, err error) {
	if err := t.lockSweeps(ctx); err != nil {
		return 0, false, err
	}
	err = t.one(ctx, `UPDATE sweeps SET since = CASE WHEN since < ? THEN since ELSE ? END WHERE LOWER(account) = ? AND state = ? RETURNING id`,
		[]any{micros(since), micros(since), strings.ToLower(account), PassWaiting}, &id)
	if !errors.Is(err, ErrNotFound) {
		return id, false, err
	}
	id, err = t.addSweep(ctx, account, since)
	return id, true, err
}

func (t *Tx) addSweep(ctx context.Context, account string, since time.Time) (id int64, err error) {
	err = t.one(ctx, `INSERT INTO sweeps (account, installation, state, why, asked_at, started_at, ended_at, since) VALUES (?, 0, ?, '', ?, 0, 0, ?) RETURNING id`,
		[]any{account, PassWaiting, micros(t.s.now()), micros(since)}, &id)
	return id, err
}

// lockSweeps has those who ask at the same time ask one after the other.
func (t *Tx) lockSweeps(ctx context.Context) error {
	if t.s.kind != postgres {
		return nil
	}
	_, err := t.exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('leakgate sweeps'))`)
	return err
}

// StillSince reports whether a sweep is still to look back to a time and no further, and
// keeps others from asking for more until the transaction is over.
func (t *Tx) StillSince(ctx context.Context, id int64, since time.Time) (bool, error) {
	if err := t.lockSweeps(ctx); err != nil {
		return false, err
	}
	now := int64(0)
	err := t.one(ctx, `SELECT since FROM sweeps WHERE id = ?`, []any{id}, &now)
	return now == micros(since), err
}

// StartSweep keeps what there is to sweep. False means that somebody else did.
func (t *Tx) StartSweep(ctx context.Context, id, installation int64, account string, all []Swept) (bool, error) {
	began, err := changed(t.exec(ctx, `UPDATE sweeps SET installation = ?, account = ?, state = ?, started_at = ? WHERE id = ? AND state = ?`,
		installation, account, PassRunning, micros(t.s.now()), id, PassWaiting))
	if err != nil || !began {
		return false, err
	}
	for _, r := range all {
		if _, err := t.exec(ctx, `INSERT INTO swept (sweep, repository, name, size, traits, state, why, commits, bytes, findings, blocking, told, took, began_at, job)
 VALUES (?, ?, ?, ?, ?, ?, '', 0, 0, 0, 0, 0, 0, 0, ?)`, id, r.Repository, r.Name, r.Size, r.Traits, PassWaiting, r.Job); err != nil {
			return false, err
		}
	}
	return true, t.endSweep(ctx, id)
}

// FailSweep ends a sweep that cannot begin.
func (t *Tx) FailSweep(ctx context.Context, id int64, why string) error {
	_, err := t.exec(ctx, `UPDATE sweeps SET state = ?, why = ?, ended_at = ? WHERE id = ? AND state = ?`, PassFailed, text(why), micros(t.s.now()), id, PassWaiting)
	return err
}

// endSweep ends a sweep of which nothing is left. The row of the sweep is locked first: of
// two who end the last two repositories, the second sees what the first did.
func (t *Tx) endSweep(ctx context.Context, id int64) error {
	if _, err := t.exec(ctx, `UPDATE sweeps SET state = state WHERE id = ?`, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE sweeps SET state = ?, ended_at = ? WHERE id = ? AND state = ? AND NOT EXISTS
 (SELECT 1 FROM swept WHERE sweep = ? AND state IN (?, ?))`, PassDone, micros(t.s.now()), id, PassRunning, id, PassWaiting, PassRunning)
	return err
}

// BeginSwept has a repository looked at from now on. False means that it is over.
func (t *Tx) BeginSwept(ctx context.Context, sweep, repository int64) (r Swept, wanted bool, err error) {
	wanted, err = changed(t.exec(ctx, `UPDATE swept SET state = ?, began_at = ? WHERE sweep = ? AND repository = ? AND state IN (?, ?)`,
		PassRunning, micros(t.s.now()), sweep, repository, PassWaiting, PassRunning))
	if err != nil || !wanted {
		return r, false, err
	}
	all, err := t.swept(ctx, `sweep = ? AND repository = ?`, sweep, repository)
	if err == nil && len(all) != 1 {
		err = ErrNotFound
	}
	if err != nil {
		return r, false, err
	}
	return all[0], true, nil
}

// EndSwept keeps what the look at a repository came to, and ends the sweep with the last
// one. False means that it was over.
func (t *Tx) EndSwept(ctx context.Context, r Swept) (bool, error) {
	told := 0
	if r.Told {
		told = 1
	}
	over, err := changed(t.exec(ctx, `UPDATE swept SET state = ?, why = ?, name = ?, commits = ?, bytes = ?, findings = ?, blocking = ?, told = ?, took = ? - began_at
 WHERE sweep = ? AND repository = ? AND state = ?`,
		r.State, text(r.Why), text(r.Name), r.Commits, r.Bytes, r.Findings, r.Blocking, told, micros(t.s.now()), r.Sweep, r.Repository, PassRunning))
	if err != nil || !over {
		return false, err
	}
	return true, t.endSweep(ctx, r.Sweep)
}

// SweptOf is the installation of a sweep.
func (t *Tx) SweptOf(ctx context.Context, sweep int64) (installation int64, err error) {
	err = t.one(ctx, `SELECT installation FROM sweeps WHERE id = ?`, []any{sweep}, &installation)
	return installation, err
}

// SweepJob keeps which job looks at a repository.
func (t *Tx) SweepJob(ctx context.Context, sweep, repository, job int64) error {
	_, err := t.exec(ctx, `UPDATE swept SET job = ? WHERE sweep = ? AND repository = ?`, job, sweep, repository)
	return err
}

// Swept gives the repositories of a sweep in one of these states, in the order of their
// names; without any state, all.
func (t *Tx) Swept(ctx context.Context, sweep int64, states ...Passage) ([]Swept, error) {
	where, args := `sweep = ?`, []any{sweep}
	if len(states) > 0 {
		where += ` AND state IN (?` + strings.Repeat(`, ?`, len(states)-1) + `)`
		for _, s := range states {
			args = append(args, s)
		}
	}
	return t.swept(ctx, where+` ORDER BY name`, args...)
}

// SweptBefore reports whether any sweep looked at a repository.
func (t *Tx) SweptBefore(ctx context.Context, repository int64) (bool, error) {
	n := 0
	err := t.one(ctx, `SELECT COUNT(*) FROM swept WHERE repository = ? AND state IN (?, ?)`, []any{repository, PassDone, PassIncomplete}, &n)
	return n > 0, err
}

// ToldBefore reports whether code scanning was told of a repository in any sweep, or is to be.
func (t *Tx) ToldBefore(ctx context.Context, repository int64) (bool, error) {
	n := 0
	err := t.one(ctx, `SELECT (SELECT COUNT(*) FROM swept WHERE repository = ? AND told = 1) + (SELECT COUNT(*) FROM analyses WHERE repository = ?)`, []any{repository, repository}, &n)
	return n > 0, err
}

func (t *Tx) swept(ctx context.Context, where string, args ...any) (all []Swept, err error) {
	rows, err := t.query(ctx, `SELECT sweep, repository, name, size, traits, state, why, commits, bytes, findings, blocking, told, took, job FROM swept WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Swept
		var told, took int64
		if err := rows.Scan(&r.Sweep, &r.Repository, &r.Name, &r.Size, &r.Traits, &r.State, &r.Why, &r.Commits, &r.Bytes, &r.Findings, &r.Blocking, &told, &took, &r.Job); err != nil {
			return nil, t.s.explain(err)
		}
		r.Told, r.Took = told != 0, time.Duration(took)*time.Microsecond
		all = append(all, r)
	}
	return all, t.s.explain(rows.Err())
}

// Sweeps gives the sweeps of installations, the newest first. Without any installation it
// gives none.
func (s *Store) Sweeps(ctx context.Context, installations []int64) (all []Sweep, err error) {
	if len(installations) == 0 {
		return nil, nil
	}
	args := []any{}
	for _, id := range installations {
		args = append(args, id)
	}
	where := `installation IN (?` + strings.Repeat(`, ?`, len(args)-1) + `)`
	err = s.Tx(ctx, func(t *Tx) error { all, err = t.sweeps(ctx, where, args...); return err })
	return all, err
}

// SweepByID gives one.
func (s *Store) SweepByID(ctx context.Context, id int64) (one Sweep, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		all, err := t.sweeps(ctx, `id = ?`, id)
		if err == nil && len(all) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			one = all[0]
		}
		return err
	})
	return one, err
}

// Unswept gives the sweeps that were asked for before a time and are not over.
func (t *Tx) Unswept(ctx context.Context, before time.Time) ([]Sweep, error) {
	return t.sweeps(ctx, `state IN (?, ?) AND asked_at < ?`, PassWaiting, PassRunning, micros(before))
}

// LastSweep is when a sweep of all of an account was last asked for, whatever it came to; zero
// if never.
func (t *Tx) LastSweep(ctx context.Context, account string) (time.Time, error) {
	at := int64(0)
	err := t.one(ctx, `SELECT COALESCE(MAX(asked_at), 0) FROM sweeps WHERE LOWER(account) = ? AND since = 0`, []any{strings.ToLower(account)}, &at)
	return fromMicros(at), err
}

func (t *Tx) sweeps(ctx context.Context, where string, args ...any) (all []Sweep, err error) {
	rows, err := t.query(ctx, `SELECT id, installation, account, state, why, asked_at, started_at, ended_at, since FROM sweeps WHERE `+where+` ORDER BY id DESC`, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var s Sweep
		var asked, started, ended, since int64
		if err := rows.Scan(&s.ID, &s.Installation, &s.Account, &s.State, &s.Why, &asked, &started, &ended, &since); err != nil {
			rows.Close()
			return nil, t.s.explain(err)
		}
		s.Asked, s.Started, s.Ended, s.Since = fromMicros(asked), fromMicros(started), fromMicros(ended), fromMicros(since)
		all = append(all, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, t.s.explain(err)
	}
	for i := range all {
		if err := t.progress(ctx, &all[i]); err != nil {
			return nil, fmt.Errorf("progress of sweep %d: %w", all[i].ID, err)
		}
	}
	return all, nil
}

// progress sums the repositories of a sweep up.
func (t *Tx) progress(ctx context.Context, s *Sweep) error {
	rows, err := t.query(ctx, `SELECT state, COUNT(*), CAST(SUM(size) AS BIGINT), CAST(SUM(commits) AS BIGINT), CAST(SUM(bytes) AS BIGINT), CAST(SUM(findings) AS BIGINT), CAST(SUM(blocking) AS BIGINT),
 SUM(CAST(took AS DOUBLE PRECISION)), SUM(CAST(size AS DOUBLE PRECISION) * size), SUM(CAST(size AS DOUBLE PRECISION) * took) FROM swept WHERE sweep = ? GROUP BY state`, s.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	s.Count = map[Passage]int{}
	var over, left sample
	for rows.Next() {
		var state Passage
		var n, findings, blocking int
		var size, commits, bytes int64
		var took, squares, products float64
		if err := rows.Scan(&state, &n, &size, &commits, &bytes, &findings, &blocking, &took, &squares, &products); err != nil {
			return t.s.explain(err)
		}
		s.Count[state] = n
		s.Total, s.Bytes, s.Commits, s.Scanned = s.Total+n, s.Bytes+size, s.Commits+commits, s.Scanned+bytes
		s.Findings, s.Blocking = s.Findings+findings, s.Blocking+blocking
		part := sample{float64(n), float64(size), took, squares, products}
		switch state {
		case PassDone, PassIncomplete:
			s.Over += size
			over = over.and(part)
		case PassGone:
			s.Over += size
		default:
			left = left.and(part)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || s.State != PassRunning || over.n == 0 {
		return t.s.explain(err)
	}
	return t.expect(ctx, s, over, left)
}

// A sweep takes as long as what was over lately tells: machines and networks are not
// equally fast all day. lately is that part of the time since it began, if some are over in it.
const (
	lately = 3
	some   = 25
)

// expect says how long the rest of a sweep takes.
func (t *Tx) expect(ctx context.Context, s *Sweep, over, left sample) error {
	now := micros(t.s.now())
	window := now - micros(s.Started)
	var recent sample
	err := t.one(ctx, `SELECT COUNT(*), COALESCE(SUM(CAST(size AS DOUBLE PRECISION)), 0), COALESCE(SUM(CAST(took AS DOUBLE PRECISION)), 0), COALESCE(SUM(CAST(size AS DOUBLE PRECISION) * size), 0),
 COALESCE(SUM(CAST(size AS DOUBLE PRECISION) * took), 0) FROM swept WHERE sweep = ? AND state IN (?, ?) AND began_at + took > ?`,
		[]any{s.ID, PassDone, PassIncomplete, now - window/lately}, &recent.n, &recent.size, &recent.took, &recent.squares, &recent.products)
	if err != nil {
		return err
	}
	if recent.n >= some {
		over, window = recent, window/lately
	}
	if over.took > 0 && window > 0 {
		s.Left = time.Duration(over.expect(left)/(over.took/float64(window))) * time.Microsecond // so many are looked at at once
	}
	return nil
}

// sample is what a line through times by sizes needs to be found.
type sample struct{ n, size, took, squares, products float64 }

func (a sample) and(b sample) sample {
	return sample{a.n + b.n, a.size + b.size, a.took + b.took, a.squares + b.squares, a.products + b.products}
}

// expect is how long others take: so much for each, and so much for each byte, as least
// squares find it, and neither below zero. Where all are of one size it goes by size, and
// where nobody knows sizes each takes the same.
func (a sample) expect(others sample) float64 {
	if a.size == 0 || others.size == 0 {
		return a.took / a.n * others.n
	}
	const flat = 1e-9
	spread := a.squares - a.size*a.size/a.n
	if spread < flat*a.squares {
		return a.took / a.size * others.size
	}
	perByte := max(0, (a.products-a.size*a.took/a.n)/spread)
	each := (a.took - perByte*a.size) / a.n
	if each < 0 { // the line through the origin
		return a.products / a.squares * others.size
	}
	return each*others.n + perByte*others.size
}

// OpenBySeverity counts the incidents that are not over of the repositories of a sweep.
func (s *Store) OpenBySeverity(ctx context.Context, sweep int64) (map[string]int, error) {
	out := map[string]int{}
	err := s.Tx(ctx, func(t *Tx) error {
		rows, err := t.query(ctx, `SELECT c.severity, COUNT(DISTINCT c.id) FROM findings f JOIN credentials c ON c.id = f.credential JOIN incidents i ON i.credential = c.id
 WHERE i.state IN (?, ?) AND f.repository IN (SELECT CAST(repository AS TEXT) FROM swept WHERE sweep = ?) GROUP BY c.severity`, Detected, Triaged, sweep)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var severity string
			n := 0
			if err := rows.Scan(&severity, &n); err != nil {
				return t.s.explain(err)
			}
			out[severity] = n
		}
		return t.s.explain(rows.Err())
	})
	return out, err
}
