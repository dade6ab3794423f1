package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// Run answers a question. The error is a [UsageError], or says why there is
// nothing to report at all; whatever was missed is in the report's verdict.
func Run(ctx context.Context, q Question, w World) (*report.Report, error) {
	r, err := run(ctx, q, w)
	if err != nil {
		return nil, new(quoted).error(err, []byte(err.Error()))
	}
	return r, nil
}

func run(ctx context.Context, q Question, w World) (*report.Report, error) {
	r := &report.Report{Tool: report.Tool{Name: "leakgate", Version: w.Version}, Started: w.Now()}
	a, err := newAnswer(q, w)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if err := a.prepare(); err != nil {
		return nil, err
	}
	result, scanErr := a.scan(ctx)
	if scanErr != nil && !errors.Is(scanErr, scanner.ErrIncomplete) {
		return nil, scanErr
	}
	if scanErr == nil {
		scanErr = a.nothing(result.Coverage)
	}
	r.Result, r.Verdict = result, gate.Decide(a.input(ctx, &result, scanErr))
	r.App = a.rulings.policy.App
	a.rulings.quoted.report(q, r)
	r.Finished = w.Now()
	return r, nil
}

// nothing keeps a scan of nothing from looking clean, where the question lets one
// expect something: an index may well be empty, and so may what a CI or hook asks.
func (a *answer) nothing(c scanner.Coverage) error {
	switch {
	case a.q.What == Range && !a.q.MayBeEmpty && c.Commits == 0:
		return a.emptyRange()
	case a.q.What == Stream && c.Bytes == 0:
		return errors.New("standard input was empty: did the command that writes it fail?")
	case (a.q.What == History || a.q.What == Folder || a.q.What == Manifests) && c.Commits+c.Blobs == 0:
		return errors.New("there was nothing to look at")
	}
	return nil
}

// answer is what is gathered on the way to a report.
type answer struct {
	q        Question
	w        World
	repo     *gitrepo.Repo // nil outside git
	reader   *gitrepo.Reader
	request  scanner.Request
	head     gitrepo.ID // the commit at the end of what is judged
	trust    gitrepo.ID // the commit whose tree is trusted
	trusted  tree
	rulings  rulings
	creation *creation
	scanner  *scanner.Scanner
	files    *manifestFiles // with Manifests
}

func newAnswer(q Question, w World) (*answer, error) {
	a := &answer{q: q, w: w}
	switch q.What {
	case Stream:
		a.trusted = noTree{}
		if q.Path != "" {
			a.trusted = folderTree{q.Path}
		}
		return a, nil
	case Manifests:
		a.trusted = folderTree{q.Path}
		var err error
		a.files, err = findManifests(q.Paths)
		return a, usage(err)
	case Folder:
		if info, err := os.Stat(q.Path); err != nil {
			return nil, usage(err)
		} else if !info.IsDir() {
			return nil, usage(fmt.Errorf("%s is not a folder; leakgate scan - reads a file from standard input", q.Path))
		}
		a.trusted = folderTree{q.Path}
		return a, nil
	}
	repo, err := gitrepo.OpenWith(q.Path, q.Git)
	if err != nil {
		return nil, usageIf(err, gitrepo.ErrNotRepository)
	}
	a.repo, a.reader = repo, repo.NewReader(16<<20)
	return a, nil
}

// usageIf marks an error as the asker's when it is one of these.
func usageIf(err error, sentinels ...error) error {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return usage(err)
		}
	}
	return err
}

func (a *answer) close() {
	if a.repo != nil {
		a.repo.Close()
	}
}

// objects reads the repository that files lie in too: an exception names one of
// its blobs.
func (a *answer) objects() (*gitrepo.Reader, error) {
	if a.reader == nil {
		repo, err := gitrepo.OpenWith(a.q.Path, a.q.Git)
		if err != nil {
			return nil, errors.New("there is no repository to read it from")
		}
		a.repo, a.reader = repo, repo.NewReader(16<<20)
	}
	return a.reader, nil
}

// prepare resolves the revisions and loads policy and rules.
func (a *answer) prepare() error {
	if a.repo != nil {
		if err := a.resolve(); err != nil {
			return err
		}
	}
	rulings, err := loadRulings(a.q, a.trusted)
	if err != nil {
		return err
	}
	a.rulings = rulings
	a.creation = newCreation(a.trusted)
	if _, err := sops.Identities(a.w.SOPSKeys); err != nil { // to say at once what is wrong with them
		return usage(fmt.Errorf("the keys of sops: %w", err))
	}
	a.scanner = scanner.New(a.options())
	return nil
}

func (a *answer) options() scanner.Options {
	p := a.rulings.policy
	opt := scanner.Options{
		Rules: a.rulings.wanted(), Key: a.w.Key, Reference: a.q.Reference, Workers: a.q.Workers, Progress: a.w.Progress,
		Exclude: func(path string) string {
			if p.Excludes(path) {
				return "excluded by the policy"
			}
			return ""
		},
	}
	if !a.q.NoCache {
		opt.Cache, opt.Engine = a.w.Cache, a.w.Engine
	}
	opt.Manifests = a.manifests()
	limit(&opt, p.Limits)
	return opt
}

// limit takes over the limits that a policy names.
func limit(opt *scanner.Options, l gate.Limits) {
	if l.MaxBlob != nil {
		opt.MaxBlob, opt.Named.MaxBlob = *l.MaxBlob, true
	}
	if l.ArchiveDepth != nil {
		opt.Unpack.Depth, opt.Named.Archives = archiveDepth(*l.ArchiveDepth), true
	}
	if l.ArchiveBytes != nil {
		opt.Unpack.Bytes, opt.Named.Archives = *l.ArchiveBytes, true
	}
	if l.DecodeDepth != nil {
		opt.Depth, opt.Named.Depth = archiveDepth(*l.DecodeDepth), true
	}
}

// archiveDepth translates a depth of 0, which a policy means as none, for
// options whose zero value is the default.
func archiveDepth(n int64) int {
	if n == 0 {
		return -1
	}
	return int(n)
}

// scan looks at what the question names.
func (a *answer) scan(ctx context.Context) (scanner.Result, error) {
	switch a.q.What {
	case Stream:
		return a.scanner.Stream(ctx, a.q.Stream, a.q.Name)
	case Manifests:
		return a.scanner.Paths(ctx, a.files.roots, func() ([]scanner.Text, []scanner.Skip) { return a.rendered(ctx) })
	case Folder:
		dir, err := filepath.Abs(a.q.Path)
		if err != nil {
			return scanner.Result{}, usage(err)
		}
		return a.scanner.Folder(ctx, dir)
	}
	return a.scanner.Repository(ctx, a.repo, a.request)
}

// credential is the id of a value, "" for none.
func (a *answer) credential(s secret.Secret) string {
	if s.IsZero() {
		return ""
	}
	return a.w.Key.ID(s)
}

// branches are those that the question names in one way or the other.
func (a *answer) branches() []string {
	if len(a.q.Branches) > 0 {
		return a.q.Branches
	}
	return []string{a.q.Branch}
}

// input is everything the gate needs.
func (a *answer) input(ctx context.Context, result *scanner.Result, scanErr error) gate.Input {
	in := gate.Input{
		Policy: a.rulings.policy, Result: result, Err: scanErr, Now: a.w.Now(),
		Whole: a.q.What == History, Baseline: a.rulings.baseline, Notices: a.notices(ctx), Branches: a.branches(),
		Credential: a.credential,
		Namespace:  func(f scanner.Finding) string { return f.At.Object.Namespace },
		Ignored:    a.rulings.ignored,
		Older:      func(f scanner.Finding) bool { return f.Older },
		Commented:  a.commented(ctx),
	}
	if a.q.What != Stream || a.q.Path != "" {
		in.Values = &places{ctx: ctx, a: a}
	}
	return in
}
