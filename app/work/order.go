package work

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// remediateArgs are a delivery by which somebody who may orders something to be fixed.
type remediateArgs struct {
	GUID string `json:"guid"`
}

func (remediateArgs) Kind() string { return "remediate" }

// InsertOpts: an order that was put in twice, because a job was cut off behind that, is one.
func (remediateArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueScan, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

type remediator struct {
	river.WorkerDefaults[remediateArgs]
	e *Engine
}

func (*remediator) Timeout(*river.Job[remediateArgs]) time.Duration { return 40 * time.Minute }

func (w *remediator) Work(ctx context.Context, job *river.Job[remediateArgs]) error {
	return w.e.settle(ctx, "remediate", w.e.remediate(ctx, job.Args.GUID))
}

// nobody is the answer to an order where none are taken.
const nobody = "Nobody is set up here to fix it. Revoke the credential at its issuer first; `leakgate remediate` plans and does the rest.\n"

// remediate reads the values of an order again, has it taken on, and says what happens now.
func (e *Engine) remediate(ctx context.Context, guid string) error {
	_, f, err := e.kept(ctx, guid)
	if err != nil {
		return err
	}
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, toAnswer())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	q, asked, err := e.request(ctx, s, f)
	if err != nil || !asked && f.Button == "" || q.pull == nil {
		return err
	}
	if allowed, err := s.May(ctx, q.by, q.Role()); err != nil || !allowed { // the role may be gone since
		return err
	}
	f.Number, f.SHA, f.Name = q.pull.GetNumber(), q.pull.GetHead().GetSHA(), s.FullName()
	text, err := e.order(ctx, guid, f, q)
	if err != nil {
		return err
	}
	return s.PutComment(ctx, f.Number, q.marker, q.marker+"\n"+text, false)
}

// order has credentials fixed. What was said to the same order before is said again.
func (e *Engine) order(ctx context.Context, id string, f facts, q request) (said string, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error { said, err = t.Ordered(ctx, id); return err })
	if err != nil || said != "" {
		return said, err
	}
	tip, body := f.asked(q, gate.Enforced)
	err = e.look(ctx, tip, body, func(s *hub.Session, p *report.Posting) error {
		o := Order{ID: id, Installation: s.Installation, Repository: s.Repository, Name: strings.TrimPrefix(strings.TrimPrefix(e.Hub.Server.Web, "https://"), "http://") + s.FullName(),
			Account: s.Account, Private: s.Private, Pull: f.Number, SHA: f.SHA, Credentials: wantedOf(p, q.Credential), By: q.by}
		if len(o.Credentials) == 0 {
			said = "Nothing at this head is left to fix. It may be gone, or allowed already; `/leakgate recheck` looks again.\n"
			return nil
		}
		blob, done, err := e.blobs(s.Repository)
		if err != nil {
			return err
		}
		defer done()
		line, err := e.Fix.Fix(ctx, o, Found{Result: p.Result, Blob: blob})
		said = "<code>" + report.Markdown(line) + "</code>\n"
		return err
	})
	if err != nil {
		return "", err
	}
	return said, e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepOrder(ctx, id, said) })
}

// wantedOf are the credentials of an order: the one that it names, or all that stand out.
func wantedOf(p *report.Posting, named string) (ids []string) {
	for i := range p.Verdict.Findings {
		f := &p.Verdict.Findings[i]
		if f.Credential != "" && report.Stands(f) && (named == "" || f.Credential == named) && !slices.Contains(ids, f.Credential) {
			ids = append(ids, f.Credential)
		}
	}
	return ids
}

// maxBeside is the largest file that is read for what stands beside a value, in bytes.
const maxBeside = 4 << 20

// blobs reads what the mirror of a repository holds, which the caller uses alone.
func (e *Engine) blobs(repository int64) (read func(string) []byte, done func(), err error) {
	repo, err := gitrepo.Open(e.Mirrors.Path(repository))
	if err != nil {
		return nil, nil, fmt.Errorf("open the mirror: %w", err)
	}
	objects := repo.NewReader(maxBeside)
	read = func(id string) []byte {
		blob, err := gitrepo.ParseID(id)
		if err != nil {
			return nil
		}
		o, err := objects.ObjectWithin(blob, maxBeside)
		if err != nil {
			return nil
		}
		return o.Data
	}
	return read, func() { _ = repo.Close() }, nil // it was only read
}

// asked is the question about the pull request that somebody asks something of.
func (f facts) asked(q request, stage gate.Stage) (store.Tip, question) {
	target := q.pull.GetBase().GetRef()
	return store.Tip{Installation: f.Installation, Repository: f.Repository, Name: f.Name, SHA: f.SHA},
		question{Pull: f.Number, Stage: stage, Event: change.Event{Name: "GitHub pull_request", Kind: change.Proposal,
			Head: f.SHA, Base: q.pull.GetBase().GetSHA(), Target: target, Branch: target, Commits: q.pull.GetCommits()}}
}
