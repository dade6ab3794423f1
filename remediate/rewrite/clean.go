package rewrite

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Clean lets a local repository forget what its refs do not reach: reflogs, but
// that of the stash, and unreachable objects. After it there is no way back but a bundle.
func Clean(ctx context.Context, repo *gitrepo.Repo) error {
	g := git{repo.GitDir()}
	for _, name := range []string{"FETCH_HEAD", "ORIG_HEAD"} {
		if err := os.Remove(filepath.Join(repo.GitDir(), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	_, err := g.run(ctx, nil, "-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now",
		"-c", "gc.refs/stash.reflogExpire=never", "-c", "gc.refs/stash.reflogExpireUnreachable=never", "reflog", "expire", "--all")
	if err == nil {
		_, err = g.run(ctx, nil, "-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never", "gc", "--quiet", "--prune=now")
	}
	return err
}

// Residue is what still holds a value, anywhere in a repository's objects.
type Residue struct{ Blobs, Trees, Commits, Tags []gitrepo.ID }

// Any reports whether there is any.
func (r *Residue) Any() bool { return len(r.Blobs)+len(r.Trees)+len(r.Commits)+len(r.Tags) > 0 }

// Verify searches every object of a repository, reachable or not.
func Verify(ctx context.Context, repo *gitrepo.Repo, spec *Spec) (*Residue, error) {
	if err := errors.Join(spec.Check(), whole(repo)); err != nil {
		return nil, err
	}
	s, err := newSurvey(repo, newEditor(spec))
	if err != nil {
		return nil, err
	}
	if err := s.search(ctx); err != nil {
		return nil, err
	}
	forest, err := s.searchTrees(ctx)
	if err != nil {
		return nil, err
	}
	r := &Residue{Blobs: s.found}
	for i := range s.commits {
		if s.commits[i].tainted {
			r.Commits = append(r.Commits, s.commits[i].id)
		}
	}
	for id, t := range s.tags {
		if t.tainted {
			r.Tags = append(r.Tags, id)
		}
	}
	for _, level := range forest.levels {
		for _, n := range level {
			if forest.named.has(n) {
				r.Trees = append(r.Trees, s.numbers.ID(n))
			}
		}
	}
	return r, nil
}
