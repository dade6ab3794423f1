package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// verdict is what a question came to, as it is kept: texts that may be shown.
type verdict struct {
	Conclusion string       `json:"conclusion"`
	Check      report.Check `json:"check"`
	Pull       int          `json:"pull,omitempty"`    // at which the comment stands
	Comment    string       `json:"comment,omitempty"` // "" for none
	Quiet      bool         `json:"quiet,omitempty"`   // the comment need not be made
}

// scan answers a question.
func (e *Engine) scan(ctx context.Context, id int64, attempt int) (err error) {
	q, tip, wanted, err := e.begin(ctx, id)
	if err != nil || !wanted {
		return err
	}
	var body question
	if err := json.Unmarshal([]byte(q.Body), &body); err != nil {
		return err
	}
	ctx, end := e.span(under(ctx, body.Trace), "scan", attribute.Int64("leakgate.question", id), attribute.Int64("leakgate.tip", tip.ID),
		attribute.Int64("leakgate.installation", tip.Installation), attribute.Int64("leakgate.repository", tip.Repository), attribute.Int("leakgate.attempt", attempt))
	defer func() { end(err) }()
	v, found, err := e.judge(ctx, tip, body)
	if errors.Is(err, hub.ErrGone) {
		return errors.Join(err, e.abandon(ctx, q, tip), e.Mirrors.Drop(ctx, tip.Repository))
	}
	if err != nil && attempt%dropEvery == 0 && ctx.Err() == nil {
		err = errors.Join(err, e.Mirrors.Drop(ctx, tip.Repository))
	}
	if err != nil && (ctx.Err() != nil || attempt < patientAttempts && !inspect.IsBroken(err) && !errors.Is(err, hub.ErrBrokenPolicy)) {
		return err
	}
	if _, later := hub.AsLater(err); later || errors.Is(err, mirror.ErrInUse) {
		return err
	}
	if err != nil { // it was tried for long enough: people are told why
		e.Log.Warn("a question cannot be answered", "sha", tip.SHA, "error", inspect.Clean(err.Error()))
		v = incomplete(err)
	}
	return e.conclude(ctx, q, v, found)
}

// patientAttempts is after how many people are told that a scan does not work, instead of
// trying again: some ten minutes. While GitHub is away, attempts are not counted.
const patientAttempts = 15

// dropEvery is at which attempts the mirror is made anew: it may be what is wrong.
const dropEvery = 3

// begin has a question answered by us. It is not wanted when it was answered or cancelled.
func (e *Engine) begin(ctx context.Context, id int64) (q store.Question, tip store.Tip, wanted bool, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		if q, err = t.Question(ctx, id); errors.Is(err, store.ErrNotFound) { // nobody asks it any more
			return nil
		}
		if err != nil {
			return err
		}
		if tip, err = t.TipByID(ctx, q.Tip); err != nil {
			return err
		}
		if wanted, err = t.Begin(ctx, id); err != nil || !wanted || q.State == store.Running {
			return err
		}
		return e.tell(ctx, t, tip.ID)
	})
	return q, tip, wanted, err
}

// conclude keeps an answer, what was found, and the job that tells of it, unless nobody
// waits for it.
func (e *Engine) conclude(ctx context.Context, q store.Question, v verdict, found places) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	kept := false
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		if kept, err = t.Conclude(ctx, q.ID, string(text)); err != nil || !kept {
			return err
		}
		if err := found.record(ctx, t); err != nil {
			return err
		}
		return e.tell(ctx, t, q.Tip)
	})
	if err == nil && kept {
		e.Count(v.Conclusion)
		trace.SpanFromContext(ctx).SetAttributes(attribute.String("leakgate.conclusion", v.Conclusion))
		e.Log.Info("verdict", "question", q.ID, "tip", q.Tip, "conclusion", v.Conclusion)
	}
	return err
}

// abandon cancels a question about a repository that we do not reach any more. Where another
// installation reaches it by now, that one is asked.
func (e *Engine) abandon(ctx context.Context, q store.Question, asked store.Tip) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if tip, err := t.TipByID(ctx, q.Tip); err == nil && tip.Installation != asked.Installation {
			return fmt.Errorf("%w: the repository is reached by installation %d now", store.ErrBusy, tip.Installation)
		}
		return t.Abandon(ctx, q.ID)
	})
}

// incomplete is the answer where none could be had: never success.
func incomplete(err error) verdict {
	why := inspect.Clean(err.Error())
	return verdict{Conclusion: report.ActionRequired, Check: report.Check{
		Title:   clip("Scan incomplete: "+why, 250),
		Summary: "The scan could not be done, so nothing is known about these commits.\n\n```\n" + fence(clip(why, 4000)) + "\n```\n",
	}}
}

// judge answers a question by what people will see, and by what is kept.
func (e *Engine) judge(ctx context.Context, tip store.Tip, body question) (v verdict, found places, err error) {
	err = e.look(ctx, tip, body, func(s *hub.Session, p *report.Posting) error {
		key, err := e.World.Key.For(s.Account)
		if err != nil {
			return err
		}
		found = placesOf(seen(s), key, p)
		v = verdict{Conclusion: p.Conclusion(), Check: p.Check()}
		if body.Pull > 0 && !p.App.NoComment {
			v.Pull, v.Comment, v.Quiet = body.Pull, p.Comment(), p.Quiet()
		}
		v.Check.Summary += e.alerts(ctx, tip, body, p.Report)
		return nil
	})
	return v, found, err
}

// look fetches what a question needs, asks it, and hands the answer on while it can be read.
func (e *Engine) look(ctx context.Context, tip store.Tip, body question, use func(*hub.Session, *report.Posting) error) error {
	o, err := e.open(ctx, tip.Installation, tip.Repository)
	if err != nil {
		return err
	}
	defer e.close(ctx, o.Session)
	return e.Mirrors.Use(ctx, o.origin, func(m *mirror.Mirror) error {
		if err := e.fetch(ctx, m, tip, body); err != nil {
			return err
		}
		r, err := e.inspectIn(ctx, o.world, m, body.Event, o.above)
		if err != nil {
			return err
		}
		r.Repository = e.Hub.Server.Web + o.FullName()
		return e.posting(ctx, m, o.Session, body, r, use)
	})
}

// opened is a repository that can be read, and by whose policy and key it is judged.
type opened struct {
	*hub.Session
	origin mirror.Origin
	above  gate.Organisation
	world  inspect.World
}

// open opens a repository for a job, which closes the session.
func (e *Engine) open(ctx context.Context, installation, repository int64) (o opened, err error) {
	if o.Session, err = e.Hub.Open(ctx, installation, repository, hub.ToRead()); err != nil {
		return o, err
	}
	if err := e.prepare(ctx, installation, &o); err != nil {
		e.close(ctx, o.Session)
		return o, err
	}
	return o, nil
}

func (e *Engine) prepare(ctx context.Context, installation int64, o *opened) error {
	url, err := o.CloneURL()
	if err != nil {
		return err
	}
	o.origin = mirror.Origin{ID: o.Repository, URL: url, Token: o.Token()}
	above, err := e.organisation(ctx, installation, o.Owner)
	if err != nil {
		return err
	}
	o.above, o.world = above.policy, e.World
	if above.broken != nil {
		return above.broken
	}
	o.world.Key, err = o.world.Key.For(o.Account)
	return err
}

// fetch brings the mirror up to date.
func (e *Engine) fetch(ctx context.Context, m *mirror.Mirror, tip store.Tip, body question) (err error) {
	ctx, end := e.span(ctx, "fetch")
	defer func() { end(err) }()
	if err := m.Refresh(ctx, tip.SHA, body.Event.Head); err != nil {
		return err
	}
	return m.Stand(tip.SHA)
}

// maxPasses is how often a question is asked again with the contents that it lacked
// before: those of the range, those that the lines of findings are held against, and the
// files that judge come one after the other.
const maxPasses = 12

// inspectIn plans the range and asks, as often as contents of files are missing that can be
// fetched.
func (e *Engine) inspectIn(ctx context.Context, world inspect.World, m *mirror.Mirror, event change.Event, above gate.Organisation) (r *report.Report, err error) {
	ctx, end := e.span(ctx, "inspect")
	defer func() { end(err) }()
	for range maxPasses {
		missing := &wanted{}
		plan, err := change.NewPlan(ctx, event, inspect.Question{Path: m.Dir, Organisation: above, Git: gitrepo.Environment{Missing: missing.add}}, m.Git)
		if err != nil {
			return nil, err
		}
		r, err = plan.Ask(ctx, world)
		ids := missing.list()
		if len(ids) == 0 || ctx.Err() != nil {
			return r, err
		}
		n, fetchErr := m.Bring(ctx, ids)
		if fetchErr != nil {
			return nil, fetchErr
		}
		if n == 0 { // the server has none of them either
			return r, err
		}
	}
	return r, errors.Join(err, fmt.Errorf("after %d passes there are still objects missing", maxPasses))
}

// wanted gathers the objects that a pass lacked.
type wanted struct {
	mu   sync.Mutex
	seen map[gitrepo.ID]bool
}

func (w *wanted) add(id gitrepo.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[gitrepo.ID]bool{}
	}
	w.seen[id] = true
}

func (w *wanted) list() []gitrepo.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]gitrepo.ID, 0, len(w.seen))
	for id := range w.seen {
		ids = append(ids, id)
	}
	return ids
}

// posting is a report as people see it.
func (e *Engine) posting(ctx context.Context, m *mirror.Mirror, s *hub.Session, body question, r *report.Report, use func(*hub.Session, *report.Posting) error) error {
	p := &report.Posting{Report: r, Pull: body.Pull, Public: !s.Private && !r.App.PublicDetail, Warning: body.Stage < gate.Enforced, CanFix: e.Fix != nil}
	repo, err := gitrepo.Open(m.Dir)
	if err != nil {
		return err
	}
	defer repo.Close()
	heads, err := inspect.NewHeads(repo, "HEAD")
	if err != nil {
		return err
	}
	p.Line, p.Valid = heads.Line, e.verified(ctx, r)
	return use(s, p)
}
