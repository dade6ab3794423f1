package purge

import (
	"context"
	"errors"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// complete fills in what a proposal that is there did at the tip: from the journal or, where
// the run that made it was cut off before it wrote that down, by making its commit again.
// The same plan on the same commit gives the same one, so its id proves the list; a branch is
// anybody's, and what its message says is not taken for it.
func (e *Engine) complete(ctx context.Context, m *Manifest, digest string, p *Proposal, before *gitrepo.Repo, dir string) error {
	known, err := e.mended(ctx, digest)
	if err != nil {
		return err
	}
	if known != nil {
		p.Mended = *known
		return nil
	}
	first, base, err := introduced(before.NewReader(8<<20), p.Commit, Path(digest))
	if err != nil || base.IsZero() {
		p.Untold = err == nil
		return err
	}
	r, err := e.Rewriter.Rewrite(ctx, dir)
	if err != nil {
		return err
	}
	if r.Spec != m.Spec {
		return errOtherSpec
	}
	for _, plain := range []bool{e.Plain, !e.Plain} {
		made, commit, err := again(m, digest, r, before, dir, base, plain)
		if err != nil {
			return err
		}
		if commit == first {
			p.Mended = made
			return e.note(ctx, digest, proposed, p)
		}
	}
	p.Untold = true
	return nil
}

// again makes the commit of a proposal on the commit that it was made on.
func again(m *Manifest, digest string, r *Rewritten, before *gitrepo.Repo, dir string, base gitrepo.ID, plain bool) (Mended, gitrepo.ID, error) {
	after, err := gitrepo.Open(dir)
	if err != nil {
		return Mended{}, gitrepo.ID{}, err
	}
	defer after.Close()
	f := &fix{manifest: m, before: before, after: after.NewReader(32 << 20), base: base, clean: base, dropped: r.Dropped, several: r.Several, plain: plain}
	for _, move := range r.Moves {
		if move.Old == base {
			f.clean = move.New
		}
	}
	_, commit, err := f.write(Path(digest))
	return f.mended, commit, err
}

// farBack is how many commits people may have put on a proposal.
const farBack = 1000

// introduced is the commit by which a file came in, and the one before it; zero when there is
// none among the last ones.
func introduced(rd *gitrepo.Reader, tip, path string) (first, base gitrepo.ID, err error) {
	at, err := gitrepo.ParseID(tip)
	for n := 0; err == nil && n < farBack; n++ {
		var c, parent *gitrepo.Commit
		if c, err = rd.Commit(at); err != nil || len(c.Parents) == 0 {
			break
		}
		next := c.Parents[0]
		if parent, err = rd.Commit(next); err != nil {
			break
		}
		if _, err = rd.Lookup(parent.Tree, path); errors.Is(err, gitrepo.ErrNoPath) {
			return at, next, nil
		}
		at = next
	}
	return gitrepo.ID{}, gitrepo.ID{}, err
}
