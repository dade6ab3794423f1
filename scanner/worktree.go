package scanner

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

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
		u := use{origin: FromWorktree, path: f.Path, data: f.Data, change: -1}
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
	return s.Paths(ctx, []Root{{Dir: dir}}, nil)
}

// Root is a folder to scan, and the path under which its files are reported. With
// File only the file of that name in the folder is meant.
type Root struct{ Dir, Path, File string }

// Text is a text that was made of files, as a rendered chart is, and the path
// under which it is reported.
type Text struct {
	Path string
	Data []byte
}

// Paths scans files and folders, and then what make makes of them. Of the latter
// only that is reported which no file shows; make may be nil.
func (s *Scanner) Paths(ctx context.Context, roots []Root, make func() ([]Text, []Skip)) (Result, error) {
	res := Result{Range: Range{Text: "files"}}
	var c coverage
	files := 0
	for _, root := range roots {
		if err := s.root(ctx, root, &c, &res, &files); err != nil && ctx.Err() == nil {
			return Result{}, err
		}
	}
	if make != nil && ctx.Err() == nil {
		if err := s.made(ctx, make, &c, &res); err != nil && ctx.Err() == nil {
			return Result{}, err
		}
	}
	if ctx.Err() != nil {
		c.miss(Skip{Reason: stopped(ctx)})
	}
	res.Coverage = c.report()
	finish(&res, s.opt.Key)
	return res, incomplete(res)
}

func (s *Scanner) root(ctx context.Context, root Root, c *coverage, res *Result, files *int) error {
	visit := func(f gitrepo.WorkFile) error {
		name := path.Join(root.Path, f.Path)
		if reason := s.opt.Exclude(name); reason != "" {
			c.exclude(Skip{Path: name, Reason: reason})
			return nil
		}
		c.count(len(f.Data))
		*files++
		s.opt.Progress(Progress{Stage: "files", Done: *files})
		found, skips, err := s.File(ctx, FromFile, name, "", f.Data)
		s.fileSkips(c, name, skips)
		res.Findings = append(res.Findings, found...)
		return err
	}
	if root.File != "" {
		return s.one(root, c, visit)
	}
	report, err := gitrepo.Files(ctx, root.Dir, s.opt.MaxBlob, visit)
	for i := range report.Missed {
		report.Missed[i].Path = path.Join(root.Path, report.Missed[i].Path)
	}
	for i := range report.Excluded {
		report.Excluded[i].Path = path.Join(root.Path, report.Excluded[i].Path)
	}
	s.workSkips(c, report)
	return err
}

// one reads a single file that the user named.
func (s *Scanner) one(root Root, c *coverage, visit func(gitrepo.WorkFile) error) error {
	f, err := os.Open(filepath.Join(root.Dir, root.File))
	if err != nil {
		c.miss(Skip{Path: path.Join(root.Path, root.File), Reason: reason(err)})
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, s.opt.MaxBlob+1))
	if err != nil {
		c.miss(Skip{Path: path.Join(root.Path, root.File), Reason: reason(err)})
	} else if int64(len(data)) > s.opt.MaxBlob {
		c.skip(Skip{Path: path.Join(root.Path, root.File), Reason: reason(gitrepo.ErrTooLarge)}, s.opt.Named.MaxBlob)
		return nil
	}
	return visit(gitrepo.WorkFile{Path: root.File, Data: data})
}

// made scans texts that were made of the files.
func (s *Scanner) made(ctx context.Context, make func() ([]Text, []Skip), c *coverage, res *Result) error {
	texts, missed := make()
	for _, skip := range missed {
		c.miss(skip)
	}
	shown := newShown(res.Findings)
	for _, text := range texts {
		c.count(len(text.Data))
		found, skips, err := s.File(ctx, FromFile, text.Path, "", text.Data)
		s.fileSkips(c, text.Path, skips)
		for _, f := range found {
			if !shown.has(f) {
				res.Findings = append(res.Findings, f)
				shown.add(f)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shown are the findings of files: the values, and the faults without one by
// their rules and fields.
type shown struct {
	values map[string]bool
	faults map[[2]string]bool
}

func newShown(findings []Finding) shown {
	s := shown{map[string]bool{}, map[[2]string]bool{}}
	for _, f := range findings {
		s.add(f)
	}
	return s
}

func (s shown) add(f Finding) {
	s.values[f.Secret.Reveal()] = true // to compare, not to show
	s.faults[[2]string{f.Rule.ID, f.At.Field}] = true
}

func (s shown) has(f Finding) bool {
	if f.Secret.IsZero() {
		return s.faults[[2]string{f.Rule.ID, f.At.Field}]
	}
	value := f.Secret.Reveal()
	if s.values[value] {
		return true
	}
	for known := range s.values { // base64 in lines shows a part of what a file has whole
		if strings.Contains(known, value) {
			return true
		}
	}
	return false
}

func stopped(ctx context.Context) string {
	return "the scan was stopped: " + context.Cause(ctx).Error()
}
