package rotate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// The events of the journal of a rotation. None ends in a word by which package
// remediate reads what was done to a credential at its issuer.
const (
	minting    = "minting"    // an issuer is about to be asked for a value
	minted     = "minted"     // it gave one
	discarding = "discarding" // one that nobody will use is about to end
	discarded  = "discarded"
	writing    = "writing" // a version is about to be written
	written    = "written"
	declined   = "declined" // the store documents that it did nothing
	verified   = "verified" // the store gives the new value to whoever reads
	followed   = "followed" // consumers use it
	destroying = "destroying"
	ended      = "ended"     // the old version has ended as far as it can
	restoring  = "restoring" // the old value is about to be written again
	restored   = "restored"
)

// line is what the journal says with an event; each uses some of it.
type line struct {
	Before  []string `json:"before,omitempty"`  // ids at the issuer before one was made
	ID      string   `json:"id,omitempty"`      // of the value that was made
	Mark    string   `json:"mark,omitempty"`    // of the value that is written
	From    string   `json:"from,omitempty"`    // version
	Version string   `json:"version,omitempty"` // version
	Why     string   `json:"why,omitempty"`
}

// progress is how far the journal says that a step has come.
type progress struct {
	last    string // event, "" when nothing was done
	at      time.Time
	lines   map[string]line // the last of each event
	times   map[string]time.Time
	pending string   // id of a value that was made and is in no place
	lost    bool     // an issuer was asked for a value, and what it said is not known
	marks   []string // of all values that may have been written
}

func (p *progress) add(event string, at time.Time, l line) {
	if p.lines == nil {
		p.lines, p.times = map[string]line{}, map[string]time.Time{}
	}
	p.last, p.at, p.lines[event], p.times[event] = event, at, l, at
	switch event {
	case minting:
		p.lost = true
	case minted:
		p.lost, p.pending = false, l.ID
	case discarded, written:
		p.pending = ""
	case writing:
		p.marks = append(p.marks, l.Mark)
	}
}

func (p *progress) did(event string) bool { _, ok := p.lines[event]; return ok }

// wrote reports whether a value is one that may have been written.
func (p *progress) wrote(mark string) bool { return slices.Contains(p.marks, mark) }

// act is one step that is being done.
type act struct {
	*Engine
	plan   *remediate.Plan
	digest string
	index  int
	step   remediate.Step
	place  remediate.Place
	kind   Kind
	to     Store
	mint   Minter
	state  progress

	destroyed *int // versions of this run that cannot come back
	again     bool // an earlier run came to its end
}

// note writes an event into the journal and the audit trail.
func (a *act) note(ctx context.Context, event string, l line, more ...func(*store.Tx) error) error {
	err := a.Store.Tx(ctx, func(t *store.Tx) error {
		if slices.Contains([]string{minting, discarding, writing, destroying, restoring}, event) { // nobody else may be about to call, and what was waited for can have taken long
			if err := errors.Join(a.Stopped(), t.Holds(ctx, "apply")); err != nil {
				return err
			}
		}
		err := t.Write(ctx, a.Actor, store.Line{
			Plan: a.digest, Step: a.index, Event: event, Body: l, Action: string(remediate.Rotate) + " " + event, Subject: a.step.Subject(),
			More: a.more(event),
		})
		for _, f := range more {
			if err == nil {
				err = f(t)
			}
		}
		return err
	})
	if err == nil {
		a.state.add(event, a.Clock.Now(), l)
	}
	return err
}

// more is what the audit trail says of an event beside its line.
func (a *act) more(event string) map[string]any {
	more := map[string]any{"place": a.place.Name, "where": a.place.Where(), "forever": event == destroying && a.kind.Fate == Destroyed}
	if event == ended {
		more["minted"] = a.state.times[written].UTC().Format(time.RFC3339)
	}
	return more
}
