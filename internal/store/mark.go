package store

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/leakgate/leakgate/internal/secret"
)

// stride is how many events lie between two marks.
const stride = 256

// mark is the head of the trail at a multiple of the stride and what the events
// since the mark before are about, signed with the installation's key: what lies
// between two marks can be verified without the rest, and a part that is about
// another subject need not be.
type mark struct {
	Head
	about sieve
}

func (m *mark) seal(s *Store) string {
	sum := s.key.HMAC("audit mark", secret.New(m.Head.String()+" "+m.about.String()))
	return hex.EncodeToString(sum[:])
}

// mark keeps a mark where a head is a multiple of the stride. The events before
// are held against the head, so that nothing is signed that somebody else wrote.
func (t *Tx) mark(ctx context.Context, h Head) error {
	if h.Seq%stride != 0 {
		return nil
	}
	from, err := t.start(ctx, h)
	if err != nil {
		return err
	}
	m := &mark{Head: h}
	if err := t.follow(ctx, from, h, func(e Event) { m.about.add(e.Subject) }); err != nil {
		return err
	}
	return t.keepMark(ctx, m)
}

// start is the head before the part that ends at a mark. It needs no proof: the
// hash of the end depends on it.
func (t *Tx) start(ctx context.Context, end Head) (h Head, err error) {
	base, err := t.base(ctx, end)
	if h.Seq = end.Seq - stride; h.Seq <= base.Seq {
		return base, err
	}
	if err = t.one(ctx, `SELECT hash FROM audit WHERE seq = ?`, []any{h.Seq}, &h.Hash); err != nil {
		err = &TrailError{h.Seq, "it is missing"}
	}
	return h, err
}

func (t *Tx) keepMark(ctx context.Context, m *mark) error {
	_, err := t.exec(ctx, `INSERT INTO audit_marks (seq, hash, subjects, mac) VALUES (?, ?, ?, ?)
 ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash, subjects = excluded.subjects, mac = excluded.mac`,
		m.Seq, m.Hash, m.about.String(), m.seal(t.s))
	return err
}

// follow walks from one head of the trail to another and visits what is between.
func (t *Tx) follow(ctx context.Context, from, to Head, visit func(Event)) error {
	err := t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq`, []any{from.Seq, to.Seq}, func(e Event) (err error) {
		if from, err = t.s.next(from, e); err == nil {
			visit(e)
		}
		return err
	})
	if err == nil && from != to {
		err = &TrailError{from.Seq, "the trail does not go on where its mark says"}
	}
	return err
}

// verified is what of a trail was proven: its marks, and how far each part
// between two of them was walked, by the number of the mark before it.
type verified struct {
	mu     sync.Mutex
	marks  map[int64]*mark
	upTo   int64 // the last mark
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

func (v *verified) last() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.upTo
}

func (v *verified) mark(seq int64) *mark {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.marks[seq]
}

func (v *verified) putMark(m *mark) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.marks == nil {
		v.marks = map[int64]*mark{}
	}
	v.marks[m.Seq], v.upTo = m, max(v.upTo, m.Seq)
}

func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parts, v.marks, v.upTo = nil, nil, 0
}

// readMarks reads the marks between the base and the head that are not known yet.
// One that is missing is [ErrNotFound].
func (t *Tx) readMarks(ctx context.Context, base, claimed Head) error {
	known := max(t.s.verified.last(), base.Seq/stride*stride)
	rows, err := t.query(ctx, `SELECT seq, hash, subjects, mac FROM audit_marks WHERE seq > ? AND seq <= ? ORDER BY seq`, known, claimed.Seq)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var m mark
		var about, mac string
		if err := rows.Scan(&m.Seq, &m.Hash, &about, &mac); err != nil {
			return t.s.explain(err)
		}
		if m.Seq != known+stride {
			return fmt.Errorf("mark %d: %w", known+stride, ErrNotFound)
		}
		if m.about, err = parseSieve(about); err != nil || !hmac.Equal([]byte(mac), []byte(m.seal(t.s))) {
			return &TrailError{m.Seq, "its mark was not written with this installation's key"}
		}
		t.s.verified.putMark(&m)
		known = m.Seq
	}
	if known+stride <= claimed.Seq {
		return fmt.Errorf("mark %d: %w", known+stride, ErrNotFound)
	}
	return t.s.explain(rows.Err())
}
