package rewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Options of a run. The zero value writes nothing and signs nothing.
type Options struct {
	Write  bool   // write the new objects; refs stay in any case
	Signer Signer // signs again what was signed; nil: signatures fall
	Notice func(stage string)
}

// Signer signs commits and tags.
type Signer interface {
	// Sign gives the armored signature of a payload.
	Sign(payload []byte) ([]byte, error)
}

// ErrPartial is the error for a clone that does not hold all of its history.
var ErrPartial = errors.New("the clone does not hold all of its history")

// Run finds what spec names in the whole history of a repository and writes
// the objects that are to stand in its place. Objects, refs and options that are
// the same give the same ids on every machine. On an error nothing is left behind.
func Run(ctx context.Context, repo *gitrepo.Repo, spec *Spec, opts Options) (*Result, error) {
	if err := errors.Join(spec.Check(), whole(repo)); err != nil {
		return nil, err
	}
	s, err := newSurvey(repo, newEditor(spec))
	if err != nil {
		return nil, err
	}
	notice := opts.Notice
	if notice == nil {
		notice = func(string) {}
	}
	r, forest, err := s.look(ctx, notice)
	if err != nil {
		return nil, err
	}
	w := &writer{survey: s, forest: forest, ids: map[int32]gitrepo.ID{}, quotes: newQuotes(s.commits), signer: opts.Signer,
		result: &Result{Hash: repo.HashSize(), Submodules: forest.submodules, edit: s.editor.logLine, Tainted: s.found, Archives: s.archives}, reader: repo.NewReader(32 << 20), pack: repo.CountPack()}
	if opts.Write {
		if w.pack, err = repo.NewPack(); err != nil {
			return nil, err
		}
	}
	defer w.pack.Abort()
	w.encoder, w.drop = w.pack.Encoder(), newDropper(w, spec.Drop)
	notice("rewrite")
	if err := w.write(ctx, r); err != nil {
		return nil, err
	}
	if w.result.LFS, err = s.orphans(ctx, r, spec.Drop); err != nil {
		return nil, err
	}
	w.result.Objects, w.result.Bytes = w.pack.Objects(), w.pack.Size()
	w.result.Pack, err = w.pack.Finish()
	return w.result, err
}

// whole refuses clones that lack history: what they lack could hold a value.
func whole(repo *gitrepo.Repo) error {
	switch {
	case len(repo.Shallow()) > 0:
		return fmt.Errorf("%w: it is shallow; git fetch --unshallow brings the rest", ErrPartial)
	case repo.Promisor():
		return fmt.Errorf("%w: it is a partial clone; clone again without --filter", ErrPartial)
	case len(repo.Damage()) > 0:
		return fmt.Errorf("the repository is damaged: %w", errors.Join(repo.Damage()...))
	}
	return nil
}

// look reads the whole repository.
func (s *survey) look(ctx context.Context, notice func(string)) (*refs, *forest, error) {
	notice("search")
	if err := s.search(ctx); err != nil {
		return nil, nil, err
	}
	r, err := s.readRefs()
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(s.reach(r.commits, byRefs), s.reach(r.notes, byNotes)); err != nil {
		return nil, nil, err
	}
	notice("search trees")
	forest, err := s.searchTrees(ctx)
	if err != nil {
		return nil, nil, err
	}
	needed, err := s.needed(r)
	if err == nil {
		err = s.complete(forest, needed)
	}
	if err == nil {
		s.prune(forest, needed)
	}
	return r, forest, err
}

// write writes all new objects.
func (w *writer) write(ctx context.Context, r *refs) error {
	if err := w.blobsAndTrees(ctx); err != nil {
		return err
	}
	order := w.order(byRefs)
	w.newTree = w.plainTree
	if err := w.rewriteAll(ctx, order); err != nil {
		return err
	}
	if err := w.rewriteNotes(ctx); err != nil {
		return err
	}
	if err := w.moveRefs(r); err != nil {
		return err
	}
	for _, i := range append(order, w.order(byNotes)...) {
		n := &w.commits[i]
		to, ok := w.quotes.moved[n.id]
		if !ok {
			to = n.id
		}
		w.result.Commits = append(w.result.Commits, Move{Old: n.id, New: to})
	}
	for _, times := range w.quotes.lost {
		w.result.Quoted += times
	}
	return nil
}

// rewriteAll rewrites those of the commits that change.
func (w *writer) rewriteAll(ctx context.Context, order []int32) error {
	list, err := w.candidates(order)
	if err != nil {
		return err
	}
	return w.rewriteCommits(ctx, list)
}
