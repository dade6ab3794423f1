package purge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// told says in the journal that people were told, and of what.
const told = "told"

// Done is what a rewrite that was applied did, for those who have to be told.
type Done struct {
	Digest   string
	Manifest *Manifest
	Moved    []Change
	// Hidden are refs of the server's own that hold a value: as the last verify found
	// them, before one as they were planned.
	Hidden []Change
}

// Done reads what was applied. Before that, and after it was rolled back, it is an error.
func (e *Engine) Done(ctx context.Context, digest string) (*Done, error) {
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
	if p.last != pushed && p.last != verified && p.last != stayed {
		return nil, errors.New("the rewrite is not applied: there is nothing to tell")
	}
	d := &Done{Digest: digest, Manifest: m, Moved: p.moved, Hidden: m.Remaining}
	return d, e.hidden(ctx, d)
}

// hidden takes over what the last verify found.
func (e *Engine) hidden(ctx context.Context, d *Done) error {
	entries, err := e.Store.Journal(ctx, d.Digest, d.Digest)
	for _, entry := range entries {
		if entry.Event != verified {
			continue
		}
		var left Residue
		if err := json.Unmarshal(entry.Body, &left); err != nil {
			return fmt.Errorf("the journal does not parse: %w", err)
		}
		d.Hidden = left.Hidden
	}
	return err
}

// Told writes down who was told.
func (e *Engine) Told(ctx context.Context, digest string, body any) error {
	if err := e.note(ctx, digest, told, body); err != nil {
		return fmt.Errorf("write down who was told: %w", err)
	}
	return nil
}

// New is where a ref that moved is now, as far as the rewrite moved it.
func (d *Done) New(name string) (Change, bool) {
	for _, c := range d.Moved {
		if c.Name == name {
			return c, true
		}
	}
	return Change{}, false
}

// Holds reports whether the plan knows a ref of the server's own that keeps a value.
func (d *Done) Holds(name string) (Change, bool) {
	for _, c := range d.Hidden {
		if c.Name == name {
			return c, true
		}
	}
	return Change{}, false
}

// Pulls are the refs of pull requests that hold a value, by the number of each once.
func (d *Done) Pulls() (names []string) {
	for _, c := range d.Hidden {
		if strings.HasPrefix(c.Name, "refs/pull/") && strings.HasSuffix(c.Name, "/head") {
			names = append(names, c.Name)
		}
	}
	return names
}
