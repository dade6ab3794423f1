package purge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

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
	unclean   = "unclean"   // a later one holds a value
	returning = "returning" // the push back is about to be sent
	stayed    = "stayed"    // the remote did not take it, and is as the rewrite left it
	returned  = "returned"  // the remote is as it was
	destroyed = "destroyed" // the bundle is gone
	accepted  = "accepted"  // an operator accepts that refs of the server's own stay as they are
	torn      = "torn"      // the remote moved some refs of a push that was to move all or none
)

// past is what the journal says of a rewrite.
type past struct {
	last   string   // what became of the refs
	gone   bool     // the bundle was destroyed
	bundle Bundle   // that of the push that was sent last
	moved  []Change // the map of the push that was sent last

	bundles  []Bundle  // all that are there
	keptAt   time.Time // when the last one was written
	accepted Acceptance
	matters  map[string]Matter // what people were asked, by its digest
}

// Bundle is where what was there is kept, sealed.
type Bundle struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// Proof says how it was read back before anything was pushed.
	Proof string `json:"proof,omitempty"`
}

// Kept tells where what was there before a rewrite is kept; a zero Bundle when
// nothing is, or not any more.
func (e *Engine) Kept(ctx context.Context, digest string) (Bundle, error) {
	p, err := e.recall(ctx, digest)
	if err != nil || p.gone {
		return Bundle{}, err
	}
	return p.bundle, nil
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
	var into any
	switch entry.Event {
	case proposed, opening, restored, told: // these say nothing of where the refs are
		return nil
	case destroyed: // nor do these
		p.gone, p.bundles = true, nil
		return nil
	case asked:
		return p.ask(entry)
	case unclean:
		p.last = pushed
		return nil
	case accepted:
		into = &p.accepted
	case bundled:
		p.gone, p.last = false, bundled
		into = &p.bundle
	case pushing:
		p.moved, p.last = nil, pushing
		into = &p.moved
	default:
		p.last = entry.Event
		return nil
	}
	if err := json.Unmarshal(entry.Body, into); err != nil {
		return fmt.Errorf("the journal does not parse: %w", err)
	}
	if entry.Event == bundled {
		same := func(b Bundle) bool { return b.File == p.bundle.File }
		p.bundles, p.keptAt = append(slices.DeleteFunc(p.bundles, same), p.bundle), entry.At
	}
	return nil
}

func (p *past) ask(entry store.Entry) error {
	var m Matter
	if err := json.Unmarshal(entry.Body, &m); err != nil {
		return fmt.Errorf("the journal does not parse: %w", err)
	}
	of, err := m.Digest()
	if p.matters == nil {
		p.matters = map[string]Matter{}
	}
	p.matters[of] = m
	return err
}

// note writes into the journal and the audit trail, or into neither.
func (e *Engine) note(ctx context.Context, digest, event string, body any) error {
	err := e.Store.Tx(ctx, func(t *store.Tx) error {
		return t.Write(ctx, e.Actor, store.Line{Plan: digest, Event: event, Body: body, Action: "rewrite " + event, Subject: digest})
	})
	e.at(event)
	return err
}
