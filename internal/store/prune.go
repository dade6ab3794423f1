package store

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// ErrPruned is the answer about a part of the trail that was moved to an archive.
var ErrPruned = errors.New("it was pruned: look into the archive")

// base is where the trail begins: at nothing, or behind what was pruned. It is
// written with the key, so that nobody else can cut the trail's beginning off.
func (t *Tx) base(ctx context.Context, claimed Head) (h Head, err error) {
	var mac string
	err = t.one(ctx, `SELECT seq, hash, mac FROM audit_base`, nil, &h.Seq, &h.Hash, &mac)
	switch {
	case errors.Is(err, ErrNotFound):
		return Head{}, nil
	case err != nil:
		return h, err
	case !hmac.Equal([]byte(mac), []byte(t.s.sealBase(h))) || h.Seq > claimed.Seq:
		return h, &TrailError{h.Seq + 1, "the trail before it is gone, and not by pruning with this installation's key"}
	}
	return h, nil
}

func (s *Store) sealBase(h Head) string {
	sum := s.key.HMAC("audit base", secret.New(h.String()))
	return hex.EncodeToString(sum[:])
}

// pruned holds noted heads against where the trail begins.
func pruned(noted []Head, base Head) error {
	for _, n := range noted {
		if n.Seq == base.Seq && n.Hash != base.Hash && n.Seq > 0 {
			return &TrailError{n.Seq, "it is not the one that was noted elsewhere"}
		}
		if n.Seq < base.Seq {
			return fmt.Errorf("audit event %d: %w", n.Seq, ErrPruned)
		}
	}
	return nil
}

// Base is where the trail begins: its zero Head, or the last event that was pruned.
func (s *Store) Base(ctx context.Context) (base Head, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		claimed, _, err := t.head(ctx)
		if err == nil {
			base, err = t.base(ctx, claimed)
		}
		return err
	})
	return base, err
}

// Prunable is the last event up to which the trail may be pruned: all up to it are
// older than a time, and none of them is about an incident that is not over or what
// is needed besides: what plans that are not over are about, as those tell who make
// them. The zero Head means that nothing may be.
func (s *Store) Prunable(ctx context.Context, before time.Time, needed map[string]bool) (upTo Head, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		upTo, err = t.prunable(ctx, before, needed)
		return err
	})
	return upTo, err
}

// minKept is how long every event stays, whatever somebody asks for: plans, and
// whoever looks into last week's incident, need them.
const minKept = 30 * 24 * time.Hour

func (t *Tx) prunable(ctx context.Context, before time.Time, needed map[string]bool) (upTo Head, err error) {
	if before.After(t.s.now().Add(-minKept)) {
		return upTo, fmt.Errorf("events of the last %d days are kept", int(minKept.Hours()/24))
	}
	if _, err := t.verify(ctx, nil, func(Event) {}); err != nil {
		return upTo, err
	}
	live, err := t.live(ctx, needed)
	if err != nil {
		return upTo, err
	}
	far := false
	err = t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit ORDER BY seq`, nil, func(e Event) error {
		if far = far || !e.At.Before(before) || live[e.Subject]; !far {
			upTo = Head{e.Seq, e.Hash}
		}
		return nil
	})
	return upTo, err
}

// live are what is needed, and the incidents that are not over or whose credential
// is needed: reports are written from their events.
func (t *Tx) live(ctx context.Context, needed map[string]bool) (map[string]bool, error) {
	live := map[string]bool{}
	maps.Copy(live, needed)
	all, err := t.Incidents(ctx)
	for _, in := range all {
		if in.State != Closed && in.State != Dismissed || needed[in.Credential.ID] {
			live[in.ID], live[in.Credential.ID] = true, true
		}
	}
	return live, err
}

// Prune removes the events up to a head, which somebody has proven to hold an
// archive of: archive is its digest. The event of it tells more besides. What stays verifies as before, behind a base
// that is written with the key, and the trail says what was moved where.
func (s *Store) Prune(ctx context.Context, actor string, upTo Head, before time.Time, needed map[string]bool, archive string, more map[string]any) error {
	return s.Tx(ctx, func(t *Tx) error {
		allowed, err := t.prunable(ctx, before, needed)
		if err != nil {
			return err
		}
		if upTo.Seq == 0 || upTo.Seq > allowed.Seq {
			return fmt.Errorf("events up to %d may be pruned, not up to %d", allowed.Seq, upTo.Seq)
		}
		var hash string
		if err := t.one(ctx, `SELECT hash FROM audit WHERE seq = ?`, []any{upTo.Seq}, &hash); err != nil {
			return fmt.Errorf("audit event %d: %w", upTo.Seq, err)
		}
		if hash != upTo.Hash {
			return fmt.Errorf("audit event %d is not the one of the archive", upTo.Seq)
		}
		if err := t.cut(ctx, upTo); err != nil {
			return fmt.Errorf("prune: %w", err)
		}
		body := map[string]any{"up_to": upTo.String(), "archive": archive}
		maps.Copy(body, more)
		_, err = t.Audit(ctx, actor, "pruned", "audit", body)
		return err
	})
}

// cut removes the events up to a head, which becomes the base.
func (t *Tx) cut(ctx context.Context, upTo Head) error {
	return t.unguarded(ctx, func() error {
		if _, err := t.exec(ctx, `DELETE FROM audit WHERE seq <= ?`, upTo.Seq); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM audit_base`); err != nil {
			return err
		}
		_, err := t.exec(ctx, `INSERT INTO audit_base (one, seq, hash, mac) VALUES (1, ?, ?, ?)`, upTo.Seq, upTo.Hash, t.s.sealBase(upTo))
		return err
	})
}
