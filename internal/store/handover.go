package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// takeOver has the trail go on with the installation's key where it was written with one
// that was replaced. A trail of any other key stays as it is: whoever reads it is told.
func (s *Store) takeOver(ctx context.Context) error {
	former, is := s.key.Former()
	if !is {
		return nil
	}
	return s.Tx(ctx, func(t *Tx) error {
		head, mac, err := t.head(ctx)
		if err != nil || s.sealed(head, mac) == nil {
			return err
		}
		for ; is; former, is = former.Former() {
			old := &Store{db: s.db, kind: s.kind, where: s.where, key: former, now: s.now}
			if old.sealed(head, mac) == nil {
				return t.handOver(ctx, old)
			}
		}
		return nil
	})
}

// handOver verifies the whole trail with the key before, and signs with the new one what
// is signed: where it begins and ends, and that events were forgotten. Marks are made anew
// when they are needed. The first event under the new key says so, signed by both.
func (t *Tx) handOver(ctx context.Context, old *Store) error {
	before := &Tx{Tx: t.Tx, s: old}
	base, mac, err := before.head(ctx)
	if err == nil {
		err = old.sealed(base, mac)
	}
	if err == nil {
		base, err = before.base(ctx, base)
	}
	if err != nil {
		return err
	}
	forgotten, at := map[int64]string{}, base.Hash // number to body
	last, err := before.verify(ctx, nil, func(e Event) {
		if _, is := e.forgotten(); is {
			forgotten[e.Seq] = t.s.forgottenBody(at, e)
		}
		at = e.Hash
	})
	if err != nil {
		return fmt.Errorf("the audit trail does not go on with the new key: %w", err)
	}
	if err := t.reseal(ctx, base, last, forgotten); err != nil {
		return err
	}
	by := old.key.HMAC("audit hand-over", secret.New(last.String()+" "+t.s.key.Name()))
	_, err = t.Audit(ctx, "leakgate", "key changed", "audit", map[string]string{
		"from": old.key.Name(), "to": t.s.key.Name(), "behind": last.String(), "signed": hex.EncodeToString(by[:]),
	})
	return err
}

func (t *Tx) reseal(ctx context.Context, base, last Head, forgotten map[int64]string) error {
	if _, err := t.exec(ctx, `UPDATE audit_base SET mac = ?`, t.s.sealBase(base)); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM audit_marks`); err != nil {
		return err
	}
	if len(forgotten) > 0 {
		err := t.unguarded(ctx, func() error {
			for seq, body := range forgotten {
				if _, err := t.exec(ctx, `UPDATE audit SET body = ? WHERE seq = ?`, body, seq); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `UPDATE audit_head SET mac = ?`, t.s.seal(last))
	return err
}

// forgottenBody is that of an event that was forgotten.
func (s *Store) forgottenBody(before string, e Event) string {
	body, _ := json.Marshal(map[string]string{"forgotten": s.sealForgotten(before, e)}) // two texts always encode
	return string(body)
}

// reidentify gives a credential that is known under a key that was replaced its identity
// under the new one. Its incident keeps its id, under which the trail tells of it.
func (t *Tx) reidentify(ctx context.Context, actor string, c Credential) error {
	known := 0
	if err := t.one(ctx, `SELECT COUNT(*) FROM credentials WHERE id = ?`, []any{c.ID}, &known); err != nil || known > 0 {
		return err
	}
	for _, id := range c.Former {
		ok, err := changed(t.exec(ctx, `INSERT INTO credentials (id, rule, preview, severity, first_seen)
 SELECT ?, rule, preview, severity, first_seen FROM credentials WHERE id = ?`, c.ID, id))
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for _, table := range []string{"findings", "moved", "incidents", "alerts"} {
			if _, err := t.exec(ctx, `UPDATE `+table+` SET credential = ? WHERE credential = ?`, c.ID, id); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `DELETE FROM credentials WHERE id = ?`, id); err != nil {
			return err
		}
		in, err := t.Incident(ctx, c.ID)
		if err == nil {
			_, err = t.Audit(ctx, actor, "reidentified", in.ID, map[string]string{"from": id, "credential": c.ID})
		}
		return err
	}
	return nil
}

// credentialID is how ids of credentials look, see [secret.Key.ID].
var credentialID = regexp.MustCompile(`^LG-[A-Z2-7]+$`)

// reidentified is the incident whose credential had an id before the key was changed again.
func (t *Tx) reidentified(ctx context.Context, id string) (incident string, err error) {
	if rest, is := strings.CutPrefix(id, "INC-"); is {
		id = "LG-" + rest
	}
	if !credentialID.MatchString(id) {
		return "", ErrNotFound
	}
	err = t.one(ctx, `SELECT subject FROM audit WHERE action = 'reidentified' AND body LIKE ? ORDER BY seq DESC LIMIT 1`, []any{`%"from":"` + id + `"%`}, &incident)
	return incident, err
}
