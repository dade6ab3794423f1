package purge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// Proposal is a branch that asks for a rewrite: one commit on the default branch
// that holds references or placeholders where values are there now, and the manifest. Merging
// it rewrites nothing; it lets people review, and ends the leak at the tip.
type Proposal struct {
	Branch string `json:"branch"`
	Base   string `json:"base"`
	Commit string `json:"commit"`
	Mended
}

// Propose pushes the branch. Again, it changes nothing.
func (e *Engine) Propose(ctx context.Context, digest string) (*Proposal, error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(e.ours(m), m.younger(e.Now()), e.Policy.Stopped()); err != nil {
		return nil, err
	}
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	defer remove()
	return e.propose(ctx, m, digest, filepath.Join(work, "mirror.git"))
}

func (e *Engine) propose(ctx context.Context, m *Manifest, digest, dir string) (*Proposal, error) {
	advert, err := e.Remote.Mirror(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	before, err := gitrepo.Open(dir) // as it is without what the rewriter adds
	if err != nil {
		return nil, err
	}
	defer before.Close()
	if p, err := proposedAlready(advert, before, m, digest); err != nil {
		return nil, err
	} else if p != nil {
		return p, e.complete(ctx, m, digest, p, before, dir)
	}
	r, err := e.Rewriter.Rewrite(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := m.covers(r); err != nil {
		return nil, err
	}
	after, err := gitrepo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	base := tipOf(advert)
	if base.IsZero() {
		return nil, errors.New("the remote does not say which branch is its default one")
	}
	f := &fix{manifest: m, before: before, after: after.NewReader(32 << 20), base: base, clean: movedTo(r, advert.Head, base), dropped: r.Dropped,
		several: r.Several, plain: e.Plain}
	pack, commit, err := f.write(Folder + "/" + digest[:16] + ".json")
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	p := &Proposal{Branch: branchOf(digest), Base: advert.Head, Commit: commit.String(), Mended: f.mended}
	return p, e.publish(ctx, digest, p, advert, pack)
}

// proposedAlready is the proposal that is there already, with whatever people added to it;
// nil when there is none.
func proposedAlready(advert *wire.Advert, repo *gitrepo.Repo, m *Manifest, digest string) (*Proposal, error) {
	for _, ref := range advert.Refs {
		if ref.Name != branchOf(digest) {
			continue
		}
		if err := m.standsAt(repo.NewReader(8<<20), ref.ID, digest); err != nil {
			return nil, err
		}
		return &Proposal{Branch: ref.Name, Base: advert.Head, Commit: ref.ID.String()}, nil
	}
	return nil, nil
}

// mended is what the journal says of a proposal that is there; nil when the run that made it
// was cut off before it wrote that down.
func (e *Engine) mended(ctx context.Context, digest string) (*Mended, error) {
	var last *Mended
	entries, err := e.Store.Journal(ctx, digest, digest)
	for _, entry := range entries {
		if entry.Event != proposed {
			continue
		}
		var p Proposal
		if err := json.Unmarshal(entry.Body, &p); err != nil {
			return nil, fmt.Errorf("the journal does not parse: %w", err)
		}
		last = &p.Mended
	}
	return last, err
}

// standsAt reports whether a commit carries the manifest.
func (m *Manifest) standsAt(rd *gitrepo.Reader, commit gitrepo.ID, digest string) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	c, err := rd.Commit(commit)
	if err != nil {
		return err
	}
	file, err := rd.Lookup(c.Tree, Path(digest))
	if err == nil {
		var blob gitrepo.Object
		if blob, err = rd.Object(file.ID); err == nil && bytes.Equal(blob.Data, text) {
			return nil
		}
	}
	if err == nil || errors.Is(err, gitrepo.ErrNoPath) {
		return fmt.Errorf("%s is there and holds something else", branchOf(digest))
	}
	return err
}

// publish pushes the branch, unless it is there.
func (e *Engine) publish(ctx context.Context, digest string, p *Proposal, advert *wire.Advert, pack string) error {
	for _, ref := range advert.Refs {
		if ref.Name != p.Branch {
			continue
		}
		if ref.ID.String() != p.Commit {
			return fmt.Errorf("%s is there and holds something else", p.Branch)
		}
		return nil
	}
	objects, err := os.Open(pack)
	if err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	defer objects.Close()
	updates, err := asUpdates([]Change{{Name: p.Branch, New: p.Commit}})
	if err != nil {
		return err
	}
	if err := e.Remote.Push(ctx, updates, objects); err != nil {
		return err
	}
	e.at("branch sent")
	return e.note(ctx, digest, proposed, p)
}

// branchOf is the branch that asks for a plan.
func branchOf(digest string) string { return "refs/heads/leakgate/rewrite-" + digest[:16] }

func tipOf(a *wire.Advert) gitrepo.ID {
	for _, ref := range a.Refs {
		if ref.Name == a.Head {
			return ref.ID
		}
	}
	return gitrepo.ID{}
}

// movedTo is where a rewrite puts a ref.
func movedTo(r *Rewritten, name string, now gitrepo.ID) gitrepo.ID {
	for _, c := range r.Changes {
		if c.Name != name {
			continue
		}
		if id, err := gitrepo.ParseID(c.New); err == nil {
			return id
		}
	}
	return now
}
