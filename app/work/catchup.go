package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v89/github"
	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/store"
)

// The jobs that find the pull requests of which no delivery told: one lists the
// repositories, and there is one for each.
type (
	catchUpArgs struct{}
	pullsArgs   struct {
		Installation int64 `json:"installation"`
		Repository   int64 `json:"repository"`
	}
)

func (catchUpArgs) Kind() string { return "catch-up" }
func (pullsArgs) Kind() string   { return "pulls" }

// The queue is one of their own: an organisation with thousands of repositories takes hours,
// and nothing else waits for it.
func (catchUpArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueCatch} }

func (pullsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueCatch, Priority: 4, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}
}

type (
	catcher struct {
		river.WorkerDefaults[catchUpArgs]
		e *Engine
	}
	openLooker struct {
		river.WorkerDefaults[pullsArgs]
		e *Engine
	}
)

func (*catcher) Timeout(*river.Job[catchUpArgs]) time.Duration { return 10 * time.Minute }

func (w *catcher) Work(ctx context.Context, _ *river.Job[catchUpArgs]) error {
	return w.e.settle(ctx, "catch-up", w.e.catchUp(ctx))
}

func (w *openLooker) Work(ctx context.Context, job *river.Job[pullsArgs]) error {
	return w.e.settle(ctx, "pulls", w.e.pulls(ctx, job.Args))
}

// catchUp has the pull requests of every repository looked through, keeps by which
// installation each is reached, and forgets the mirrors of those that nobody reaches any
// more. What changed of installations without anybody telling is found as well.
func (e *Engine) catchUp(ctx context.Context) error {
	placed, err := e.Hub.Installations(ctx)
	if err != nil {
		return err
	}
	if err := e.compare(ctx, placed); err != nil {
		return err
	}
	reached := map[int64]bool{}
	for _, p := range placed {
		if p.Suspended {
			continue
		}
		if err := e.lookThrough(ctx, p.ID, reached); err != nil {
			return err
		}
	}
	e.Mirrors.Keep(func(id int64) bool { return reached[id] })
	return nil
}

// lookThrough has the pull requests of an installation's repositories looked through, and
// adds those to what is reached. Nothing is taken in of what was forgotten.
func (e *Engine) lookThrough(ctx context.Context, installation int64, reached map[int64]bool) error {
	if forgotten, err := e.forgotten(ctx, installation); err != nil || forgotten {
		return err
	}
	listed, err := e.Hub.Repositories(ctx, installation)
	if errors.Is(err, hub.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	var jobs []river.InsertManyParams
	for _, l := range listed {
		if reached[l.ID] = true; !l.Archived { // nobody can push to those
			jobs = append(jobs, river.InsertManyParams{Args: pullsArgs{installation, l.ID}})
		}
	}
	if err := e.takeStock(ctx, installation, listed); err != nil {
		return err
	}
	return e.insertMany(ctx, jobs)
}

func (e *Engine) insertMany(ctx context.Context, jobs []river.InsertManyParams) error {
	if len(jobs) == 0 {
		return nil
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if _, err := e.river.InsertManyTx(ctx, t.Tx, jobs); err != nil {
			return fmt.Errorf("queue jobs: %w", err)
		}
		return nil
	})
}

// pulls asks about the head of every open pull request about which nobody asked. It keeps
// to half of what GitHub allows in an hour: deliveries need the other half.
func (e *Engine) pulls(ctx context.Context, a pullsArgs) error {
	if b := e.Hub.Budget(a.Installation); b.Limit > 0 && b.Remaining < b.Limit/2 && b.Reset.After(e.World.Now()) {
		return &hub.Later{At: b.Reset, Why: "half of GitHub's limit of requests in an hour is used up"}
	}
	s, err := e.Hub.Open(ctx, a.Installation, a.Repository, hub.ToRead())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	open, err := openPulls(ctx, s)
	if err != nil {
		return err
	}
	f := facts{Installation: a.Installation, Repository: a.Repository, Name: s.FullName()}
	unasked, err := e.unasked(ctx, f, open)
	if err != nil || len(unasked) == 0 {
		return err
	}
	stage, now, err := e.stage(ctx, f)
	if err != nil || stage == gate.NotEnrolled {
		return err
	}
	for _, p := range unasked {
		f.Number, f.SHA = p.GetNumber(), p.GetHead().GetSHA()
		e.Log.Info("a pull request of which no delivery told", "repository", f.Repository, "sha", f.SHA)
		if err := e.Store.Tx(ctx, func(t *store.Tx) error {
			if err := see(ctx, t, now); err != nil {
				return err
			}
			return e.pullNow(ctx, t, f, p, stage)
		}); err != nil {
			return err
		}
	}
	return nil
}

func openPulls(ctx context.Context, s *hub.Session) (all []*github.PullRequest, err error) {
	for o := (&github.PullRequestListOptions{State: "open", ListOptions: github.ListOptions{PerPage: 100}}); ; {
		page, resp, err := s.GitHub.PullRequests.List(ctx, s.Owner, s.Name, o)
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return nil, nil // it has none, or is gone
		}
		if err != nil {
			return nil, fmt.Errorf("list the pull requests of %s: %w", s.FullName(), err)
		}
		all = append(all, page...)
		if o.Page = resp.NextPage; o.Page == 0 {
			return all, nil
		}
	}
}

// unasked are the pull requests about whose heads, and into whose bases, nobody asked.
func (e *Engine) unasked(ctx context.Context, f facts, open []*github.PullRequest) (out []*github.PullRequest, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		out = nil
		for _, p := range open {
			asked, err := asked(ctx, t, f.Repository, p)
			if err != nil {
				return err
			}
			if !asked {
				out = append(out, p)
			}
		}
		return nil
	})
	return out, err
}

func asked(ctx context.Context, t *store.Tx, repository int64, p *github.PullRequest) (bool, error) {
	tip, err := t.TipAt(ctx, repository, p.GetHead().GetSHA())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	all, err := t.Questions(ctx, tip.ID)
	for _, q := range all {
		var body question
		if json.Unmarshal([]byte(q.Body), &body) == nil && body.Pull == p.GetNumber() && body.Event.Target == p.GetBase().GetRef() && q.State != store.Cancelled {
			return true, nil
		}
	}
	return false, err
}
