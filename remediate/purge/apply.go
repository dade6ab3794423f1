package purge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// Apply moves the refs of the remote to their new history, all or none, if the
// plan is approved and still true. Again after that, it does nothing. After a run
// that was cut off it finds out from the remote what became of it. It says which
// refs moved.
func (e *Engine) Apply(ctx context.Context, digest string) (moved []Change, err error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return nil, err
	}
	defer release()
	if err := e.restoreAll(ctx, digest); err != nil {
		return nil, err
	}
	defer e.finally(ctx, digest, &err)
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	switch p.last {
	case pushed, verified, stayed:
		return p.moved, nil
	case returned:
		return nil, errors.New("the rewrite was rolled back: make a new plan")
	case returning:
		return nil, errors.New("a rollback was cut off: run leakgate rewrite rollback again first")
	case pushing, torn:
		refs, event, err := e.settle(ctx, digest, p)
		switch {
		case err != nil || event == pushed:
			return p.moved, err
		case event == torn:
			return e.finish(ctx, m, digest, p, refs)
		}
	case refused, bundled:
		if done, err := e.arrived(ctx, digest, p.moved); err != nil || done {
			return p.moved, err
		}
	}
	if err := e.admit(ctx, m, digest); err != nil {
		return nil, err
	}
	moved, err = e.move(ctx, m, digest)
	if errors.Is(err, ErrChanged) {
		if done, ferr := e.arrived(ctx, digest, p.moved); ferr == nil && done {
			return p.moved, nil
		}
	}
	return moved, err
}

// arrived reports whether all refs are where an earlier push was to put them, which
// the remote came to the end of when the journal had it refused already.
func (e *Engine) arrived(ctx context.Context, digest string, sent []Change) (bool, error) {
	if len(sent) == 0 {
		return false, nil
	}
	there, err := e.allThere(ctx, sent)
	if err != nil || !there {
		return false, err
	}
	return true, e.note(ctx, digest, pushed, sent)
}

// move makes the new history of what the remote holds now, keeps what was there,
// and pushes.
func (e *Engine) move(ctx context.Context, m *Manifest, digest string) ([]Change, error) {
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	defer remove()
	advert, r, err := e.mirror(ctx, work)
	if err != nil {
		return nil, err
	}
	if err := m.covers(r); err != nil {
		return nil, err
	}
	var now Manifest
	now.fill(r)
	if len(now.Changes) == 0 {
		return nil, errors.New("no ref that can be moved holds a value; what remains is for the server's own people")
	}
	if err := e.keepMap(digest, r.Moves); err != nil {
		return nil, fmt.Errorf("keep the map of commits: %w", err)
	}
	kept, err := e.seal(advert, digest, work)
	if err != nil {
		return nil, err
	}
	if err := e.note(ctx, digest, bundled, kept); err != nil {
		return nil, err
	}
	if err := e.approved(ctx, m, digest, ""); err != nil { // minutes may have passed
		return nil, err
	}
	return now.Changes, e.push(ctx, digest, now.Changes, now.Changes, r.Pack)
}

// push moves some of the refs of a map, which is all of them but where an earlier push of it
// moved the others.
func (e *Engine) push(ctx context.Context, digest string, all, some []Change, packFile string) error {
	updates, err := asUpdates(some)
	if err != nil {
		return err
	}
	var pack io.ReadSeeker
	if packFile != "" { // else the remote has them all, from what of it moved
		file, err := os.Open(packFile)
		if err != nil {
			return fmt.Errorf("read the new objects: %w", err)
		}
		defer file.Close()
		pack = file
	}
	if err := e.Policy.Stopped(); err != nil {
		return err
	}
	if err := e.note(ctx, digest, pushing, all); err != nil {
		return err
	}
	err = e.through(ctx, digest, func() error { return e.Remote.Push(ctx, updates, pack) })
	e.at("sent")
	return e.end(ctx, digest, past{last: pushing, moved: all}, err)
}

// allThere reports whether every ref is where a push was to put it.
func (e *Engine) allThere(ctx context.Context, sent []Change) (bool, error) {
	refs, err := e.standing(ctx, sent)
	took, stayed := count(refs)
	return err == nil && took == len(sent) && stayed == 0, err
}

func asUpdates(changes []Change) (updates []wire.Update, err error) {
	for _, c := range changes {
		from, err := idOrNone(c.Old)
		if err != nil {
			return nil, err
		}
		to, err := idOrNone(c.New)
		if err != nil {
			return nil, err
		}
		updates = append(updates, wire.Update{Name: c.Name, Old: from, New: to})
	}
	return updates, nil
}

func idOrNone(text string) (id gitrepo.ID, err error) {
	if text == "" {
		return id, nil
	}
	return gitrepo.ParseID(text)
}
