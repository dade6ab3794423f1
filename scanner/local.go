package scanner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// local searches what is not committed: the index against HEAD, and the working
// tree against the index.
func (r *run) local() error {
	if !r.req.Staged && !r.req.Worktree {
		return nil
	}
	index, err := r.repo.Index()
	if err != nil {
		r.coverage.miss(Skip{Reason: reason(err)})
		return nil
	}
	a := r.newAttributor()
	defer a.close()
	if r.req.Staged {
		if err := a.staged(index.Entries); err != nil {
			return err
		}
	}
	if r.req.Worktree && r.repo.WorkDir() != "" {
		return a.worktree(index.Entries)
	}
	return nil
}

// staged searches the entries of the index that HEAD has differently.
func (a *attributor) staged(entries []gitrepo.IndexEntry) error {
	head, err := a.headFiles(len(entries))
	if err != nil {
		a.r.coverage.miss(Skip{Reason: "HEAD cannot be read: " + reason(err)})
	}
	for i, e := range entries {
		if fileType(e.Mode) == typeTree {
			if err := a.stagedFolder(e); err != nil {
				return err
			}
			continue
		}
		was := head[e.Path]
		same := fileType(was.Mode) == fileType(e.Mode)
		if was.ID == e.ID && same || e.IntentToAdd || !a.wanted(e.Path, e.Mode) {
			continue
		}
		u := use{origin: FromStaged, path: e.Path, blob: e.ID, change: -1}
		if same {
			u.olds = []gitrepo.ID{was.ID}
		}
		if err := a.judgeLocal(u); err != nil {
			return err
		}
		a.r.s.opt.Progress(Progress{Stage: "staged", Done: i, Total: len(entries)})
	}
	return nil
}

// stagedFolder searches what is staged in a folder that a sparse checkout leaves
// out of the working tree, and of which the index holds the tree alone.
func (a *attributor) stagedFolder(e gitrepo.IndexEntry) error {
	folder := strings.TrimSuffix(e.Path, "/")
	was, err := a.rd.Lookup(a.r.headTree, folder)
	if err != nil && !errors.Is(err, gitrepo.ErrNoPath) {
		a.r.coverage.miss(Skip{Path: e.Path, Reason: "HEAD cannot be read: " + reason(err)})
	}
	if fileType(was.Mode) != typeTree {
		was.ID = gitrepo.ID{}
	}
	var found error
	err = a.rd.DiffTrees(was.ID, e.ID, func(c gitrepo.Change) error {
		u := use{origin: FromStaged, path: folder + "/" + c.Path, blob: c.New.ID, change: -1}
		if c.New.ID.IsZero() || !a.wanted(u.path, c.New.Mode) {
			return nil
		}
		if old := oldBlob(c); !old.IsZero() {
			u.olds = []gitrepo.ID{old}
		}
		found = a.judgeLocal(u)
		return found
	})
	if err != nil && found == nil {
		a.r.coverage.miss(Skip{Path: e.Path, Reason: "staged folder cannot be read: " + reason(err)})
	}
	return found
}

// headFiles lists the files of HEAD by their paths.
func (a *attributor) headFiles(size int) (map[string]gitrepo.Entry, error) {
	files := make(map[string]gitrepo.Entry, size)
	err := a.rd.DiffTrees(gitrepo.ID{}, a.r.headTree, func(c gitrepo.Change) error {
		files[c.Path] = c.New
		return a.r.ctx.Err()
	})
	return files, err
}

// wanted names what is not followed, and reports whether a path is searched.
func (a *attributor) wanted(path string, mode uint32) bool {
	if fileType(mode) == typeGitlink {
		a.r.coverage.exclude(Skip{Path: path, Reason: submodule})
		return false
	}
	if reason := a.r.s.opt.Exclude(path); reason != "" {
		a.r.coverage.exclude(Skip{Path: path, Reason: reason})
		return false
	}
	return true
}

// judgeLocal searches one staged or changed file.
func (a *attributor) judgeLocal(u use) error {
	if err := a.r.ctx.Err(); err != nil {
		return err
	}
	if u.data == nil {
		o, err := a.rd.ObjectWithin(u.blob, a.r.s.opt.MaxBlob)
		if err != nil {
			tooLarge := errors.Is(err, gitrepo.ErrTooLarge)
			a.r.coverage.skip(u.skip(fmt.Sprintf("%s file cannot be read: %s", u.origin, reason(err))), tooLarge && a.r.s.opt.Named.MaxBlob)
			return nil
		}
		u.data = o.Data
	}
	a.r.coverage.count(len(u.data))
	a.sc.path = u.path
	found, err := a.r.s.sightAll(a.r.ctx, a.sc, u.path, u.data, nil, func(skip unpack.Skip) {
		a.r.coverage.skip(Skip{Path: u.path + skip.Path, Reason: skip.Reason}, skip.Closed || skip.Limit && a.r.s.opt.Named.Archives)
	})
	if err != nil {
		return err
	}
	u.found = found
	findings, err := a.findings(u)
	a.r.found(findings)
	return err
}
