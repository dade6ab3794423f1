package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// pending says that a step was done and does not show yet.
type pending struct {
	word string
	next time.Time
}

func (p pending) Error() string { return p.word + " does not show yet" }

// advance does all that is due.
func (r *run) advance(ctx context.Context) (Standing, error) {
	s, err := r.forward(ctx)
	if p, ok := err.(pending); ok { //nolint:errorlint // converge returns it bare
		return Standing{Waiting, p.Error(), p.next}, nil
	}
	return s, err
}

func (r *run) forward(ctx context.Context) (Standing, error) {
	if r.journal[verdict].event == failed {
		return r.back(ctx)
	}
	if r.journal[minted].event == "" && r.Begin != nil {
		if err := r.Begin(ctx); err != nil {
			return Standing{}, err
		}
	}
	if err := r.converge(ctx, minted, r.Mint); err != nil {
		return Standing{}, err
	}
	if err := r.converge(ctx, delivered, r.Deliver); err != nil {
		return Standing{}, err
	}
	for i := range r.plan.Stages {
		wait, err := r.stage(ctx, i)
		if err != nil || wait != nil {
			return deref(wait), err
		}
		if r.journal[verdict].event == failed {
			return r.back(ctx)
		}
	}
	return r.finish(ctx)
}

func deref(s *Standing) Standing {
	if s == nil {
		return Standing{}
	}
	return *s
}

// converge does a step that is not done. It asks first, so that what an earlier
// run did is found and not done again.
func (r *run) converge(ctx context.Context, n int, s Step) error {
	at, word := r.journal[n], r.plan.word(n)
	if at.event == done || at.event == passed {
		return nil
	}
	is, err := s.Done(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s: nobody can tell whether it is done: %w", word, err)
	case is:
		return r.note(ctx, n, done, "found done")
	}
	if shows := at.at.Add(time.Duration(r.plan.Settle)); at.event == intent && r.Clock.Now().Before(shows) {
		return pending{word, shows}
	}
	if err := r.Stopped(); err != nil {
		return err
	}
	r.Engine.at("before intent of " + word)
	if err := r.note(ctx, n, intent, ""); err != nil {
		return err
	}
	r.Engine.at("before " + word)
	if err := s.Do(ctx); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	r.Engine.at("behind " + word)
	return r.confirm(ctx, n, s)
}

// confirm looks whether what was done shows.
func (r *run) confirm(ctx context.Context, n int, s Step) error {
	is, err := s.Done(ctx)
	word := r.plan.word(n)
	switch {
	case err != nil:
		return fmt.Errorf("%s: it was done, and nobody can tell whether it shows: %w", word, err)
	case !is && r.plan.Settle > 0:
		return pending{word, r.journal[n].at.Add(time.Duration(r.plan.Settle))}
	case !is:
		return fmt.Errorf("%s: it was done and does not show", word)
	}
	if err := r.note(ctx, n, done, ""); err != nil {
		return err
	}
	r.Engine.at("behind done of " + word)
	return nil
}

// stage moves the consumers of a stage and has its gate asked. Nil and no error
// mean that it passed, or that the rollout failed at it.
func (r *run) stage(ctx context.Context, i int) (*Standing, error) {
	stage, n := r.plan.Stages[i], firstMove+i
	if r.journal[n].event == passed {
		return nil, nil
	}
	if err := r.converge(ctx, n, r.Move(stage.Name, r.plan.New)); err != nil {
		return nil, err
	}
	answer, why := r.Judge(ctx, stage.Gate)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now, stands := r.Clock.Now(), r.journal[n].done.Add(time.Duration(stage.Dwell))
	next := now.Add(time.Duration(r.plan.Poll))
	switch {
	case answer == Fail:
		return nil, r.note(ctx, verdict, failed, fmt.Sprintf("stage %s: %s", stage.Name, why))
	case now.Before(stands):
		if next.After(stands) {
			next = stands
		}
		return &Standing{Waiting, fmt.Sprintf("stage %s stands until %s: %s", stage.Name, stands.UTC().Format(time.RFC3339), why), next}, nil
	case answer == Pass:
		return nil, r.note(ctx, n, passed, why)
	case !now.Before(stands.Add(time.Duration(r.plan.Patience))):
		return nil, r.note(ctx, verdict, failed, fmt.Sprintf("stage %s: nobody could tell for %s: %s", stage.Name, time.Duration(r.plan.Patience), why))
	}
	return &Standing{Waiting, fmt.Sprintf("stage %s: nobody can tell: %s", stage.Name, why), next}, nil
}

// finish retires the old version when the grace is over and nobody uses it.
func (r *run) finish(ctx context.Context) (Standing, error) {
	over := Standing{State: Finished, Why: fmt.Sprintf("everybody uses %s, and %s is retired", r.plan.New, r.plan.Old)}
	if again := r.journal[retired].event == done; again {
		return r.replaced(ctx, over, again)
	}
	now, due := r.Clock.Now(), r.journal[firstMove+len(r.plan.Stages)-1].at.Add(time.Duration(r.plan.Grace))
	if now.Before(due) {
		return Standing{Waiting, fmt.Sprintf("everybody uses %s; %s works until %s", r.plan.New, r.plan.Old, due.UTC().Format(time.RFC3339)), due}, nil
	}
	if r.journal[retired].event == "" { // else it is being retired
		if why, err := r.mayRetire(ctx); why != "" || err != nil {
			return Standing{Waiting, fmt.Sprintf("%s is not retired: %s", r.plan.Old, why), now.Add(time.Duration(r.plan.Poll))}, err
		}
	}
	if err := r.converge(ctx, retired, r.Retire(r.plan.Old)); err != nil {
		return Standing{}, err
	}
	return r.replaced(ctx, over, false)
}

// mayRetire says why the old version stays, "" when nothing is in the way.
func (r *run) mayRetire(ctx context.Context) (why string, err error) {
	switch n, err := r.Used(ctx, r.plan.Old); {
	case err != nil:
		return "", fmt.Errorf("nobody can tell whether %s is used: %w", r.plan.Old, err)
	case n > 0:
		return fmt.Sprintf("it has %d sessions", n), nil
	}
	return r.MayForever(ctx, 0)
}

// replaced files the incident of the credential that the rollout replaced.
func (r *run) replaced(ctx context.Context, s Standing, again bool) (Standing, error) {
	in, known, err := r.Replaced(ctx, r.law.Steps[0].Credential, fmt.Sprintf("%s took the place of %s", r.plan.New, r.plan.Old), again)
	if known && (in.State == store.Detected || in.State == store.Triaged) {
		s.Why += "; nobody has proven yet that the leaked credential is dead: leakgate remediate plan"
	}
	return s, err
}

// back moves every stage that was begun to the old version, the last one first,
// and retires the new one.
func (r *run) back(ctx context.Context) (Standing, error) {
	for i := len(r.plan.Stages) - 1; i >= 0; i-- {
		at := r.journal[firstMove+i]
		if at.event == "" {
			continue
		}
		if shows := at.at.Add(time.Duration(r.plan.Settle)); at.event == intent && r.Clock.Now().Before(shows) { // it may yet show
			return Standing{Waiting, "going back: " + r.plan.word(firstMove+i) + " was begun and may yet show", shows}, nil
		}
		if err := r.converge(ctx, firstBack+i, r.Move(r.plan.Stages[i].Name, r.plan.Old)); err != nil {
			return Standing{}, err
		}
	}
	if r.journal[minted].event != "" {
		if err := r.converge(ctx, withdrawn, r.Retire(r.plan.New)); err != nil {
			return Standing{}, err
		}
	}
	return Standing{State: RolledBack, Why: r.journal[verdict].detail}, nil
}
