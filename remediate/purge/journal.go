package purge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leakgate/leakgate/internal/store"
)

// Events of the journal of a rewrite, in their order.
const (
	proposed  = "proposed"  // a branch asks for it
	bundled   = "bundled"   // what was there is kept
	pushing   = "pushing"   // the push is about to be sent
	refused   = "refused"   // the remote did not take it, and is as it was
	pushed    = "pushed"    // the remote took it
	verified  = "verified"  // a fresh mirror holds no value
	returning = "returning" // the push back is about to be sent
	stayed    = "stayed"    // the remote did not take it, and is as the rewrite left it
	returned  = "returned"  // the remote is as it was
	destroyed = "destroyed" // the bundle is gone
)

// past is what the journal says of a rewrite.
type past struct {
	last   string // what became of the refs
	gone   bool   // the bundle was destroyed
	bundle Bundle
	moved  []Change // the map of the push that was sent last
}

// Bundle is where what was there is kept, sealed.
type Bundle struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// recall reads the journal, as far as the audit trail tells the same.
func (e *Engine) recall(ctx context.Context, digest string) (p past, err error) {
	entries, err := e.Store.Journal(ctx, digest, digest)
	for _, entry := range entries {
		if err := p.add(entry); err != nil {
			return p, err
		}
	}
	return p, err
}

func (p *past) add(entry store.Entry) error {
	switch entry.Event { // these say nothing of where the refs are
	case proposed:
		return nil
	case destroyed:
		p.gone = true
		return nil
	case bundled:
		p.gone = false
	}
	p.last = entry.Event
	var into any
	switch entry.Event {
	case bundled:
		into = &p.bundle
	case pushing:
		p.moved = nil
		into = &p.moved
	default:
		return nil
	}
	if err := json.Unmarshal(entry.Body, into); err != nil {
		return fmt.Errorf("the journal does not parse: %w", err)
	}
	return nil
}

// note writes into the journal and the audit trail, or into neither.
func (e *Engine) note(ctx context.Context, digest, event string, body any) error {
	err := e.Store.Tx(ctx, func(t *store.Tx) error {
		return t.Write(ctx, e.Actor, store.Line{Plan: digest, Event: event, Body: body, Action: "rewrite " + event, Subject: digest})
	})
	e.at(event)
	return err
}
