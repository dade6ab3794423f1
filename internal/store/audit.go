package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Event is one line of the audit trail: who did what to what. Body is data in
// JSON, without any value of a credential.
type Event struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"` // a credential, an incident or a plan
	Body    json.RawMessage `json:"body"`
	Hash    string          `json:"hash"` // of this event and, through its hash, all before it
}

// Head is the last event of a trail. Kept elsewhere, it proves later that
// nothing up to it was cut or changed.
type Head struct {
	Seq  int64
	Hash string
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// ParseHead reads the form of [Head.String].
func ParseHead(text string) (Head, error) {
	seq, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || len(hash) != 2*sha256.Size {
		return Head{}, fmt.Errorf("%q is no head of an audit trail, as in 17:<64 hexadecimal digits>", text)
	}
	return Head{n, hash}, nil
}

// Audit appends an event to the trail and returns its number. The body is
// anything that encodes to JSON.
func (t *Tx) Audit(ctx context.Context, actor, action, subject string, body any) (int64, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	head, mac, err := t.head(ctx)
	if err == nil {
		err = t.s.sealed(head, mac) // or the next event would sign what somebody else wrote
	}
	if err != nil {
		return 0, err
	}
	at := t.s.now().UTC().Truncate(time.Microsecond)
	if last, err := t.latest(ctx); err != nil {
		return 0, err
	} else if last.After(at) { // a clock that went back gives nobody time
		at = last
	}
	e := Event{Seq: head.Seq + 1, At: at, Actor: actor, Action: action, Subject: subject, Body: text}
	e.Hash = e.chain(head.Hash)
	if _, err := t.exec(ctx, `INSERT INTO audit (seq, at, actor, action, subject, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		e.Seq, micros(e.At), e.Actor, e.Action, e.Subject, string(e.Body), e.Hash); err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	if err := t.mark(ctx, Head{e.Seq, e.Hash}); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `UPDATE audit_head SET seq = ?, hash = ?, mac = ?`, e.Seq, e.Hash, t.s.seal(Head{e.Seq, e.Hash}))
	return e.Seq, err
}

// head is the head that the database claims, with its seal. It is locked until
// the transaction ends.
func (t *Tx) head(ctx context.Context) (h Head, mac string, err error) {
	query := `SELECT seq, hash, mac FROM audit_head`
	if t.s.kind == postgres {
		query += ` FOR UPDATE`
	}
	err = t.one(ctx, query, nil, &h.Seq, &h.Hash, &mac)
	return h, mac, err
}

// seal is what only the holder of the installation's key can write.
func (s *Store) seal(h Head) string {
	sum := s.key.HMAC("audit head", secret.New(h.String()))
	return hex.EncodeToString(sum[:])
}

// sealed reports whether a head was written with the key.
func (s *Store) sealed(h Head, mac string) error {
	if !hmac.Equal([]byte(mac), []byte(s.seal(h))) {
		return &TrailError{h.Seq, "its head was not written with this installation's key: give the key that it was written with; if that was this one, the trail was tampered with"}
	}
	return nil
}

// chain is the hash of an event behind one with the hash before.
func (e Event) chain(before string) string {
	sum := sha256.New()
	for _, part := range []string{before, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(micros(e.At), 10), e.Actor, e.Action, e.Subject, string(e.Body)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		sum.Write(size[:])
		sum.Write([]byte(part))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Next is the head behind an event that follows this one. An event that does not
// is a [TrailError].
func (h Head) Next(e Event) (Head, error) {
	if e.Seq != h.Seq+1 {
		return h, &TrailError{h.Seq + 1, "it is missing"}
	}
	if e.chain(h.Hash) != e.Hash {
		if _, is := e.forgotten(); is {
			return h, &TrailError{e.Seq, "what it told was forgotten, which only its installation's key can prove"}
		}
		return h, &TrailError{e.Seq, "it is not what was written"}
	}
	return Head{e.Seq, e.Hash}, nil
}

// TrailError says where an audit trail was tampered with.
type TrailError struct {
	Seq int64
	Why string
}

func (e *TrailError) Error() string { return fmt.Sprintf("audit event %d: %s", e.Seq, e.Why) }

// VerifyTrail walks the whole trail and returns its head. A trail that was
// edited, reordered or cut is a [TrailError]. Heads that were noted elsewhere
// must lie on it; one of a part that was pruned is an error that names the archive
// as the place to look.
func (s *Store) VerifyTrail(ctx context.Context, noted ...Head) (last Head, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		last, err = t.verify(ctx, noted, func(Event) {})
		return err
	})
	return last, err
}

func (t *Tx) verify(ctx context.Context, noted []Head, visit func(Event)) (last Head, err error) {
	claimed, mac, err := t.head(ctx)
	if err != nil {
		return last, err
	}
	if last, err = t.base(ctx, claimed); err != nil {
		return last, err
	}
	if err := pruned(noted, last); err != nil {
		return last, err
	}
	err = t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit ORDER BY seq`, nil, func(e Event) error {
		if last, err = t.s.next(last, e); err != nil {
			return err
		}
		visit(e)
		return misplaced(noted, last)
	})
	if err != nil {
		return last, err
	}
	return last, t.s.endsAt(last, claimed, mac, noted)
}

// misplaced holds an event against the heads that were noted elsewhere.
func misplaced(noted []Head, at Head) error {
	for _, n := range noted {
		if n.Seq == at.Seq && n.Hash != at.Hash {
			return &TrailError{at.Seq, "it is not the one that was noted elsewhere"}
		}
	}
	return nil
}

// endsAt judges where a trail ends.
func (s *Store) endsAt(last, claimed Head, mac string, noted []Head) error {
	if last.Seq < claimed.Seq {
		return &TrailError{last.Seq + 1, "the trail was cut here"}
	}
	if last != claimed {
		return &TrailError{last.Seq, "the trail does not end where its head says"}
	}
	if err := s.sealed(claimed, mac); err != nil {
		return err
	}
	for _, n := range noted {
		if n.Seq > last.Seq {
			return &TrailError{last.Seq + 1, fmt.Sprintf("the trail was cut here: event %d was noted elsewhere", n.Seq)}
		}
	}
	return nil
}

// Trail visits the events about a subject, or all for "", in their order.
func (s *Store) Trail(ctx context.Context, subject string, visit func(Event) error) error {
	return s.Tx(ctx, func(t *Tx) error {
		if subject == "" {
			return t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit ORDER BY seq`, nil, visit)
		}
		return t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject = ? ORDER BY seq`, []any{subject}, visit)
	})
}

func (t *Tx) events(ctx context.Context, query string, args []any, visit func(Event) error) error {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e Event
		var at int64
		var body string
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Subject, &body, &e.Hash); err != nil {
			return t.s.explain(err)
		}
		e.At, e.Body = fromMicros(at), json.RawMessage(body)
		if err := visit(e); err != nil {
			return err
		}
	}
	return t.s.explain(rows.Err())
}
