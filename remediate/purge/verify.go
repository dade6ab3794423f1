package purge

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Residue is what a rewrite did not reach.
type Residue struct {
	// Hidden are refs of the server's own that still hold a value.
	Hidden []Change `json:"hidden"`
	// Others are refs that hold one and that anybody can move.
	Others []Change `json:"others"`
	// Moved are refs that are no longer where the rewrite put them.
	Moved []string `json:"moved"`
	// Archives are files in which a member holds a value, Unread those of which
	// nobody can tell.
	Archives []string `json:"archives"`
	Unread   []string `json:"unread"`
	// Quoting are commits whose messages name commits that are no more. They hold no
	// value, and lead nowhere.
	Quoting []string `json:"quoting"`
	// Of stands for all of these that only a word can settle, for whoever signs it.
	Of string `json:"of,omitempty"`
	// Accepted is the word that these and Hidden may stay; nil when nobody gave it.
	Accepted *Acceptance `json:"accepted,omitempty"`
}

// remaining names all that nobody but an operator's word can be done about.
func (r *Residue) remaining() []string {
	out := slices.Concat(r.Archives, r.Unread)
	for _, c := range r.Hidden {
		if name := c.Name; utf8.ValidString(name) {
			out = append(out, name)
		} else {
			out = append(out, strconv.Quote(name)) // two names are never one
		}
	}
	return out
}

// Acceptance is an operator's word that refs of the server's own, and archives, stay
// as they are.
type Acceptance struct {
	By   string   `json:"by"`
	Why  string   `json:"why"`
	What []string `json:"what"` // names of refs, ids of files
	Proof
}

func (a Acceptance) covers(left []string) bool {
	return !slices.ContainsFunc(left, func(name string) bool { return !slices.Contains(a.What, name) })
}

var (
	// ErrResidue says that values are left where the rewrite should have reached.
	ErrResidue = errors.New("the remote still holds a value")
	// ErrRemains says that they are left where only the server's people reach, or in
	// archives, and that nobody has accepted that.
	ErrRemains = errors.New("what the rewrite does not reach still holds a value")
	// ErrUnread says that nobody can tell, of archives, and has accepted that.
	ErrUnread = errors.New("there are archives that cannot be read")
)

// Verify mirrors the remote afresh and looks whether any value is left in what
// its refs reach. When none is, or only in refs of the server's own that an operator
// accepted, the incidents of the credentials are purged; else they are not, or not
// any more, and the error is ErrResidue or ErrRemains; or ErrElsewhere, when this remote is clean
// and another one, in which a credential was too, is not known to be.
func (e *Engine) Verify(ctx context.Context, digest string) (*Residue, error) {
	return e.verify(ctx, digest, "")
}

// Accept verifies, and records why an operator accepts the refs of the server's
// own that hold a value then. Approvers have signed that list, unless the policy wants none of it:
// else the error is ErrUnproven.
func (e *Engine) Accept(ctx context.Context, digest, why string) (*Residue, error) {
	if strings.TrimSpace(why) == "" {
		return nil, errors.New("what remains is accepted for a reason")
	}
	return e.verify(ctx, digest, why)
}

func (e *Engine) verify(ctx context.Context, digest, why string) (*Residue, error) {
	release, err := e.Store.Exclusive(ctx, "rewrite")
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := e.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := e.recall(ctx, digest)
	if err != nil {
		return nil, err
	}
	if p.last == torn || p.last == pushing || p.last == returning {
		return nil, fmt.Errorf("the rewrite is applied in part, or nobody knows: run leakgate rewrite apply %s, or rollback, first", digest)
	}
	if p.last != pushed && p.last != verified && p.last != stayed {
		return nil, errors.New("the rewrite is not applied: there is nothing to verify")
	}
	found, err := e.look(ctx, m, p, digest)
	if err != nil {
		return nil, err
	}
	if len(found.Others) > 0 {
		return found, e.unverified(ctx, m, digest, p, fmt.Errorf("%w in %s", ErrResidue, readable(found.Others[0].Name)))
	}
	left := found.remaining()
	if len(left) > 0 {
		if found.Of, err = e.ask(ctx, p, Matter{Plan: digest, About: aboutRemains, What: left}); err != nil {
			return found, err
		}
	}
	if why != "" && len(left) > 0 {
		if err := e.accept(ctx, m, digest, &p, found.Of, Acceptance{By: e.Actor, Why: why, What: left}); err != nil {
			return found, err
		}
	}
	if !e.settles(p.accepted, left) {
		err := fmt.Errorf("%w: %d refs and files", ErrRemains, len(left)-len(found.Unread))
		if len(left) == len(found.Unread) {
			err = fmt.Errorf("%w: %d", ErrUnread, len(left))
		}
		return found, e.unverified(ctx, m, digest, p, err)
	}
	if len(left) > 0 {
		found.Accepted = &p.accepted
	}
	if p.last != verified {
		if err := e.note(ctx, digest, verified, found); err != nil {
			return found, err
		}
	}
	if err := e.elsewhere(ctx, m); err != nil {
		if errors.Is(err, ErrElsewhere) {
			err = e.impure(ctx, m, digest, err)
		}
		return found, err
	}
	return found, e.purged(ctx, m, digest)
}

// accept records a word on what remains, if it is proven.
func (e *Engine) accept(ctx context.Context, m *Manifest, digest string, p *past, of string, a Acceptance) (err error) {
	if a.Proof, err = e.vouched(ctx, m, digest, remediate.WordRemains, of); err != nil {
		if !e.settles(p.accepted, a.What) {
			err = e.unverified(ctx, m, digest, *p, err)
		}
		return err
	}
	p.accepted = a
	return e.note(ctx, digest, accepted, a)
}

// settles reports whether what remains was accepted, with the proof that the policy wants.
func (e *Engine) settles(a Acceptance, left []string) bool {
	return len(left) == 0 || a.covers(left) && (len(a.Signed) > 0 || e.Policy.Rewrite.Unsigned)
}

// unverified takes back that the rewrite was verified, and that the incidents are purged.
func (e *Engine) unverified(ctx context.Context, m *Manifest, digest string, p past, why error) error {
	if p.last == verified {
		if err := e.note(ctx, digest, unclean, map[string]string{"why": why.Error()}); err != nil {
			return err
		}
	}
	return e.impure(ctx, m, digest, why)
}

// impure takes back that the incidents are purged; why is the error when that is done.
func (e *Engine) impure(ctx context.Context, m *Manifest, digest string, why error) error {
	if err := e.unpurged(ctx, m, "verify", digest); err != nil {
		return err
	}
	return why
}

// look searches a fresh mirror.
func (e *Engine) look(ctx context.Context, m *Manifest, p past, digest string) (*Residue, error) {
	work, remove, err := e.workplace()
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer remove()
	advert, r, err := e.mirror(ctx, work)
	if err != nil {
		return nil, err
	}
	if r.Spec != m.Spec {
		return nil, errOtherSpec
	}
	found := residue(r, p.moved, whereIs(advert))
	found.Quoting, err = e.quoting(ctx, digest, filepath.Join(work, "mirror.git"))
	return found, err
}

func residue(r *Rewritten, moved []Change, now map[string]string) *Residue {
	var left Manifest
	left.fill(r)
	found := &Residue{Hidden: left.Remaining, Others: left.Changes, Moved: []string{}, Archives: hexes(r.Archives), Unread: hexes(r.Unread)}
	for _, c := range moved {
		if now[c.Name] != c.New {
			found.Moved = append(found.Moved, c.Name)
		}
	}
	return found
}

// purged moves the incidents on, as far as a run that was cut off has not.
func (e *Engine) purged(ctx context.Context, m *Manifest, digest string) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		for _, id := range m.Credentials {
			in, err := t.Incident(ctx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && in.State != store.Revoked && in.State != store.Rotated {
				continue
			}
			if err != nil {
				return err
			}
			if err := t.Advance(ctx, in.ID, store.Move{To: store.Purged, By: e.Actor, Why: "rewrite " + digest}); err != nil {
				return err
			}
		}
		return nil
	})
}
