package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Story is what the audit trail tells of an incident and its credential, the oldest event
// first, without places that the reader may not read.
func (t *Tx) Story(ctx context.Context, r Reader, in Incident) (all []Event, err error) {
	err = t.events(ctx, `SELECT seq, at, actor, action, subject, body, hash FROM audit WHERE subject IN (?, ?) ORDER BY seq`,
		[]any{in.ID, in.Credential.ID}, func(e Event) error {
			var at struct {
				Repository *string `json:"repository"`
			}
			if err := json.Unmarshal(e.Body, &at); err != nil {
				return fmt.Errorf("audit event %d: %w", e.Seq, err)
			}
			if at.Repository == nil || r.may(*at.Repository) {
				all = append(all, e)
			}
			return nil
		})
	return all, err
}

// PlanSeen is a plan that is about a credential.
type PlanSeen struct {
	Digest    string
	Requester string
	Body      json.RawMessage
	Made      time.Time
	Approvals []ApprovalSeen
	Done      string // the newest event of its journal; "" where nothing was done
}

// ApprovalSeen is who approved a plan. Kind is "" or what else than the plan it allows.
type ApprovalSeen struct {
	By, Kind string
	At       time.Time
}

// PlansFor lists the plans that are about a credential, the newest first.
func (t *Tx) PlansFor(ctx context.Context, credential string) (all []PlanSeen, err error) {
	rows, err := t.query(ctx, `SELECT p.digest, p.requester, p.body, p.made_at,
  COALESCE((SELECT j.event FROM journal j WHERE j.plan = p.digest ORDER BY j.id DESC LIMIT 1), '')
 FROM plans p WHERE p.body LIKE ? ESCAPE '!' ORDER BY p.made_at DESC, p.digest`, `%"`+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(credential)+`"%`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p PlanSeen
		var body string
		var made int64
		if err := rows.Scan(&p.Digest, &p.Requester, &body, &made, &p.Done); err != nil {
			return nil, t.s.explain(err)
		}
		p.Body, p.Made = json.RawMessage(body), fromMicros(made)
		all = append(all, p)
	}
	if err := t.s.explain(rows.Err()); err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Approvals, err = t.approvers(ctx, all[i].Digest); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *Tx) approvers(ctx context.Context, plan string) (all []ApprovalSeen, err error) {
	rows, err := t.query(ctx, `SELECT approver, signed_at FROM approvals WHERE plan = ? ORDER BY signed_at, approver`, plan)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a ApprovalSeen
		var at int64
		if err := rows.Scan(&a.By, &at); err != nil {
			return nil, t.s.explain(err)
		}
		if kind, by, ok := strings.Cut(a.By, "\n"); ok { // as [Tx.KeepApproval] writes it
			a.Kind, a.By = kind, by
		}
		a.At = fromMicros(at)
		all = append(all, a)
	}
	return all, t.s.explain(rows.Err())
}
