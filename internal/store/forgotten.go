package store

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// A forgotten event keeps its place in the trail, its time and its hash, and nothing that
// it told. Its hash cannot be computed any more; that it is the one that was written is
// sealed with the installation's key, as the end of the trail is. A head that was noted
// elsewhere lies on the trail as before.

// seal of a forgotten event, which stands in its body.
func (s *Store) sealForgotten(before string, e Event) string {
	text := strings.Join([]string{before, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(micros(e.At), 10), e.Action, e.Hash}, " ")
	sum := s.key.HMAC("audit forgotten", secret.New(text))
	return hex.EncodeToString(sum[:])
}

// forgotten is the seal of an event that was forgotten.
func (e Event) forgotten() (seal string, is bool) {
	var body struct {
		Forgotten string `json:"forgotten"`
	}
	if e.Actor != "" || e.Subject != "" || json.Unmarshal(e.Body, &body) != nil || body.Forgotten == "" {
		return "", false
	}
	return body.Forgotten, true
}

// next is [Head.Next], by who has the key.
func (s *Store) next(h Head, e Event) (Head, error) {
	seal, is := e.forgotten()
	if !is || e.Seq != h.Seq+1 {
		return h.Next(e)
	}
	if !hmac.Equal([]byte(seal), []byte(s.sealForgotten(h.Hash, e))) {
		return h, &TrailError{e.Seq, "what it told is gone, and was not forgotten with this installation's key"}
	}
	return Head{e.Seq, e.Hash}, nil
}

// blank forgets what events told about a tenant, and returns how many there were. The
// guard of the trail is away only within the transaction.
func (t *Tx) blank(ctx context.Context, of Tenant) (n int, err error) {
	var all []Event
	about := func(subjects []string, wanted func(Event) bool) error {
		for _, subject := range subjects {
			err := t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject = ? ORDER BY seq`, []any{subject}, func(e Event) error {
				if wanted(e) {
					all = append(all, e)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	err = about(slices.Concat(of.Incidents, of.Credentials, of.Plans), func(Event) bool { return true })
	if err == nil { // and about what they were called before the key was changed
		err = about(formerly(all), func(Event) bool { return true })
	}
	if err == nil {
		err = about(of.Shared, of.seen)
	}
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, nil
	}
	return len(all), t.unguarded(ctx, func() error {
		for _, e := range all {
			if err := t.blankOne(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// formerly are the ids that credentials had before, as events tell.
func formerly(all []Event) (ids []string) {
	for _, e := range all {
		var body struct {
			From string `json:"from"`
		}
		if e.Action == "reidentified" && json.Unmarshal(e.Body, &body) == nil && body.From != "" {
			ids = append(ids, body.From)
		}
	}
	return ids
}

// seen reports whether an event tells of a place in a tenant's repositories.
func (of Tenant) seen(e Event) bool {
	var body struct {
		Repository string `json:"repository"`
	}
	if json.Unmarshal(e.Body, &body) != nil {
		return false
	}
	id, err := strconv.ParseInt(body.Repository, 10, 64)
	return err == nil && slices.Contains(of.Repositories, id)
}

func (t *Tx) blankOne(ctx context.Context, e Event) error {
	before, err := t.hashBefore(ctx, e.Seq)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE audit SET actor = '', subject = '', body = ? WHERE seq = ?`, t.s.forgottenBody(before, e), e.Seq)
	return err
}

// hashBefore is the hash on which that of an event depends.
func (t *Tx) hashBefore(ctx context.Context, seq int64) (hash string, err error) {
	err = t.one(ctx, `SELECT hash FROM audit WHERE seq = ?`, []any{seq - 1}, &hash)
	if errors.Is(err, ErrNotFound) { // the trail begins here, or was pruned up to here
		err = t.one(ctx, `SELECT hash FROM audit_base WHERE seq = ?`, []any{seq - 1}, &hash)
	}
	if errors.Is(err, ErrNotFound) && seq == 1 {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("audit event %d: %w", seq-1, err)
	}
	return hash, nil
}

// unguarded takes the guards of the trail away, does something, and puts them back, all
// within the transaction.
func (t *Tx) unguarded(ctx context.Context, do func() error) error {
	drop := map[kind]string{
		sqlite:   `DROP TRIGGER audit_no_delete; DROP TRIGGER audit_no_update`,
		postgres: `DROP TRIGGER audit_no_change ON audit; DROP FUNCTION audit_only_grows()`,
	}
	if _, err := t.ExecContext(ctx, drop[t.s.kind]); err != nil {
		return t.s.explain(err)
	}
	if err := do(); err != nil {
		return err
	}
	_, err := t.ExecContext(ctx, strings.ReplaceAll(guards[t.s.kind], "TABLE", "audit"))
	return t.s.explain(err)
}
