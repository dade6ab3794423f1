package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/remediate"
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

// ErrTorn says that a remote moved some refs of a push and not the others, although it
// says that pushes are atomic there.
var ErrTorn = errors.New("the remote says that a push moves all refs or none, and moved some")

// Settlement is where the refs of a push are, and what is said of it.
type Settlement struct {
	Refs []Standing
	Of   string // what stands for them, for whoever signs what became of the push; "" when they tell
	Proof
}

// Settle says where the refs of a push are that was cut off, and settles it if
// they tell what became of it; ErrTorn says that some moved and some did not. If they tell
// nothing, because somebody moved them since,
// the error is ErrUnsettled, and an operator has to say it: taken, and why, which approvers
// have signed unless the policy wants none of it (ErrUnproven). It is
// safe to be wrong: who says that a push was taken has it verified, who says that
// it was not has it planned anew, each ref leased; bundles stay.
func (e *Engine) Settle(ctx context.Context, digest string, taken *bool, why string) (*Settlement, error) {
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
	if p.last != pushing && p.last != returning && p.last != torn {
		return nil, errors.New("no push of it was cut off: there is nothing to settle")
	}
	refs, event, err := e.settle(ctx, digest, p)
	s := &Settlement{Refs: refs}
	if err == nil && event == torn {
		return s, tornInto(refs, digest)
	}
	if !errors.Is(err, ErrUnsettled) {
		return s, err
	}
	return s, e.say(ctx, m, p, s, taken, why, err)
}

// say records a word on a push that nobody can tell of, if it is proven. Without a word the
// error stays what it is.
func (e *Engine) say(ctx context.Context, m *Manifest, p past, s *Settlement, taken *bool, why string, unsettled error) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	what := make([]string, 0, len(s.Refs))
	for _, r := range s.Refs {
		what = append(what, fmt.Sprintf("%q is %s, was %s, was to be %s", r.Ref.Name, cmp.Or(r.Now, "gone"), cmp.Or(r.Ref.Old, "none"), cmp.Or(r.Ref.New, "none")))
	}
	if s.Of, err = e.ask(ctx, p, Matter{Plan: digest, About: aboutPush, What: what}); err != nil {
		return err
	}
	if taken == nil {
		return unsettled
	}
	if why == "" {
		return errors.New("the journal needs a reason")
	}
	word := remediate.WordRefused
	if *taken {
		word = remediate.WordTaken
	}
	if s.Proof, err = e.vouched(ctx, m, digest, word, s.Of); err != nil {
		return err
	}
	return e.note(ctx, digest, p.ending(*taken), map[string]any{"said_by": e.Actor, "why": why, "refs": s.Refs, "signed": s.Signed, "unproven": s.Unproven})
}

// settle finds out what became of a push, or of one that was to undo it. Somebody may have
// moved refs on since: then the history says from where. All that tell say the same where
// pushes are atomic. The event is what the journal has of it now.
func (e *Engine) settle(ctx context.Context, digest string, p past) (refs []Standing, event string, err error) {
	if refs, err = e.standing(ctx, p.sent()); err != nil {
		return nil, "", err
	}
	if took, stayed := count(refs); took+stayed < len(refs) {
		if err := e.descend(ctx, refs); err != nil {
			return refs, "", fmt.Errorf("look where the refs come from: %w", err)
		}
	}
	took, stayed := count(refs)
	switch {
	case took+stayed == 0:
		return refs, "", fmt.Errorf("%w: none of %d refs says whether it was taken; "+
			"leakgate rewrite settle %s shows them, and takes what approvers sign", ErrUnsettled, len(refs), digest)
	case took > 0 && stayed > 0:
		if p.last == returning {
			refs = turned(refs)
		}
		event = torn
	default:
		event = p.ending(took > 0)
	}
	if event == p.last {
		return refs, event, nil
	}
	return refs, event, e.note(ctx, digest, event, map[string]any{"refs": refs})
}

// turned sees the refs of a push back as those of the push.
func turned(refs []Standing) []Standing {
	out := make([]Standing, 0, len(refs))
	for _, r := range refs {
		r.Ref.Old, r.Ref.New, r.Took, r.Stayed = r.Ref.New, r.Ref.Old, r.Stayed, r.Took
		out = append(out, r)
	}
	return out
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
