package rewrite

import (
	"context"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// Archives are files whose bytes do not show what is in them. None is rewritten:
// what holds a value has to be dropped.
type Archives struct {
	Tainted []gitrepo.ID // a member holds a value
	Unread  []Unread     // nobody can tell
}

// Unread is a file that could not be looked into, or not to its end.
type Unread struct {
	ID  gitrepo.ID
	Why string
}

// look looks into a file, if it is an archive or compressed, or if something compressed
// may stand in it in base64.
func (a *Archives) look(ctx context.Context, e *editor, id gitrepo.ID, data []byte, has traits) error {
	archive := unpack.ContainerOfText(data) || has.nul && unpack.Container(data)
	if !archive && !has.packed {
		return nil
	}
	o := &opening{ctx: ctx, editor: e, left: 1<<16 + 4*len(data)}
	var err error
	if archive {
		_, err = o.archive(data, 0, true)
	}
	if err == nil && has.packed {
		err = o.text(data, 0)
	}
	if err != nil {
		return fmt.Errorf("look into file %s: %w", id, err)
	}
	switch {
	case o.tainted:
		a.Tainted = append(a.Tainted, id)
	case o.why != "":
		a.Unread = append(a.Unread, Unread{id, o.why})
	}
	return nil
}

func (a *Archives) add(more Archives) {
	a.Tainted, a.Unread = append(a.Tainted, more.Tainted...), append(a.Unread, more.Unread...)
}

func (a *Archives) sort() {
	slices.SortFunc(a.Tainted, gitrepo.ID.Compare)
	slices.SortFunc(a.Unread, func(x, y Unread) int { return x.ID.Compare(y.ID) })
}
