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

// look looks into a file, if it is an archive or compressed.
func (a *Archives) look(ctx context.Context, e *editor, id gitrepo.ID, data []byte) error {
	if !unpack.Container(data) {
		return nil
	}
	tainted := false
	skips, err := unpack.Views(ctx, "", data, unpack.Limits{}, func(v unpack.View) error {
		if v.Name != "" && !tainted {
			tainted = e.matcher.has(v.Text) || e.matches(v.Text) || e.matcher.has([]byte(v.Name))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look into file %s: %w", id, err)
	}
	switch {
	case tainted:
		a.Tainted = append(a.Tainted, id)
	case len(skips) > 0:
		a.Unread = append(a.Unread, Unread{id, skips[0].Reason})
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
