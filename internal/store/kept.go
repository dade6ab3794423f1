package store

import (
	"context"
	"time"
)

// Kept is how many records of a kind the database holds for a key, to be held against
// the audit trail: each should have an event.
type Kept struct {
	Action string // of the event: detected, planned, approved, approved undo, requested, or that of the journal
	Key    string // an incident or a plan
	Count  int
	Since  time.Time // of the oldest
}

// Kept counts the records that the audit trail should have told of.
func (t *Tx) Kept(ctx context.Context) (all []Kept, err error) {
	rows, err := t.query(ctx, `SELECT 'detected', id, 1, opened_at FROM incidents
 UNION ALL SELECT 'planned', digest, 1, made_at FROM plans
 UNION ALL SELECT `+approvalAction+`, plan, COUNT(*), MIN(signed_at) FROM approvals GROUP BY 1, plan
 UNION ALL SELECT event, plan, COUNT(*), MIN(at) FROM journal GROUP BY event, plan`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k Kept
		var since int64
		if err := rows.Scan(&k.Action, &k.Key, &k.Count, &since); err != nil {
			return nil, t.s.explain(err)
		}
		k.Since = fromMicros(since)
		all = append(all, k)
	}
	return all, t.s.explain(rows.Err())
}

// approvalKinds are those that packages keep beside approvals of the plan itself.
var approvalKinds = []string{"undo", "destroy", "review", "remains", "taken", "refused"}

// approvalAction is the action of the event that [Tx.KeepApproval] writes, by the kind
// in its row.
var approvalAction = func() string {
	sql := "CASE WHEN approver LIKE 'request\n%' THEN 'requested'"
	for _, kind := range approvalKinds {
		sql += " WHEN approver LIKE '" + kind + "\n%' THEN 'approved " + kind + "'"
	}
	return sql + " ELSE 'approved' END"
}()
