package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// ErrDiffers says that a plan cannot be made again: other ids come out.
var ErrDiffers = errors.New("another plan comes out")

// Reproduce makes a plan again from the remote, on a machine that need not know the
// one that made it: nothing of its state is read. The refs are put where the plan found
// them. [ErrDiffers] says that other ids come out; any other error that it could not
// be found out. What stands for the values is compared only where the key is the same.
func Reproduce(ctx context.Context, e *Engine, m *Manifest) error {
	if m.Remote != e.Remote.Address {
		return fmt.Errorf("the plan is for %s, not for %s", m.Remote, e.Remote.Address)
	}
	work, remove, err := e.workplace()
	if err != nil {
		return fmt.Errorf("reproduce: %w", err)
	}
	defer remove()
	dir := filepath.Join(work, "mirror.git")
	if _, err := e.Remote.Mirror(ctx, dir, nil); err != nil {
		return err
	}
	if err := m.setBack(dir); err != nil {
		return err
	}
	r, err := e.Rewriter.Rewrite(ctx, dir)
	if err != nil {
		return err
	}
	return m.same(r)
}

// setBack puts the refs of a mirror where a plan found those that move, and drops the others.
func (m *Manifest) setBack(dir string) error {
	repo, err := gitrepo.Open(dir)
	if err != nil {
		return err
	}
	defer repo.Close()
	var text strings.Builder
	text.WriteString("# pack-refs with: sorted \n")
	refs := slices.Concat(m.Changes, m.Remaining)
	slices.SortFunc(refs, func(a, b Change) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range refs {
		id, err := gitrepo.ParseID(c.Old)
		if err != nil {
			return fmt.Errorf("the manifest does not parse: %w", err)
		}
		if !strings.HasPrefix(c.Name, "refs/") || strings.ContainsAny(c.Name, "\n\x00 ") {
			return errors.New("the manifest does not parse: it names what is no ref")
		}
		if !repo.Has(id) {
			return fmt.Errorf("what the plan was made of is not on the remote any more (%s of %s): make a new plan", c.Old, readable(c.Name))
		}
		fmt.Fprintf(&text, "%s %s\n", id, c.Name)
	}
	return os.WriteFile(filepath.Join(dir, "packed-refs"), []byte(text.String()), 0o600)
}

// same holds every id of a plan against those that came out.
func (m *Manifest) same(r *Rewritten) error {
	var now Manifest
	now.fill(r)
	for _, part := range []struct {
		what string
		same bool
	}{
		{"first changed commits", slices.Equal(now.First, m.First)},
		{"files that held a value", slices.Equal(now.Blobs, m.Blobs)},
		{"number of commits", now.Commits == m.Commits},
		{"map of commits", now.CommitMap == m.CommitMap},
		{"new places of refs", slices.Equal(now.Changes, m.Changes) && slices.Equal(now.Remaining, m.Remaining)},
		{"signatures that fall", slices.Equal(now.Signatures, m.Signatures)},
		{"archives and objects of LFS", slices.Equal(now.Archives, m.Archives) && slices.Equal(now.Unread, m.Unread) && slices.Equal(now.LFS, m.LFS)},
	} {
		if !part.same {
			return fmt.Errorf("%w: the %s are not the same", ErrDiffers, part.what)
		}
	}
	return nil
}
