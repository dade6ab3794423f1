package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A repository that goes to another account keeps its number, and its credentials get other
// ids there. The places that were known of the account before are moved aside: whoever
// reads the repository now is not shown them, and no value is held against their ids. They
// are kept for the account that they are of, until that is forgotten or has the repository back.

// movedWhy is what is told of an incident that lost its places so.
const movedWhy = "its repository went to another account, and its places cannot be read from here any more"

// OfSameAccount reports whether two states of a repository are of one account. Older
// versions did not keep whose a repository is: then an account is told by its installation,
// or by its name when it installed the App again.
func (r Repository) OfSameAccount(o Repository) bool {
	if r.Account != 0 && o.Account != 0 {
		return r.Account == o.Account
	}
	owner, _, _ := strings.Cut(r.Name, "/")
	other, _, _ := strings.Cut(o.Name, "/")
	return r.Installation == o.Installation || strings.EqualFold(owner, other)
}

// Moved is what became of a repository that went to another account.
type Moved struct {
	Was    Repository
	Places int // that were moved aside
	Back   int // that came back, as the account had the repository before
}

// Move takes over that a known repository is another account's now. False means that it is
// known to be that account's already.
func (t *Tx) Move(ctx context.Context, actor string, now Repository) (m Moved, moved bool, err error) {
	if _, _, err := t.head(ctx); err != nil { // who records places waits here, and then sees what we did
		return m, false, err
	}
	if m.Was, err = t.lockRepository(ctx, now.ID); err != nil || m.Was.OfSameAccount(now) {
		return m, false, err
	}
	if m.Places, err = t.aside(ctx, actor, m.Was); err != nil {
		return m, false, err
	}
	if m.Back, err = t.back(ctx, actor, now); err != nil {
		return m, false, err
	}
	if err := t.See(ctx, now); err != nil {
		return m, false, err
	}
	_, err = t.exec(ctx, `UPDATE repositories SET former = ? WHERE id = ?`, m.Was.Installation, now.ID)
	return m, err == nil, err
}

// aside moves the places in a repository to those of the account that had it, and tells in
// the trail of each incident that lost some. An incident without any place is nobody's to
// ask about: what an issuer said of it last is not known to be so any more.
func (t *Tx) aside(ctx context.Context, actor string, was Repository) (int, error) {
	number := strconv.FormatInt(was.ID, 10)
	ids, err := t.CredentialsIn(ctx, number)
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(ctx, `INSERT INTO moved (credential, repository, fingerprint, body, recorded_at, account, installation, moved_at)
 SELECT credential, repository, fingerprint, body, recorded_at, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) FROM findings WHERE repository = ?
 ON CONFLICT (credential, repository, fingerprint) DO NOTHING`, was.Account, was.Installation, micros(t.s.now()), number); err != nil {
		return 0, err
	}
	places, err := count(t.exec(ctx, `DELETE FROM findings WHERE repository = ?`, number))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := t.toldOf(ctx, actor, "moved", id, number, movedWhy); err != nil {
			return 0, err
		}
		if _, err := t.exec(ctx, `UPDATE incidents SET answer = ?, reason = CASE WHEN reason = '' THEN ? ELSE reason END
 WHERE credential = ? AND state IN (?, ?) AND NOT EXISTS (SELECT 1 FROM findings WHERE credential = ?)`, string(Unknown), movedWhy, id, Detected, Triaged, id); err != nil {
			return 0, err
		}
	}
	return int(places), nil
}

// back gives an account the places again that it had in a repository.
func (t *Tx) back(ctx context.Context, actor string, now Repository) (int, error) {
	if now.Account == 0 {
		return 0, nil
	}
	number := strconv.FormatInt(now.ID, 10)
	const its = ` FROM moved WHERE repository = ? AND account = ? AND credential IN (SELECT id FROM credentials)`
	var ids []string
	if err := t.texts(ctx, `SELECT DISTINCT credential`+its+` ORDER BY credential`, []any{number, now.Account}, &ids); err != nil {
		return 0, err
	}
	places, err := count(t.exec(ctx, `INSERT INTO findings (credential, repository, fingerprint, body, recorded_at)
 SELECT credential, repository, fingerprint, body, recorded_at`+its+` ON CONFLICT (credential, repository, fingerprint) DO NOTHING`, number, now.Account))
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(ctx, `DELETE FROM moved WHERE repository = ? AND account = ?`, number, now.Account); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := t.toldOf(ctx, actor, "returned", id, number, "its repository came back to this account"); err != nil {
			return 0, err
		}
		if err := t.placed(ctx, id); err != nil {
			return 0, err
		}
	}
	return int(places), nil
}

// placed has an incident say no more that its places went away: there is one again.
func (t *Tx) placed(ctx context.Context, credential string) error {
	_, err := t.exec(ctx, `UPDATE incidents SET reason = '' WHERE credential = ? AND reason = ?`, credential, movedWhy)
	return err
}

// toldOf writes into the trail of a credential's incident what became of a repository.
func (t *Tx) toldOf(ctx context.Context, actor, action, credential, repository, why string) error {
	in, err := t.Incident(ctx, credential)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		_, err = t.Audit(ctx, actor, action, in.ID, map[string]string{"credential": credential, "repository": repository, "why": why})
	}
	return err
}

// Unreached keeps that nobody reaches a repository any more, and tells so once in the trail
// of each incident that has a place in it. False means that it was told before.
func (t *Tx) Unreached(ctx context.Context, actor string, id int64) (bool, error) {
	first, err := changed(t.exec(ctx, `UPDATE repositories SET gone_at = ? WHERE id = ? AND gone_at = 0`, micros(t.s.now()), id))
	if err != nil || !first {
		return false, err
	}
	number := strconv.FormatInt(id, 10)
	ids, err := t.CredentialsIn(ctx, number)
	if err != nil {
		return false, err
	}
	const why = "the App does not reach its repository any more: that went to an account without the App, was taken from the App, or was deleted"
	for _, credential := range ids {
		if err := t.toldOf(ctx, actor, "unreached", credential, number, why); err != nil {
			return false, err
		}
	}
	return true, nil
}

// lockRepository is Repository for who changes it: nobody else does so until the end of
// the transaction.
func (t *Tx) lockRepository(ctx context.Context, id int64) (Repository, error) {
	lock := ``
	if t.s.kind == postgres {
		lock = ` FOR UPDATE`
	}
	return scanRepository(func(into ...any) error {
		return t.one(ctx, repositoryColumns+`WHERE id = ?`+lock, []any{id}, into...)
	})
}

// KnownTo is Repository for who is about to say what it is now.
func (t *Tx) KnownTo(ctx context.Context, id int64) (Repository, error) {
	return t.lockRepository(ctx, id)
}

// Among gives those of some repositories that are known.
func (t *Tx) Among(ctx context.Context, ids []int64) ([]Repository, error) {
	return t.repositories(ctx, `WHERE id IN `+t.list("BIGINT")+` ORDER BY id`, jsonList(ids))
}

// Reinstalled keeps that an account which installed the App again has another installation:
// what was moved aside of it is that one's.
func (t *Tx) Reinstalled(ctx context.Context, account, from, to int64) error {
	_, err := t.exec(ctx, `UPDATE moved SET installation = ? WHERE installation = ? AND account = ? AND account > 0`, to, from, account)
	return err
}

// Retake has the heads of a repository reached by another installation, by another name.
func (t *Tx) Retake(ctx context.Context, r Repository) error {
	_, err := t.exec(ctx, `UPDATE tips SET installation = ?, name = ? WHERE repository = ?`, r.Installation, r.Name, r.ID)
	return err
}

// LeftOpen gives the questions about a repository that wait, and those about pushes that
// were cancelled, as nobody could read the repository, and asked since a time.
func (t *Tx) LeftOpen(ctx context.Context, repository int64, since time.Time) ([]Question, error) {
	return t.questions(ctx, `tip IN (SELECT id FROM tips WHERE repository = ?) AND (state IN (?, ?) OR state = ? AND subject NOT LIKE 'pull/%' AND asked_at > ?)`,
		repository, Waiting, Running, Cancelled, micros(since))
}

// Renew has a question asked in other words, waiting again.
func (t *Tx) Renew(ctx context.Context, question int64, body string) error {
	_, err := t.exec(ctx, `UPDATE questions SET body = ?, state = ?, verdict = '', ended_at = 0 WHERE id = ?`, body, Waiting, question)
	return err
}

// Unask removes a question of which nobody was told.
func (t *Tx) Unask(ctx context.Context, question int64) error {
	_, err := t.exec(ctx, `DELETE FROM questions WHERE id = ?`, question)
	return err
}

// UnhandledOf gives the GUIDs of deliveries about a repository, by an installation and kept
// since a time, of which nothing came.
func (t *Tx) UnhandledOf(ctx context.Context, installation, repository int64, since time.Time) (guids []string, err error) {
	err = t.texts(ctx, `SELECT guid FROM deliveries WHERE repository = ? AND installation = ? AND handled_at = 0 AND received_at > ? ORDER BY received_at, guid`,
		[]any{repository, installation, micros(since)}, &guids)
	return guids, err
}

// Reread has the values of a repository's alerts read again, by the installation that
// reaches it now, and gives their numbers.
func (t *Tx) Reread(ctx context.Context, installation, repository int64) (numbers []int64, err error) {
	if _, err := t.exec(ctx, `UPDATE alerts SET installation = ?, credential = '', told = 0 WHERE repository = ?`, installation, repository); err != nil {
		return nil, err
	}
	err = t.column(ctx, "alerts", `SELECT number FROM alerts WHERE repository = ? ORDER BY number`, repository, func(n int64) { numbers = append(numbers, n) })
	return numbers, err
}
