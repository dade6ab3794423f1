package scanner

import (
	"context"
	"errors"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// submodule is the reason for which a submodule is excluded, wherever it is met.
const submodule = "submodule: not followed"

// worktree searches the files that differ from the index, and what git calls a
// conflict: each side of it.
func (a *attributor) worktree(entries []gitrepo.IndexEntry) error {
	staged := make(map[string]gitrepo.ID, len(entries))
	for _, e := range entries {
		staged[e.Path] = e.ID
	}
	opts := gitrepo.WorkOptions{
		IndexTime: a.r.repo.IndexTime(), Limit: a.r.s.opt.MaxBlob,
		Untracked: a.r.req.Untracked, Excludes: a.r.req.Ignore,
	}
	report, err := gitrepo.Worktree(a.r.ctx, a.r.repo.WorkDir(), entries, a.r.repo.HashSize(), opts, func(f gitrepo.WorkFile) error {
		if !a.wanted(f.Path, f.Mode) {
			return nil
		}
		u := use{origin: FromWorktree, path: f.Path, data: f.Data}
		if !f.Staged.ID.IsZero() && !f.Staged.IntentToAdd && fileType(f.Staged.Mode) == fileType(f.Mode) {
			u.olds = []gitrepo.ID{f.Staged.ID}
		}
		return a.judgeLocal(u)
	})
	a.r.s.workSkips(&a.r.coverage, report)
	if err != nil && a.r.ctx.Err() == nil {
		a.r.coverage.miss(Skip{Reason: "the working tree cannot be read: " + reason(err)})
		return nil
	}
	return err
}

// workSkips files what a walk over a folder did not visit.
func (s *Scanner) workSkips(c *coverage, report gitrepo.WorkReport) {
	for _, m := range report.Missed {
		tooLarge := errors.Is(m.Reason, gitrepo.ErrTooLarge)
		c.skip(Skip{Path: m.Path, Reason: reason(m.Reason)}, tooLarge && s.opt.Named.MaxBlob)
	}
	for _, x := range report.Excluded {
		reason := x.Reason.Error()
		if errors.Is(x.Reason, gitrepo.ErrSubmodule) {
			reason = submodule
		}
		c.exclude(Skip{Path: x.Path, Reason: reason})
	}
}

// Folder scans the files below dir, whatever git says of them.
func (s *Scanner) Folder(ctx context.Context, dir string) (Result, error) {
	res := Result{Range: Range{Text: "files"}}
	var c coverage
	files := 0
	report, err := gitrepo.Files(ctx, dir, s.opt.MaxBlob, func(f gitrepo.WorkFile) error {
		if reason := s.opt.Exclude(f.Path); reason != "" {
			c.exclude(Skip{Path: f.Path, Reason: reason})
			return nil
		}
		c.count(len(f.Data))
		files++
		s.opt.Progress(Progress{Stage: "files", Done: files})
		found, skips, err := s.File(ctx, FromFile, f.Path, "", f.Data)
		s.fileSkips(&c, f.Path, skips)
		res.Findings = append(res.Findings, found...)
		return err
	})
	if err != nil && ctx.Err() == nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		c.miss(Skip{Reason: stopped(ctx)})
	}
	s.workSkips(&c, report)
	res.Coverage = c.report()
	finish(&res, s.opt.Key)
	return res, incomplete(res)
}

func stopped(ctx context.Context) string {
	return "the scan was stopped: " + context.Cause(ctx).Error()
}
