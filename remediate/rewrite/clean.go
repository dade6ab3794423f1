package rewrite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Clean lets a local repository forget what its refs do not reach: reflogs, but
// that of the stash, and unreachable objects. After it there is no way back but a bundle.
func Clean(ctx context.Context, repo *gitrepo.Repo) error {
	g := git{repo.GitDir()}
	kept, err := filepath.Glob(filepath.Join(repo.CommonDir(), "objects", "pack", "*.keep"))
	if err != nil || len(kept) > 0 {
		return errors.Join(err, fmt.Errorf("%d packs are marked to be kept whatever is in them: remove %s/objects/pack/*.keep", len(kept), repo.CommonDir()))
	}
	if err := forget(repo); err != nil {
		return err
	}
	_, err = g.run(ctx, nil, "-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now",
		"-c", "gc.refs/stash.reflogExpire=never", "-c", "gc.refs/stash.reflogExpireUnreachable=never", "reflog", "expire", "--all")
	if err == nil {
		_, err = g.run(ctx, nil, "-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never", "gc", "--quiet", "--prune=now")
	}
	return err
}

// drafts are files in which git leaves what it fetched, or what somebody wrote last.
var drafts = []string{"FETCH_HEAD", "ORIG_HEAD", "COMMIT_EDITMSG", "TAG_EDITMSG", "NOTES_EDITMSG", "EDIT_DESCRIPTION"}

// forget removes the drafts of every working tree, and what git rerere keeps.
func forget(repo *gitrepo.Repo) error {
	dirs, err := filepath.Glob(filepath.Join(repo.CommonDir(), "worktrees", "*"))
	if err != nil {
		return err
	}
	for _, dir := range append(dirs, repo.CommonDir(), repo.GitDir()) {
		if err := os.RemoveAll(filepath.Join(dir, "rr-cache")); err != nil { // conflicts with both sides, as files
			return err
		}
		for _, name := range drafts {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Unseen says what no search finds, for whoever reads that nothing is left.
const Unseen = "Not looked for: values that are encrypted or hashed, split over several strings, in base32, base58 or another encoding that the manual " +
	"does not list, in base64 more than three times, within other encodings of encodings, or compressed with anything but gzip or zip and then in base64."

// Residue is what still holds a value, anywhere in a repository's objects.
type Residue struct {
	Blobs, Trees, Commits, Tags []gitrepo.ID
	Archives                    Archives
}

// Any reports whether there is any.
func (r *Residue) Any() bool {
	return len(r.Blobs)+len(r.Trees)+len(r.Commits)+len(r.Tags)+len(r.Archives.Tainted) > 0
}

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
	refs, err := s.readRefs()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.reach(refs.commits, byRefs), s.reach(refs.notes, byNotes)); err != nil {
		return nil, err
	}
	forest, err := s.searchTrees(ctx)
	if err != nil {
		return nil, err
	}
	needed, err := s.needed(refs)
	if err == nil {
		err = s.complete(forest, needed)
	}
	if err != nil {
		return nil, err
	}
	r := &Residue{Blobs: s.found, Archives: s.archives}
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
