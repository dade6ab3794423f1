package work

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// history looks at all of a repository, and keeps what that came to in one transaction.
func (e *Engine) history(ctx context.Context, a historyArgs, attempt int) error {
	r, installation, wanted, err := e.beginHistory(ctx, a)
	if err != nil || !wanted {
		return err
	}
	var found seenBack
	r.State = store.PassDone
	err = e.lookBack(ctx, installation, &r, &found)
	switch {
	case err == nil:
	case errors.Is(err, hub.ErrGone):
		r.State, r.Why = store.PassGone, inspect.Clean(err.Error())
	case !e.hopelessHistory(ctx, err, attempt):
		return err
	default:
		r.State, r.Why = store.PassIncomplete, clip(inspect.Clean(err.Error()), maxWhy)
	}
	return e.endHistory(context.WithoutCancel(ctx), r, found)
}

// seenBack is what a look at a history keeps: what was found, and what code scanning is to
// be told of it.
type seenBack struct {
	places
	told []store.Analysis
}

// maxWhy is how long a reason may be, in bytes.
const maxWhy = 1000

// hopelessHistory reports whether trying again would come to the same.
func (e *Engine) hopelessHistory(ctx context.Context, err error, attempt int) bool {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return true // another try would take as long
	}
	_, later := hub.AsLater(err)
	if ctx.Err() != nil || later || errors.Is(err, mirror.ErrInUse) || errors.Is(err, store.ErrBusy) {
		return false
	}
	return attempt >= patientAttempts || errors.Is(err, mirror.ErrTooLarge) || errors.Is(err, hub.ErrBrokenPolicy) || inspect.IsBroken(err)
}

func (e *Engine) beginHistory(ctx context.Context, a historyArgs) (r store.Swept, installation int64, wanted bool, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		if r, wanted, err = t.BeginSwept(ctx, a.Sweep, a.Repository); err != nil || !wanted {
			return err
		}
		installation, err = t.SweptOf(ctx, a.Sweep)
		return err
	})
	return r, installation, wanted, err
}

func (e *Engine) endHistory(ctx context.Context, r store.Swept, found seenBack) error {
	kept := false
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		if kept, err = t.EndSwept(ctx, r); err != nil || !kept {
			return err
		}
		if err := found.record(ctx, t); err != nil {
			return err
		}
		return e.keepToTell(ctx, t, found.told)
	})
	if err == nil && kept {
		e.Log.Info("history", "sweep", r.Sweep, "repository", r.Repository, "state", r.State, "commits", r.Commits, "bytes", r.Bytes, "findings", r.Findings)
	}
	return err
}

// lookBack scans every branch, every tag and the head of every pull request, as `leakgate
// scan` does in a clone of all of them, by the policy of the default branch.
func (e *Engine) lookBack(ctx context.Context, installation int64, r *store.Swept, found *seenBack) error {
	o, err := e.open(ctx, installation, r.Repository)
	if err != nil {
		return err
	}
	defer e.close(ctx, o.Session)
	r.Name = o.FullName()
	if limit := e.Mirrors.Copies; limit > 0 && r.Size > limit {
		return fmt.Errorf("%w: GitHub says that the repository has %d MiB, and a copy may have %d MiB; serve with more --mirrors", mirror.ErrTooLarge, r.Size>>20, limit>>20)
	}
	return e.Mirrors.Copy(ctx, o.origin, o.Branch, func(dir string) error {
		empty, err := isEmpty(dir)
		if err != nil || empty {
			return err
		}
		q := inspect.Question{What: inspect.History, Path: dir, Branch: o.Branch, Organisation: o.above, Workers: 1}
		rep, err := inspect.Run(ctx, q, o.world)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rep.Repository = e.Hub.Server.Web + o.FullName()
		summed(r, rep)
		found.places = placesOf(seen(o.Session), o.world.Key, &report.Posting{Report: rep})
		found.told, err = e.toTell(ctx, o.Session, r, rep)
		return err
	})
}

func isEmpty(dir string) (bool, error) {
	repo, err := gitrepo.Open(dir)
	if err != nil {
		return false, err
	}
	defer repo.Close()
	refs, err := repo.Refs()
	none := !slices.ContainsFunc(refs, func(r gitrepo.Ref) bool { return !r.ID.IsZero() }) // HEAD may name a branch that is not there
	return err == nil && none, err
}

// summed keeps what a report says in numbers.
func summed(r *store.Swept, rep *report.Report) {
	c := rep.Result.Coverage
	r.Commits, r.Bytes = int64(c.Commits), c.Bytes
	for _, f := range rep.Verdict.Findings {
		if f.Decision == gate.Warn || f.Decision == gate.Block {
			r.Findings++
		}
		if f.Decision == gate.Block {
			r.Blocking++
		}
	}
	if err := rep.Verdict.Err; err != nil || !c.Complete() {
		r.State, r.Why = store.PassIncomplete, clip(inspect.Clean(reason(rep)), maxWhy)
	}
}

// reason says what was missed of a history.
func reason(rep *report.Report) string {
	missed := rep.Result.Coverage.Missed
	if len(missed) == 0 {
		return fmt.Sprint(rep.Verdict.Err)
	}
	return fmt.Sprintf("%d parts were not looked at; the first: %s", len(missed), missed[0].Reason)
}

// stillOpen are the findings whose credentials nobody has revoked or dismissed, and whether
// any sweep told of the repository before.
func (e *Engine) stillOpen(ctx context.Context, repository int64, rep *report.Report) (open []gate.Judged, before bool, err error) {
	over := map[string]bool{}
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		for i := range rep.Verdict.Findings {
			id := rep.Verdict.Findings[i].Credential
			if _, known := over[id]; known || id == "" {
				continue
			}
			in, err := t.Incident(ctx, id)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			over[id] = err == nil && in.State != store.Detected && in.State != store.Triaged
		}
		before, err = t.ToldBefore(ctx, repository)
		return err
	})
	for _, f := range rep.Verdict.Findings {
		if !over[f.Credential] && f.Decision != gate.Allow {
			open = append(open, f)
		}
	}
	return open, before, err
}
