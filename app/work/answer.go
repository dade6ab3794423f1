package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"
	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/command"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// answerArgs are a delivery by which somebody asks for something.
type answerArgs struct {
	GUID string `json:"guid"`
}

func (answerArgs) Kind() string { return "answer" }

func (answerArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueScan} }

type answerer struct {
	river.WorkerDefaults[answerArgs]
	e *Engine
}

func (*answerer) Timeout(*river.Job[answerArgs]) time.Duration { return 40 * time.Minute }

func (w *answerer) Work(ctx context.Context, job *river.Job[answerArgs]) error {
	return w.e.settle(ctx, "answer", w.e.answer(ctx, job.Args.GUID))
}

// buttons are the commands of the buttons of a check run.
var buttons = map[string]string{report.ButtonRecheck: command.Recheck, report.ButtonFix: command.Fix, report.ButtonNotSecret: command.FalsePositive}

// request is what somebody asks for, as GitHub tells it now.
type request struct {
	command.Command
	by      string
	account int64  // whose login that is
	marker  string // of the answer
	wrong   error  // how it should have been written
	pull    *github.PullRequest
}

// toAnswer is what answering needs.
func toAnswer() hub.Permissions { return hub.Permissions{"contents": "read", "pull_requests": "write"} }

// answer does what a comment or a button asks for, when whoever asks may.
func (e *Engine) answer(ctx context.Context, guid string) (err error) {
	d, f, err := e.kept(ctx, guid)
	if err != nil {
		return err
	}
	ctx, end := e.span(under(ctx, f.Trace), "answer", f.attributes(d)...)
	defer func() { end(err) }()
	stage, _, err := e.stage(ctx, f)
	if err != nil || stage < gate.Warning {
		return err
	}
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, toAnswer())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	q, asked, err := e.request(ctx, s, f)
	if err != nil || !asked {
		return err
	}
	allowed, err := s.May(ctx, q.by, q.Role())
	if err != nil {
		return err
	}
	if !allowed && !(q.Own() && strings.EqualFold(q.by, q.pull.GetUser().GetLogin())) {
		e.Log.Info("a command of somebody who may not", "delivery", d.GUID, "verb", q.Verb)
		return nil // an answer would let everybody make us write
	}
	f.Number, f.SHA, f.Name = q.pull.GetNumber(), q.pull.GetHead().GetSHA(), s.FullName()
	e.Log.Info("command", "delivery", d.GUID, "verb", q.Verb, "repository", f.Repository, "sha", f.SHA)
	if q.wrong == nil && q.Verb == command.Recheck {
		return e.recheck(ctx, f, q.pull, stage)
	}
	if q.wrong == nil && q.Verb == command.Fix && e.Fix != nil {
		return e.Store.Tx(ctx, func(t *store.Tx) error { _, err := e.enqueue(ctx, t, remediateArgs{GUID: guid}); return err })
	}
	text, err := e.reply(ctx, f, q, stage)
	if err != nil {
		return err
	}
	return s.PutComment(ctx, f.Number, q.marker, q.marker+"\n"+text, false)
}

// request reads what was asked for again: the comment as it is now, and its author, or the
// pull request of the check run whose button was pressed.
func (e *Engine) request(ctx context.Context, s *hub.Session, f facts) (q request, asked bool, err error) {
	if f.Button != "" {
		q.Verb, q.by, q.marker = buttons[f.Button], f.By, fmt.Sprintf("<!-- leakgate:button %s %.40s -->", f.Button, f.SHA)
		if f.Number, err = e.pullOf(ctx, f); err != nil || f.Number == 0 {
			return q, false, err
		}
	} else {
		c, err := s.Comment(ctx, f.Comment)
		if gone(err) {
			return q, false, nil
		}
		if err != nil {
			return q, false, fmt.Errorf("read the comment: %w", err)
		}
		q.by, q.marker = c.User.Login, fmt.Sprintf("<!-- leakgate:answer %d -->", f.Comment)
		if q.Command, asked, q.wrong = command.Parse(c.Body); !asked || c.User.Type == "Bot" {
			return q, false, nil
		}
	}
	p, _, err := s.GitHub.PullRequests.Get(ctx, s.Owner, s.Name, f.Number)
	if gone(err) {
		return q, false, nil
	}
	if err != nil {
		return q, false, fmt.Errorf("read pull request %d: %w", f.Number, err)
	}
	// What GitHub says of the base is as old as the last push to the pull request.
	tip, _, err := s.GitHub.Repositories.GetBranch(ctx, s.Owner, s.Name, p.GetBase().GetRef(), 1)
	if err == nil {
		p.Base.SHA = tip.GetCommit().SHA
	}
	q.pull = p
	return q, err == nil, err
}

func gone(err error) bool {
	refused, is := errors.AsType[*github.ErrorResponse](err)
	return is && refused.Response.StatusCode == http.StatusNotFound
}

// pullOf finds the pull request of a check run by our own questions: GitHub does not name
// those of forks.
func (e *Engine) pullOf(ctx context.Context, f facts) (number int, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		tip, err := t.TipAt(ctx, f.Repository, f.SHA)
		if err != nil {
			return err
		}
		all, err := t.Questions(ctx, tip.ID)
		for _, q := range all {
			var body question
			if json.Unmarshal([]byte(q.Body), &body) == nil && body.Pull > number {
				number = body.Pull
			}
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return number, err
}

// recheck has the head judged anew, or for the first time.
func (e *Engine) recheck(ctx context.Context, f facts, p *github.PullRequest, stage gate.Stage) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if _, err := t.TipAt(ctx, f.Repository, f.SHA); errors.Is(err, store.ErrNotFound) {
			return e.pullNow(ctx, t, f, p, stage)
		}
		f.ExternalID = ""
		return e.again(ctx, t, f, p)
	})
}

// mayRecheck asks GitHub whether whoever pressed our button may. GitHub's own, Re-run, is
// shown to nobody else.
func (e *Engine) mayRecheck(ctx context.Context, f facts) (bool, error) {
	if f.Button == "" {
		return true, nil
	}
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, hub.ToRead())
	if err != nil {
		return false, err
	}
	defer e.close(ctx, s)
	return s.May(ctx, f.By, command.Command{Verb: command.Recheck}.Role())
}

// exceptionDays is how long an exception holds that nobody gave another end.
const exceptionDays = 90

// reply is the text of an answer.
func (e *Engine) reply(ctx context.Context, f facts, q request, stage gate.Stage) (text string, err error) {
	switch {
	case q.wrong != nil:
		return "I did not understand that: " + q.wrong.Error() + "\n", nil
	case q.Verb == command.Fix:
		return nobody, nil
	case q.Credential == "":
		return "If one of these is no secret, say so with its id from the check run, and why:\n\n`/leakgate false-positive LG-… REASON`\n", nil
	}
	tip, body := f.asked(q, stage)
	target := q.pull.GetBase().GetRef()
	err = e.look(ctx, tip, body, func(_ *hub.Session, p *report.Posting) error {
		found := false
		if q.Verb == command.Explain {
			text, found = p.Explain(q.Credential)
		} else if text, found = p.Exception(q.Credential, q.Reason, "@"+q.by, e.World.Now().AddDate(0, 0, exceptionDays)); found {
			text = "To accept it, add this to `" + gate.PolicyFile + "` of `" + strings.ReplaceAll(target, "`", "") + "`. Whoever merges that decides; then `/leakgate recheck` here.\n\n```yaml\n" + text + "```\n"
		}
		if !found {
			text = "This head has no credential of that id. It may be gone, or allowed already; `/leakgate recheck` looks again.\n"
		}
		return nil
	})
	return text, err
}
