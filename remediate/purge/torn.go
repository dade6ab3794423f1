package purge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// end looks where the refs are behind a push and writes down what became of it, whatever
// the remote said: it may have done all and said nothing, or half of what it says.
// Where nobody can tell, the journal stays as it is, and the next run settles it.
func (e *Engine) end(ctx context.Context, digest string, p past, said error) error {
	if said != nil && ctx.Err() != nil {
		return said
	}
	refs, err := e.standing(ctx, p.sent())
	if took, stayed := count(refs); err == nil && said == nil && took+stayed < len(refs) {
		err = e.descend(ctx, refs) // what was left behind may have been moved on
	}
	if err != nil {
		if said == nil {
			said = wire.ErrUnclear
		}
		return fmt.Errorf("%w; look at the refs again: %w", said, err)
	}
	took, stayed := count(refs)
	away := len(refs) - took - stayed // somebody moved them since, or meanwhile
	switch {
	case took == len(refs), said == nil && stayed == 0:
		return e.note(ctx, digest, p.ending(true), p.sent())
	case took > 0 && stayed > 0:
		return e.tear(ctx, digest, p, refs, said)
	case said == nil:
		return fmt.Errorf("%w: it says so, and no ref is at its new place", wire.ErrUnclear)
	case errors.Is(said, wire.ErrUnclear), took > 0, away > 0 && !errors.Is(said, wire.ErrMoved):
		return said
	}
	return errors.Join(said, e.note(ctx, digest, p.ending(false), struct{}{}))
}

// tear writes down that a remote did a part of a push.
func (e *Engine) tear(ctx context.Context, digest string, p past, refs []Standing, said error) error {
	if p.last == returning {
		refs = turned(refs)
	}
	if err := e.note(ctx, digest, torn, map[string]any{"refs": refs}); err != nil {
		return err
	}
	err := tornInto(refs, digest)
	if said != nil { // that nothing has changed is what it claims, and not so
		err = fmt.Errorf("%w; it said: %s", err, strings.TrimPrefix(said.Error(), wire.ErrRefused.Error()+": "))
	}
	return err
}

// tornInto says which refs moved and which did not.
func tornInto(refs []Standing, digest string) error {
	var at, behind []string
	for _, r := range refs {
		switch {
		case r.Took && !r.Stayed:
			at = append(at, readable(r.Ref.Name))
		case r.Stayed && !r.Took:
			behind = append(behind, readable(r.Ref.Name))
		}
	}
	return fmt.Errorf("%w: %d of %d are rewritten (%s), %d are as before (%s); leakgate rewrite apply %s moves those too, rollback takes the others back",
		ErrTorn, len(at), len(refs), few(at), len(behind), few(behind), digest)
}

func few(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

// moved are the changes that a remote did of those that it was to do.
func moved(refs []Standing) (out []Change) {
	for _, r := range refs {
		if r.Took && !r.Stayed {
			out = append(out, r.Ref)
		}
	}
	return out
}

// finish moves the refs that a push left behind, and no other: each must be where it was
// then. Nothing is kept anew, since the bundle of that push holds where all of them were.
func (e *Engine) finish(ctx context.Context, m *Manifest, digest string, p past, refs []Standing) ([]Change, error) {
	if err := e.admit(ctx, m, digest); err != nil {
		return nil, fmt.Errorf("%w; and: %w", tornInto(refs, digest), err)
	}
	if _, sum, err := digestOf(p.bundle.File); err != nil || sum != p.bundle.SHA256 {
		return nil, errors.Join(fmt.Errorf("%s is not the bundle that was written, so nothing is pushed", p.bundle.File), err)
	}
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	defer remove()
	_, r, err := e.mirror(ctx, work)
	if err != nil {
		return nil, err
	}
	var rest []Change
	var done []string
	for _, s := range refs {
		if s.Stayed && !s.Took {
			rest = append(rest, s.Ref)
		} else {
			done = append(done, s.Ref.Name)
		}
	}
	if err := m.covers(r, done...); err != nil {
		return nil, err
	}
	var now Manifest
	now.fill(r)
	for _, c := range now.Changes {
		if !slices.Contains(rest, c) {
			return nil, fmt.Errorf("%s is not what it was, or becomes something else now, so the rest cannot follow: leakgate rewrite rollback %s, and make a new plan", readable(c.Name), digest)
		}
	}
	if err := e.approved(ctx, m, digest, ""); err != nil { // minutes may have passed
		return nil, err
	}
	return p.moved, e.push(ctx, digest, p.moved, rest, r.Pack)
}
