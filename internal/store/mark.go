package store

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// stride is how many events lie between two marks. A mark is the head of the
// trail at that event, signed with the installation's key; what lies between two
// marks can be verified without the rest.
const stride = 256

// mark keeps a head that is a multiple of the stride.
func (t *Tx) mark(ctx context.Context, h Head) error {
	if h.Seq%stride != 0 {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO audit_marks (seq, hash, mac) VALUES (?, ?, ?) ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash, mac = excluded.mac`,
		h.Seq, h.Hash, t.s.sealMark(h))
	return err
}

func (s *Store) sealMark(h Head) string {
	sum := s.key.HMAC("audit mark", secret.New(h.String()))
	return hex.EncodeToString(sum[:])
}

// marked reads the mark before an event, which is the zero Head for the first ones.
func (t *Tx) marked(ctx context.Context, seq int64) (h Head, err error) {
	h.Seq = (seq - 1) / stride * stride
	if h.Seq == 0 {
		return h, nil
	}
	var mac string
	if err := t.one(ctx, `SELECT hash, mac FROM audit_marks WHERE seq = ?`, []any{h.Seq}, &h.Hash, &mac); err != nil {
		return h, fmt.Errorf("mark %d: %w", h.Seq, err)
	}
	if !hmac.Equal([]byte(mac), []byte(t.s.sealMark(h))) {
		return h, &TrailError{h.Seq, "its mark was not written with this installation's key"}
	}
	return h, nil
}

// verified is how far each part of the trail between two marks was walked, by
// the number of the mark before it.
type verified struct {
	mu     sync.Mutex
	parts  map[int64]Head
	walked int // events, for tests
}

func (v *verified) get(part int64) (Head, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h, ok := v.parts[part]
	return h, ok
}

func (v *verified) put(part int64, from, h Head) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.parts == nil {
		v.parts = map[int64]Head{}
	}
	v.parts[part] = h
	v.walked += int(h.Seq - from.Seq)
}

func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parts = nil
}

// VerifyNew verifies what is new: that no event is missing, that those behind the
// last mark are a chain that ends at the signed head, and that the database is no
// older state of itself. Where that is not
// enough it walks the whole trail, which has the last word. Events before the
// last mark are verified by [Store.Proven] when they are used, and all of them
// by [Store.VerifyTrail].
func (s *Store) VerifyNew(ctx context.Context) error {
	s.verified.forget()
	err := s.Tx(ctx, func(t *Tx) error {
		claimed, mac, err := t.head(ctx)
		if err == nil {
			err = s.sealed(claimed, mac)
		}
		if err == nil {
			err = t.complete(ctx, claimed)
		}
		if err == nil && claimed.Seq > 0 {
			err = t.walk(ctx, claimed.Seq, claimed)
		}
		return err
	})
	if err != nil {
		err = s.whole(ctx)
	}
	if err == nil {
		err = s.recall(ctx)
	}
	if err == nil {
		err = s.remember(ctx)
	}
	return err
}

// whole walks the whole trail, and makes the marks anew that are missing.
func (s *Store) whole(ctx context.Context) error {
	if _, err := s.VerifyTrail(ctx); err != nil {
		return err
	}
	return s.Tx(ctx, func(t *Tx) error {
		var all []Head
		err := t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit ORDER BY seq`, nil, func(e Event) error {
			if e.Seq%stride == 0 {
				all = append(all, Head{e.Seq, e.Hash})
			}
			return nil
		})
		for _, h := range all {
			err = errors.Join(err, t.mark(ctx, h))
		}
		return err
	})
}

// complete reports whether there are as many events as the head counts.
func (t *Tx) complete(ctx context.Context, claimed Head) error {
	base, err := t.base(ctx, claimed)
	if err != nil {
		return err
	}
	var n int64
	err = t.one(ctx, `SELECT count(*) FROM audit`, nil, &n)
	if err == nil && n != claimed.Seq-base.Seq {
		err = &TrailError{base.Seq + n + 1, "events are missing"}
	}
	return err
}

// walk verifies the part of the trail that an event is in, as far as that was not
// done before: from the mark before it to the next one, or to the head.
func (t *Tx) walk(ctx context.Context, seq int64, claimed Head) error {
	from, err := t.marked(ctx, seq)
	if err != nil {
		return err
	}
	part, to := from.Seq, claimed
	if part+stride <= claimed.Seq {
		if to, err = t.marked(ctx, part+stride+1); err != nil {
			return err
		}
	}
	base, err := t.base(ctx, claimed)
	if err != nil {
		return err
	}
	if base.Seq > from.Seq { // what is before it was pruned
		from = base
	}
	if done, ok := t.s.verified.get(part); ok {
		from = done
	}
	began := from
	err = t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq`, []any{from.Seq, to.Seq}, func(e Event) error {
		if e.Seq != from.Seq+1 || e.chain(from.Hash) != e.Hash {
			return &TrailError{e.Seq, "it is not what was written"}
		}
		from = Head{e.Seq, e.Hash}
		return nil
	})
	if err == nil && from != to {
		err = &TrailError{from.Seq, "the trail does not go on where its mark says"}
	}
	if err == nil {
		t.s.verified.put(part, began, from)
	}
	return err
}

// Proven visits the events about a subject in their order, like [Store.Trail],
// but each was verified: with the events between the signed marks around it, at
// least since the last [Store.VerifyNew].
func (s *Store) Proven(ctx context.Context, subject string, visit func(Event) error) error {
	return s.proven(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject = ? ORDER BY seq`, subject, func(Event) error { return nil }, visit)
}

// ProvenSince visits the events behind a time, the latest first. As the time of
// the trail never goes back, it ends at the first that is not.
func (s *Store) ProvenSince(ctx context.Context, at time.Time, visit func(Event) error) error {
	return s.proven(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE seq > ? ORDER BY seq DESC`, 0, func(e Event) error {
		if !e.At.After(at) {
			return errEnough
		}
		return nil
	}, visit)
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

func (s *Store) proven(ctx context.Context, query string, arg any, until, visit func(Event) error) error {
	var all []Event
	err := s.Tx(ctx, func(t *Tx) (err error) {
		var used []int64
		if all, used, err = t.until(ctx, query, arg, until); err != nil {
			return err
		}
		claimed, mac, err := t.head(ctx)
		if err == nil {
			err = t.s.sealed(claimed, mac)
		}
		for _, seq := range used {
			if err == nil {
				err = t.walk(ctx, seq, claimed)
			}
		}
		return err
	})
	if broken(err) {
		err = s.whole(ctx)
	}
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// broken reports whether the short way does not prove the trail, and the long one
// may. After any other error nobody knows what was read.
func broken(err error) bool {
	_, forged := errors.AsType[*TrailError](err)
	return forged || errors.Is(err, ErrNotFound) // a mark is missing
}

// until reads events to the first that is enough, which is not among them: it is
// used too, since it says where to end.
func (t *Tx) until(ctx context.Context, query string, arg any, until func(Event) error) (all []Event, used []int64, err error) {
	err = t.events(ctx, query, []any{arg}, func(e Event) error {
		used = append(used, e.Seq)
		if err := until(e); err != nil {
			return err
		}
		all = append(all, e)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, used, err
}

// Latest is the time of the last event: no limit is judged by an earlier one.
func (s *Store) Latest(ctx context.Context) (at time.Time, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		at, err = t.latest(ctx)
		return err
	})
	return at, err
}

func (t *Tx) latest(ctx context.Context) (time.Time, error) {
	var at int64
	err := t.one(ctx, `SELECT at FROM audit ORDER BY seq DESC LIMIT 1`, nil, &at)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return fromMicros(at), err
}
