package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/store"
)

// elsewhere is what a job ends with that finds a repository to be another account's than is
// known: nothing that it found is kept, as it may have the ids of either account. GitHub is
// asked whose it is, and then the job is done again.
type elsewhere struct{ installation, repository int64 }

func (e *elsewhere) Error() string {
	return fmt.Sprintf("repository %d is another account's than is known", e.repository)
}

// moveHorizon is how far back it is looked for what was asked of a repository while it went
// from one account to another: GitHub delivers nothing that is older.
const moveHorizon = 3 * 24 * time.Hour

// transfer asks GitHub by an installation for a repository, and takes over whose it is. Who
// asks at once asks one after the other, so that what GitHub said last is what is kept.
func (e *Engine) transfer(ctx context.Context, installation, repository int64) error {
	if forgotten, err := e.forgotten(ctx, installation); err != nil || forgotten {
		return errors.Join(err, fmt.Errorf("%w: installation %d is forgotten", errGiveUp, installation))
	}
	release, err := e.Store.Exclusive(ctx, fmt.Sprintf("repository %d", repository%locks))
	if err != nil {
		return err
	}
	defer release()
	s, err := e.Hub.Open(ctx, installation, repository, hub.ToRead())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	open, err := openPulls(ctx, s)
	if err != nil {
		return err
	}
	f := facts{Installation: installation, Repository: repository, Name: s.FullName(), kept: e.World.Now()}
	stage, _, err := e.stage(ctx, f)
	if err != nil {
		return err
	}
	err = e.Store.Tx(ctx, func(t *store.Tx) error { return e.takeOver(ctx, t, f, seen(s), stage, open) })
	if errors.Is(err, errNotMoved) {
		return nil
	}
	return err
}

// errNotMoved undoes what was begun for a repository that is known to be this account's.
var errNotMoved = errors.New("the repository did not move")

// takeOver is all that follows from a repository being another account's: what was found in
// it stays with the account before, what is asked of it is asked for this one, and what may
// be in it is looked for anew.
func (e *Engine) takeOver(ctx context.Context, t *store.Tx, f facts, now store.Repository, stage gate.Stage, open []*github.PullRequest) error {
	was, err := t.Repository(ctx, now.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && was.OfSameAccount(now) {
		return see(ctx, t, now)
	}
	if err == nil {
		err = t.Retake(ctx, now)
	}
	if err != nil {
		return err
	}
	begun, err := e.handOn(ctx, t, now, stage)
	if err != nil {
		return err
	}
	for _, p := range open {
		if stage == gate.NotEnrolled {
			break
		}
		if err := e.judgeAnew(ctx, t, f, p, stage, begun); err != nil {
			return err
		}
	}
	m, moved, err := t.Move(ctx, actor, now)
	if err == nil && !moved {
		err = errNotMoved
	}
	if err != nil {
		return err
	}
	e.Log.Info("a repository is another account's now", "repository", now.ID, "installation", now.Installation, "before", m.Was.Installation, "places", m.Places, "back", m.Back)
	return e.lookAnew(ctx, t, m, now)
}

// handOn has the new account asked what waits: a push is judged for it, if it wants that. A
// pull request is asked about as it is now, or no more. It gives the heads whose check run
// is not completed: that has no ids of anybody, and goes on.
func (e *Engine) handOn(ctx context.Context, t *store.Tx, now store.Repository, stage gate.Stage) (begun map[int64]bool, err error) {
	left, err := t.LeftOpen(ctx, now.ID, e.World.Now().Add(-moveHorizon))
	if err != nil {
		return nil, err
	}
	begun = map[int64]bool{}
	for _, q := range left {
		begun[q.Tip] = true
		var body question
		if err := json.Unmarshal([]byte(q.Body), &body); err != nil {
			return nil, err
		}
		if body.Pull > 0 || stage == gate.NotEnrolled {
			err = e.letGo(ctx, t, q, body)
		} else {
			err = e.askFor(ctx, t, q, body, stage)
		}
		if err != nil {
			return nil, err
		}
	}
	return begun, nil
}

// letGo cancels a question that nobody asks for the new account. Where a check run says that
// the commits are to be scanned, it says that they are not; else nobody hears anything.
func (e *Engine) letGo(ctx context.Context, t *store.Tx, q store.Question, body question) error {
	tip, err := t.TipByID(ctx, q.Tip)
	if err != nil {
		return err
	}
	if tip.Check == 0 && tip.Claimed.IsZero() {
		if err := t.Unask(ctx, q.ID); err != nil {
			return err
		}
		return e.drop(ctx, t, q)
	}
	body.Left = true
	text, err := json.Marshal(body)
	if err == nil {
		err = t.Rephrase(ctx, q.ID, string(text))
	}
	if err == nil {
		err = t.Abandon(ctx, q.ID)
	}
	if err != nil {
		return err
	}
	return e.drop(ctx, t, q)
}

// askFor has a question asked for the new account, as strictly as that wants it.
func (e *Engine) askFor(ctx context.Context, t *store.Tx, q store.Question, body question, stage gate.Stage) error {
	body.Stage, body.Left = stage, false
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if q.State == store.Waiting || q.State == store.Running { // its job goes on
		return t.Rephrase(ctx, q.ID, string(text))
	}
	if err := t.Renew(ctx, q.ID, string(text)); err != nil {
		return err
	}
	if err := e.assign(ctx, t, q.ID); err != nil {
		return err
	}
	return e.tell(ctx, t, q.Tip)
}

// judgeAnew asks about an open pull request for the new account. A check run that was
// completed has the ids of the account before, so there is another one, as for a recheck.
func (e *Engine) judgeAnew(ctx context.Context, t *store.Tx, f facts, p *github.PullRequest, stage gate.Stage, begun map[int64]bool) error {
	f.Number, f.SHA = p.GetNumber(), p.GetHead().GetSHA()
	tip, err := t.TipAt(ctx, f.Repository, f.SHA)
	if errors.Is(err, store.ErrNotFound) {
		return e.pullNow(ctx, t, f, p, stage)
	}
	if err != nil {
		return err
	}
	again := t.Anew
	if begun[tip.ID] {
		again = t.Reopen
	}
	all, err := again(ctx, tip.ID)
	if err != nil {
		return err
	}
	for _, q := range all {
		if err := rebase(ctx, t, q, f, p, &stage); err != nil {
			return err
		}
		if err := e.assign(ctx, t, q.ID); err != nil {
			return err
		}
	}
	if err := e.pullNow(ctx, t, f, p, stage); err != nil { // where nobody asked yet, or it was cancelled
		return err
	}
	return e.tell(ctx, t, tip.ID)
}

// lookAnew has what was known of a repository found again under the new account's ids: its
// alerts, its history, and what was delivered while it went over.
func (e *Engine) lookAnew(ctx context.Context, t *store.Tx, m store.Moved, now store.Repository) error {
	alerts, err := t.Reread(ctx, now.Installation, now.ID)
	if err != nil {
		return err
	}
	for _, n := range alerts {
		if _, err := e.enqueue(ctx, t, alertArgs{Installation: now.Installation, Repository: now.ID, Number: n}); err != nil {
			return err
		}
	}
	waiting, err := t.UnhandledOf(ctx, m.Was.Installation, now.ID, e.World.Now().Add(-moveHorizon))
	if err != nil {
		return err
	}
	for _, guid := range waiting { // its job may be given up
		if _, err := e.enqueue(ctx, t, ingestArgs{GUID: guid}); err != nil {
			return err
		}
	}
	swept, err := t.SweptBefore(ctx, now.ID)
	if err != nil || m.Places == 0 && !swept {
		return err
	}
	return e.sweepOne(ctx, t, now)
}

// sweepOne sweeps one repository alone.
func (e *Engine) sweepOne(ctx context.Context, t *store.Tx, r store.Repository) error {
	id, err := t.NewSweep(ctx, r.Name)
	if err != nil {
		return err
	}
	all := []store.Swept{{Repository: r.ID, Name: r.Name}}
	if err := e.assignAll(ctx, t, id, all); err != nil {
		return err
	}
	_, err = t.StartSweep(ctx, id, r.Installation, r.Name, all)
	return err
}

// redirected is the installation that reaches the repository of a delivery now, where the
// one that the delivery names had it before: GitHub told of it, and then it went over. Where
// that one reaches it, the repository came back, and nobody knows it here yet.
func (e *Engine) redirected(ctx context.Context, f facts) (int64, error) {
	var r store.Repository
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { r, err = t.Repository(ctx, f.Repository); return err })
	if errors.Is(err, store.ErrNotFound) || err == nil && (r.Former == 0 || r.Former != f.Installation || r.Installation == f.Installation) {
		return f.Installation, nil
	}
	if err != nil {
		return 0, err
	}
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, hub.ToKnow())
	if err == nil {
		e.close(ctx, s)
		return f.Installation, nil
	}
	if errors.Is(err, hub.ErrGone) {
		return r.Installation, nil
	}
	return 0, err
}

// takeStock holds what an installation reaches against what is known of it. A repository that
// another account had is taken over, and one that nobody reaches any more is told of.
func (e *Engine) takeStock(ctx context.Context, installation int64, listed []hub.Listed) error {
	moved, err := e.strange(ctx, installation, listed)
	if err != nil {
		return err
	}
	for _, id := range moved {
		if err := e.transfer(ctx, installation, id); err != nil && !errors.Is(err, hub.ErrGone) { // gone since it was listed
			return err
		}
	}
	return e.missing(ctx, installation, listed)
}

// strange are the known repositories that are another account's than is known. What changed
// of the others is kept.
func (e *Engine) strange(ctx context.Context, installation int64, listed []hub.Listed) (moved []int64, err error) {
	ids, now := make([]int64, len(listed)), map[int64]store.Repository{}
	for i, l := range listed {
		ids[i] = l.ID
		now[l.ID] = store.Repository{ID: l.ID, Installation: installation, Account: l.Account, Name: l.Name, Private: l.Private}
	}
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		moved = nil
		known, err := t.Among(ctx, ids)
		if err != nil {
			return err
		}
		for _, was := range known {
			r := now[was.ID]
			if !was.OfSameAccount(r) {
				moved = append(moved, r.ID)
			} else if was.Installation != r.Installation || was.Account != r.Account || !was.Gone.IsZero() {
				err = see(ctx, t, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return moved, err
}

// missing tells of the repositories that an installation reached and reaches no more. GitHub
// is asked for each: the list may be older than what is known.
func (e *Engine) missing(ctx context.Context, installation int64, listed []hub.Listed) error {
	there := map[int64]bool{}
	for _, l := range listed {
		there[l.ID] = true
	}
	var known []store.Repository
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { known, err = t.Repositories(ctx, installation); return err }); err != nil {
		return err
	}
	for _, r := range known {
		if there[r.ID] || !r.Gone.IsZero() {
			continue
		}
		if err := e.lost(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) lost(ctx context.Context, r store.Repository) error {
	s, err := e.Hub.Open(ctx, r.Installation, r.ID, hub.ToKnow())
	if err == nil {
		e.close(ctx, s)
		return nil
	}
	if !errors.Is(err, hub.ErrGone) {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		now, err := t.KnownTo(ctx, r.ID)
		if err != nil || now.Installation != r.Installation { // somebody reaches it
			return err
		}
		first, err := t.Unreached(ctx, actor, r.ID)
		if first {
			e.Log.Warn("a repository is not reached any more: it went to an account without the App, was taken from the App, or was deleted", "repository", r.ID, "installation", r.Installation)
		}
		return err
	})
}
