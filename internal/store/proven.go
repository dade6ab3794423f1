package store

import (
	"context"
	"errors"
	"time"
)

// VerifyNew verifies what is new: that no event is missing, that those behind the
// last mark are a chain that ends at the signed head, and that the database is no
// older state of itself. Where that is not
// enough it walks the whole trail, which has the last word. Events before the
// last mark are verified by [Store.Proven] when they are used, and all of them
// by [Store.VerifyTrail].
func (s *Store) VerifyNew(ctx context.Context) error {
	s.verified.forget()
	err := s.Tx(ctx, func(t *Tx) error {
		claimed, base, err := t.ends(ctx)
		if err == nil {
			err = t.complete(ctx, base, claimed)
		}
		if err == nil {
			err = t.readMarks(ctx, base, claimed)
		}
		if err == nil && claimed.Seq > 0 {
			err = t.walk(ctx, claimed.Seq, base, claimed)
		}
		return err
	})
	if err != nil {
		err = s.whole(ctx)
	}
	if err == nil {
		err = s.remember(ctx)
	}
	return err
}

// ends are the signed head of the trail and where it begins.
func (t *Tx) ends(ctx context.Context) (claimed, base Head, err error) {
	claimed, mac, err := t.head(ctx)
	if err == nil {
		err = t.s.sealed(claimed, mac)
	}
	if err == nil {
		base, err = t.base(ctx, claimed)
	}
	return claimed, base, err
}

// whole walks the whole trail, and makes all marks anew.
func (s *Store) whole(ctx context.Context) error {
	s.verified.forget()
	return s.Tx(ctx, func(t *Tx) error {
		var all []*mark
		m := &mark{}
		if _, err := t.verify(ctx, nil, func(e Event) {
			if m.about.add(e.Subject); e.Seq%stride == 0 {
				m.Head = Head{e.Seq, e.Hash}
				all, m = append(all, m), &mark{}
			}
		}); err != nil {
			return err
		}
		for _, m := range all {
			if err := t.keepMark(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// complete reports whether there are as many events as the head counts.
func (t *Tx) complete(ctx context.Context, base, claimed Head) error {
	var n int64
	err := t.one(ctx, `SELECT count(*) FROM audit`, nil, &n)
	if err == nil && n != claimed.Seq-base.Seq {
		err = &TrailError{base.Seq + n + 1, "events are missing"}
	}
	return err
}

// walk verifies the part of the trail that an event is in, as far as that was not
// done before: from the mark before it to the next one, or to the head.
func (t *Tx) walk(ctx context.Context, seq int64, base, claimed Head) error {
	part := (seq - 1) / stride * stride
	from, to := base, claimed
	if m := t.s.verified.mark(part); part > base.Seq && m != nil { // what is before the base was pruned
		from = m.Head
	}
	if m := t.s.verified.mark(part + stride); m != nil {
		to = m.Head
	}
	if done, ok := t.s.verified.get(part); ok && done.Seq >= from.Seq {
		from = done
	}
	if from == to {
		return nil
	}
	err := t.follow(ctx, from, to, func(Event) {})
	if err == nil {
		t.s.verified.put(part, from, to)
	}
	return err
}

// Proven visits the events about a subject in their order, like [Store.Trail],
// but they are verified, and so is that they are all: every event between signed
// marks that are, or may be, about the subject was walked at least since the last
// [Store.VerifyNew].
func (s *Store) Proven(ctx context.Context, subject string, visit func(Event) error) error {
	return s.proven(ctx, reading{`SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject = ? ORDER BY seq`, subject, &subject,
		func(Event) error { return nil }}, visit)
}

// ProvenSince visits the events behind a time, the latest first. As the time of
// the trail never goes back, it ends at the first that is not.
func (s *Store) ProvenSince(ctx context.Context, at time.Time, visit func(Event) error) error {
	return s.proven(ctx, reading{`SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE seq > ? ORDER BY seq DESC`, 0, nil, func(e Event) error {
		if !e.At.After(at) {
			return errEnough
		}
		return nil
	}}, visit)
}

// reading is what is read of the trail.
type reading struct {
	query   string
	arg     any
	subject *string           // all events about it are to be found; nil when those of the query are in a row
	until   func(Event) error // errEnough ends it
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

func (s *Store) proven(ctx context.Context, r reading, visit func(Event) error) error {
	all, err := s.read(ctx, r)
	if broken(err) { // the long way has the last word, and makes the short one anew
		if err = s.whole(ctx); err == nil {
			all, err = s.read(ctx, r)
		}
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

// read reads events and walks the parts that they are in.
func (s *Store) read(ctx context.Context, r reading) (all []Event, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		claimed, base, err := t.ends(ctx)
		if err != nil {
			return err
		}
		var used []int64
		if all, used, err = t.until(ctx, r); err != nil {
			return err
		}
		if err := t.readMarks(ctx, base, claimed); err != nil {
			return err
		}
		for _, seq := range append(used, t.s.parts(r.subject, base, claimed)...) {
			if err := t.walk(ctx, seq, base, claimed); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// parts are events of the parts that may be about a subject: those whose mark does
// not exclude it, and the one behind the last mark, which has none. An event that
// was moved to another subject is found so.
func (s *Store) parts(subject *string, base, claimed Head) (all []int64) {
	if subject == nil {
		return nil
	}
	for seq := base.Seq/stride*stride + stride; seq <= claimed.Seq; seq += stride {
		if m := s.verified.mark(seq); m == nil || m.about.may(*subject) {
			all = append(all, seq)
		}
	}
	if claimed.Seq > base.Seq {
		all = append(all, claimed.Seq)
	}
	return all
}

// until reads events to the first that is enough, which is not among them: it is
// used too, since it says where to end.
func (t *Tx) until(ctx context.Context, r reading) (all []Event, used []int64, err error) {
	err = t.events(ctx, r.query, []any{r.arg}, func(e Event) error {
		used = append(used, e.Seq)
		if err := r.until(e); err != nil {
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
