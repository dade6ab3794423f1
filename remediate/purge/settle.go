package purge

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// Standing is where a ref is that a push was to move, of which nobody saw the end.
type Standing struct {
	Ref Change `json:"ref"`
	Now string `json:"now"` // "" when it is gone
	// Took says that the ref is, or is on top of, what the push was to make of it;
	// Stayed that it is, or is on top of, what it was. Neither: nobody can tell.
	Took   bool `json:"took"`
	Stayed bool `json:"stayed"`
}

// ErrUnsettled says that the refs do not tell whether a push was taken.
var ErrUnsettled = errors.New("a push was cut off, and the refs of the remote do not tell what became of it")

// Settle says where the refs of a push are that was cut off, and settles it if
// they tell what became of it. If they do not, because somebody moved them since,
// the error is ErrUnsettled, and an operator has to say it: taken, and why. It is
// safe to be wrong: who says that a push was taken has it verified, who says that
// it was not has it planned anew, each ref leased; bundles stay.
func (e *Engine) Settle(ctx context.Context, digest string, taken *bool, why string) ([]Standing, error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := e.ours(m); err != nil {
		return nil, err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	if p.last != pushing && p.last != returning {
		return nil, errors.New("no push of it was cut off: there is nothing to settle")
	}
	refs, _, err := e.settle(ctx, digest, p)
	if !errors.Is(err, ErrUnsettled) || taken == nil {
		return refs, err
	}
	if why == "" {
		return refs, errors.New("the journal needs a reason")
	}
	return refs, e.note(ctx, digest, p.ending(*taken), map[string]any{"said_by": e.Actor, "why": why, "refs": refs})
}

// settle finds out whether a push was taken, or one that was to undo it. The refs
// moved all at once, so one of them tells. Somebody may have moved on from there:
// then the history says from where.
func (e *Engine) settle(ctx context.Context, digest string, p past) ([]Standing, bool, error) {
	refs, err := e.standing(ctx, p.sent())
	if err != nil {
		return nil, false, err
	}
	took, stayed := count(refs)
	if took+stayed == 0 {
		if err := e.descend(ctx, refs); err != nil {
			return refs, false, fmt.Errorf("look where the refs come from: %w", err)
		}
		took, stayed = count(refs)
	}
	if (took == 0) == (stayed == 0) {
		return refs, false, fmt.Errorf("%w: %d of %d refs say that it was taken, %d that it was not; "+
			"leakgate rewrite settle %s shows them, and takes your word for it", ErrUnsettled, took, len(refs), stayed, digest)
	}
	return refs, took > 0, e.note(ctx, digest, p.ending(took > 0), map[string]any{"refs": refs})
}

// sent is the map of the push that was sent last.
func (p past) sent() []Change {
	if p.last != returning {
		return p.moved
	}
	return reversed(p.moved)
}

func reversed(changes []Change) []Change {
	out := make([]Change, 0, len(changes))
	for _, c := range changes {
		out = append(out, Change{Name: c.Name, Old: c.New, New: c.Old})
	}
	return out
}

// ending is the event that ends what the journal began.
func (p past) ending(taken bool) string {
	switch {
	case p.last == returning && taken:
		return returned
	case p.last == returning:
		return stayed
	case taken:
		return pushed
	}
	return refused
}

func count(refs []Standing) (took, stayed int) {
	for _, r := range refs {
		switch {
		case r.Took && !r.Stayed:
			took++
		case r.Stayed && !r.Took:
			stayed++
		}
	}
	return took, stayed
}

// standing tells of each ref whether it is at its new place or at its old one.
func (e *Engine) standing(ctx context.Context, sent []Change) ([]Standing, error) {
	a, err := e.Remote.Writable(ctx)
	if err != nil {
		return nil, err
	}
	now := whereIs(a)
	out := make([]Standing, 0, len(sent))
	for _, c := range sent {
		out = append(out, Standing{Ref: c, Now: now[c.Name], Took: now[c.Name] == c.New, Stayed: now[c.Name] == c.Old})
	}
	return out, nil
}

func whereIs(a *wire.Advert) map[string]string {
	now := make(map[string]string, len(a.Refs))
	for _, ref := range a.Refs {
		now[ref.Name] = ref.ID.String()
	}
	return now
}

// descend fetches the remote and tells of each ref whether what it is now is on
// top of its new place or of its old one.
func (e *Engine) descend(ctx context.Context, refs []Standing) error {
	work, remove, err := e.workplace()
	if err != nil {
		return err
	}
	defer remove()
	dir := filepath.Join(work, "mirror.git")
	a, err := e.Remote.Mirror(ctx, dir, nil)
	if err != nil {
		return err
	}
	repo, err := gitrepo.Open(dir)
	if err != nil {
		return err
	}
	defer repo.Close()
	now := whereIs(a)
	for i := range refs {
		r := &refs[i]
		r.Now = now[r.Ref.Name]
		if r.Took, err = onTopOf(repo, r.Now, r.Ref.New); err != nil {
			return err
		}
		if r.Stayed, err = onTopOf(repo, r.Now, r.Ref.Old); err != nil {
			return err
		}
	}
	return nil
}

// onTopOf reports whether one is the other, or a commit that descends from it.
func onTopOf(repo *gitrepo.Repo, now, before string) (bool, error) {
	if now == "" || before == "" || now == before {
		return now == before, nil
	}
	ids := [2]gitrepo.ID{}
	for i, text := range []string{now, before} {
		id, err := gitrepo.ParseID(text)
		if err != nil {
			return false, err
		}
		if !repo.Has(id) {
			return false, nil
		}
		to, kind, err := repo.NewReader(1 << 20).Peel(id)
		if err != nil || kind != gitrepo.TypeCommit {
			return false, err
		}
		ids[i] = to
	}
	bases, err := repo.MergeBases(ids[0], ids[1])
	return len(bases) == 1 && bases[0] == ids[1], err
}
