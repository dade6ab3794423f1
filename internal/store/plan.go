package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// KeepPlan keeps a plan under its digest. Keeping the same one again changes nothing.
func (t *Tx) KeepPlan(ctx context.Context, digest, requester string, body []byte) error {
	r, err := t.exec(ctx, `INSERT INTO plans (digest, requester, body, made_at) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING`,
		digest, requester, string(body), micros(t.s.now()))
	if err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = t.Audit(ctx, requester, "planned", digest, struct{}{})
	return err
}

// Plan reads a plan by its digest.
func (t *Tx) Plan(ctx context.Context, digest string) (body []byte, requester string, err error) {
	var text string
	err = t.one(ctx, `SELECT body, requester FROM plans WHERE digest = ?`, []any{digest}, &text, &requester)
	if err != nil {
		return nil, "", fmt.Errorf("plan %s: %w", digest, err)
	}
	return []byte(text), requester, nil
}

// Plans lists the digests of all plans, the newest first.
func (t *Tx) Plans(ctx context.Context) ([]string, error) {
	rows, err := t.query(ctx, `SELECT digest FROM plans ORDER BY made_at DESC, digest`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var digest string
		if err := rows.Scan(&digest); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, digest)
	}
	return all, t.s.explain(rows.Err())
}

// PlansOf lists the digests of the plans that somebody asked for, the newest first.
func (t *Tx) PlansOf(ctx context.Context, requester string) (digests []string, err error) {
	err = t.texts(ctx, `SELECT digest FROM plans WHERE requester = ? ORDER BY made_at DESC, digest`, []any{requester}, &digests)
	return digests, err
}

// KeepApproval keeps an approval of a plan. A later one of the same approver and
// kind takes its place; kind is "" or what else than the plan it allows.
func (t *Tx) KeepApproval(ctx context.Context, plan, approver, kind string, body []byte) error {
	row := approver
	if kind != "" {
		row = kind + "\n" + approver // no name begins so
	}
	if _, err := t.exec(ctx, `INSERT INTO approvals (plan, approver, body, signed_at) VALUES (?, ?, ?, ?)
 ON CONFLICT (plan, approver) DO UPDATE SET body = excluded.body, signed_at = excluded.signed_at`,
		plan, row, string(body), micros(t.s.now())); err != nil {
		return fmt.Errorf("keep approval: %w", err)
	}
	action := strings.TrimSpace("approved " + kind)
	if kind == "request" { // who asks approves nothing
		action = "requested"
	}
	_, err := t.Audit(ctx, approver, action, plan, json.RawMessage(body))
	return err
}

// Approvals reads those of a plan.
func (t *Tx) Approvals(ctx context.Context, plan string) ([][]byte, error) {
	rows, err := t.query(ctx, `SELECT body FROM approvals WHERE plan = ? ORDER BY approver`, plan)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]byte
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, []byte(body))
	}
	return all, t.s.explain(rows.Err())
}
