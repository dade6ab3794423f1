package work

import (
	"context"
	"errors"
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
	account, allowed, err := s.Who(ctx, q.by, q.Role())
	if err != nil || !allowed { // the role may be gone since
		return err
	}
	q.account = account
	f.Number, f.SHA, f.Name = q.pull.GetNumber(), q.pull.GetHead().GetSHA(), s.FullName()
	if err := e.order(ctx, guid, f, q); err != nil {
		return err
	}
	return e.answerOrder(ctx, s, guid, f.Number, q.marker)
}

// answerOrder says what was said to an order, and what became of it since: this job may
// have been cut off for long.
func (e *Engine) answerOrder(ctx context.Context, s *hub.Session, id string, pull int, marker string) error {
	release, err := e.commenting(ctx, s.Repository, pull)
	if err != nil {
		return err
	}
	defer release()
	var o store.Errand
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { o, err = t.Ordered(ctx, id); return err }); err != nil {
		return err
	}
	return s.PutComment(ctx, pull, marker, marker+"\n"+o.Said+o.Told, false)
}

// order has credentials fixed, and keeps what is said to that. An order that was taken
// before is not taken again.
func (e *Engine) order(ctx context.Context, id string, f facts, q request) error {
	err := e.Store.Tx(ctx, func(t *store.Tx) error { _, err := t.Ordered(ctx, id); return err })
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	var said string
	var kept errand
	tip, body := f.asked(q, gate.Enforced)
	err = e.look(ctx, tip, body, func(s *hub.Session, p *report.Posting) error {
		o := Order{ID: id, Installation: s.Installation, Repository: s.Repository, Name: strings.TrimPrefix(strings.TrimPrefix(e.Hub.Server.Web, "https://"), "http://") + s.FullName(),
			Account: s.Account, Private: s.Private, Pull: f.Number, SHA: f.SHA, Credentials: wantedOf(p, q.Credential), By: q.by, ByAccount: q.account}
		if len(o.Credentials) == 0 {
			said = "Nothing at this head is left to fix. It may be gone, or allowed already; `/leakgate recheck` looks again.\n"
			return nil
		}
		blob, done, err := e.blobs(s.Repository)
		if err != nil {
			return err
		}
		defer done()
		taken, err := e.Fix.Fix(ctx, o, Found{Result: p.Result, Blob: blob})
		said = "<code>" + report.Markdown(taken.Said) + "</code>\n"
		kept = errand{Installation: s.Installation, Repository: s.Repository, Pull: o.Pull, Marker: q.marker, Credentials: o.Credentials, Until: taken.Until}
		return err
	})
	if err != nil {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return keepErrand(ctx, t, id, said, answerOn(f, q), kept) })
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
