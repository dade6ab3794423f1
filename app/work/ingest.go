package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/store"
)

// Accept implements [hook.Inbox]: a delivery and its job are kept in one transaction, and
// a delivery that was kept before asks for no job.
func (e *Engine) Accept(ctx context.Context, d hook.Delivery) error {
	f, work, err := read(d)
	if err != nil {
		return err
	}
	f.Trace = traceparent(ctx)
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		fresh, err := t.Deliver(ctx, store.Delivery{
			GUID: d.GUID, Event: d.Event, Action: f.Action, Installation: f.Installation, Repository: f.Repository, Facts: string(text),
		})
		if err != nil || !fresh {
			return err
		}
		if !work { // so that what is not handled is what waits
			_, err = t.Handle(ctx, d.GUID)
			return err
		}
		_, err = e.enqueue(ctx, t, ingestArgs{GUID: d.GUID})
		return err
	})
}

// ingest turns a delivery into questions.
func (e *Engine) ingest(ctx context.Context, guid string) (err error) {
	d, f, err := e.kept(ctx, guid)
	if err != nil {
		return err
	}
	ctx, end := e.span(under(ctx, f.Trace), "ingest", f.attributes(d)...)
	defer func() { end(err) }()
	e.Log.Info("delivery", "delivery", guid, "event", d.Event, "action", f.Action, "repository", f.Repository, "sha", f.SHA)
	if d.Event == installationEvent {
		return e.installation(ctx, guid, f)
	}
	if d.Event == reachEvent {
		return e.reach(ctx, guid, f)
	}
	if d.Event == repositoryEvent {
		return e.reintroduce(ctx, guid, f)
	}
	stage, now, err := e.stage(ctx, f)
	if err != nil {
		return err
	}
	pull := 0
	if f.Button != "" {
		if pull, err = e.pullOf(ctx, f); err != nil {
			return err
		}
	}
	act := func(t *store.Tx) error {
		_, err := e.ask(ctx, t, f, f.SHA, f.Subject, question{Event: *f.Event, Stage: stage}, store.Waiting)
		return err
	}
	switch {
	case stage == gate.NotEnrolled: // nobody asked us
		e.Log.Debug("a repository that is not enrolled", "delivery", guid, "repository", f.Repository)
		act = func(*store.Tx) error { return nil }
	case d.Event == "pull_request":
		p, err := e.pull(ctx, &f)
		if err != nil {
			return err
		}
		act = func(t *store.Tx) error { return e.pullNow(ctx, t, f, p, stage) }
	case d.Event == "issue_comment" || buttons[f.Button] != "" && (f.Button != recheck || pull > 0):
		act = func(t *store.Tx) error { _, err := e.enqueue(ctx, t, answerArgs{GUID: guid}); return err }
	case d.Event == alertEvent:
		act = func(t *store.Tx) error {
			_, err := e.enqueue(ctx, t, alertArgs{Installation: f.Installation, Repository: f.Repository, Number: f.Alert})
			return err
		}
	case d.Event == "check_run" || d.Event == "check_suite":
		if allowed, err := e.mayRecheck(ctx, f); err != nil || !allowed {
			return err
		}
		act = func(t *store.Tx) error { return e.again(ctx, t, f, nil) }
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { // a job that was cut off after it does nothing again
		first, err := t.Handle(ctx, guid)
		if err != nil || !first {
			return err
		}
		if err := see(ctx, t, now); err != nil {
			return err
		}
		return act(t)
	})
}

// reintroduce takes over what GitHub says of a repository now.
func (e *Engine) reintroduce(ctx context.Context, guid string, f facts) error {
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, hub.ToKnow())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if _, err := t.Handle(ctx, guid); err != nil {
			return err
		}
		return see(ctx, t, seen(s))
	})
}

// kept is a delivery and what was read of it.
func (e *Engine) kept(ctx context.Context, guid string) (d store.Delivery, f facts, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) (err error) { d, err = t.Delivery(ctx, guid); return err })
	if errors.Is(err, store.ErrNotFound) {
		return d, f, fmt.Errorf("%w: the delivery is not kept any more", errGiveUp)
	}
	if err == nil {
		err = json.Unmarshal([]byte(d.Facts), &f)
	}
	if err == nil {
		f.Installation, err = e.redirected(ctx, f)
	}
	f.kept = d.Received
	return d, f, err
}

// question is the body of a question.
type question struct {
	Event change.Event `json:"event"`
	Pull  int          `json:"pull,omitempty"`
	Stage gate.Stage   `json:"stage"`          // when it was asked
	Left  bool         `json:"left,omitempty"` // the repository went to an account that does not ask
	origin
}

// pull reads a pull request as it is now, whatever the delivery said: it may be late.
func (e *Engine) pull(ctx context.Context, f *facts) (*github.PullRequest, error) {
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, hub.ToRead())
	if err != nil {
		return nil, err
	}
	defer e.close(ctx, s)
	p, resp, err := s.GitHub.PullRequests.Get(ctx, s.Owner, s.Name, f.Number)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%w: pull request %d is not there: %w", errGiveUp, f.Number, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read pull request %d: %w", f.Number, err)
	}
	f.Name = s.FullName()
	return p, nil
}

// close gives the token back. That it could not be is no reason to do a job again.
func (e *Engine) close(ctx context.Context, s *hub.Session) {
	if err := s.Close(ctx); err != nil {
		e.Log.Warn("a token could not be given back and ends by itself", "installation", s.Installation, "error", err)
	}
}

// pullNow asks about a pull request and cancels the questions about what it was before.
func (e *Engine) pullNow(ctx context.Context, t *store.Tx, f facts, p *github.PullRequest, stage gate.Stage) error {
	prefix := fmt.Sprintf("pull/%d/", f.Number)
	head, target := p.GetHead().GetSHA(), p.GetBase().GetRef()
	subject := prefix + target
	if f.SHA != head { // this head was replaced before anybody asked about it
		if _, err := e.ask(ctx, t, f, f.SHA, subject, question{Pull: f.Number, Stage: stage}, store.Cancelled); err != nil {
			return err
		}
	}
	body := question{Pull: f.Number, Stage: stage, Event: change.Event{
		Name: "GitHub pull_request", Kind: change.Proposal, Head: head, Base: p.GetBase().GetSHA(), Target: target, Branch: target, Commits: p.GetCommits(),
	}}
	tip, err := e.ask(ctx, t, f, head, subject, body, store.Waiting)
	if err != nil {
		return err
	}
	old, err := t.Supersede(ctx, tip, prefix, subject)
	if err != nil {
		return err
	}
	for _, q := range old {
		if err := e.drop(ctx, t, q); err != nil {
			return err
		}
	}
	return nil
}

// drop ends the job of a question that was cancelled, and has people told.
func (e *Engine) drop(ctx context.Context, t *store.Tx, q store.Question) error {
	if q.Job != 0 && q.State != store.Done {
		if _, err := e.river.JobCancelTx(ctx, t.Tx, q.Job); err != nil && !strings.Contains(err.Error(), "not found") {
			return fmt.Errorf("cancel the job of an older head: %w", err)
		}
	}
	return e.tell(ctx, t, q.Tip)
}

// ask keeps a question, and with a new one the jobs that answer it and tell of it.
func (e *Engine) ask(ctx context.Context, t *store.Tx, f facts, sha, subject string, body question, state store.Progress) (store.Tip, error) {
	body.origin = from(ctx, f.kept)
	text, err := json.Marshal(body)
	if err != nil {
		return store.Tip{}, err
	}
	tip, err := t.Tip(ctx, store.Tip{Installation: f.Installation, Repository: f.Repository, Name: f.Name, SHA: sha})
	if err != nil {
		return tip, err
	}
	id, fresh, err := t.Ask(ctx, store.Question{Tip: tip.ID, Subject: subject, Body: string(text), State: state})
	if err != nil || !fresh {
		return tip, err
	}
	if state == store.Waiting {
		if err := e.assign(ctx, t, id); err != nil {
			return tip, err
		}
	}
	return tip, e.tell(ctx, t, tip.ID)
}

// assign gives a question a job.
func (e *Engine) assign(ctx context.Context, t *store.Tx, id int64) error {
	job, err := e.enqueue(ctx, t, scanArgs{Question: id})
	if err != nil {
		return err
	}
	return t.Assigned(ctx, id, job)
}

// recheck is the button that asks for another look.
const recheck = "recheck"

// again has every question about a head answered anew, for another check run. A run that
// is told of by another external id than the last one was replaced already.
func (e *Engine) again(ctx context.Context, t *store.Tx, f facts, p *github.PullRequest) error {
	tip, err := t.TipAt(ctx, f.Repository, f.SHA)
	if errors.Is(err, store.ErrNotFound) || err == nil && f.ExternalID != "" && f.ExternalID != externalID(tip) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := t.Anew(ctx, tip.ID)
	if err != nil {
		return err
	}
	for _, q := range all {
		if err := rebase(ctx, t, q, f, p, nil); err != nil {
			return err
		}
		if err := e.assign(ctx, t, q.ID); err != nil {
			return err
		}
	}
	return e.tell(ctx, t, tip.ID)
}

// rebase has a question about a pull request ask by the base as it is now: what was merged
// there since, such as an exception, counts. Who asks anew is whoever asks now, and as
// strictly as another stage says, if there is one.
func rebase(ctx context.Context, t *store.Tx, q store.Question, f facts, p *github.PullRequest, stage *gate.Stage) error {
	var body question
	if err := json.Unmarshal([]byte(q.Body), &body); err != nil {
		return err
	}
	body.origin = from(ctx, f.kept)
	if stage != nil {
		body.Stage = *stage
	}
	if p != nil && body.Pull == p.GetNumber() && body.Event.Target == p.GetBase().GetRef() {
		body.Event.Base = p.GetBase().GetSHA()
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return t.Rephrase(ctx, q.ID, string(text))
}
