package store

import (
	"context"
	"database/sql"
	"time"
)

// Delivery is one event that GitHub told of, without its payload: what is needed of that
// is in Facts, as JSON.
type Delivery struct {
	GUID         string
	Event        string
	Action       string
	Installation int64
	Repository   int64
	Facts        string
	Received     time.Time
}

// Deliver keeps a delivery; false means that it was kept before, or that its installation
// is forgotten.
func (t *Tx) Deliver(ctx context.Context, d Delivery) (fresh bool, err error) {
	return changed(t.exec(ctx, `INSERT INTO deliveries (guid, event, action, installation, repository, facts, received_at, handled_at)
 SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT), 0
 WHERE NOT EXISTS (SELECT 1 FROM installations WHERE id = ? AND forgotten_at > 0) ON CONFLICT (guid) DO NOTHING`,
		d.GUID, d.Event, d.Action, d.Installation, d.Repository, d.Facts, micros(t.s.now()), d.Installation))
}

// Delivery gives one by its GUID.
func (t *Tx) Delivery(ctx context.Context, guid string) (d Delivery, err error) {
	var received int64
	err = t.one(ctx, `SELECT guid, event, action, installation, repository, facts, received_at FROM deliveries WHERE guid = ?`,
		[]any{guid}, &d.GUID, &d.Event, &d.Action, &d.Installation, &d.Repository, &d.Facts, &received)
	d.Received = fromMicros(received)
	return d, err
}

// Handle marks a delivery as handled, in the transaction that does what it asks for.
// False means that another one did.
func (t *Tx) Handle(ctx context.Context, guid string) (bool, error) {
	return changed(t.exec(ctx, `UPDATE deliveries SET handled_at = ? WHERE guid = ? AND handled_at = 0`, micros(t.s.now()), guid))
}

// Unhandled are the GUIDs of what an installation told and nobody has handled yet, the
// oldest first.
func (t *Tx) Unhandled(ctx context.Context, installation int64) (guids []string, err error) {
	err = t.texts(ctx, `SELECT guid FROM deliveries WHERE installation = ? AND handled_at = 0 ORDER BY received_at, guid`, []any{installation}, &guids)
	return guids, err
}

// Delivered tells which of these GUIDs were kept.
func (t *Tx) Delivered(ctx context.Context, guids []string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, guid := range guids {
		n := 0
		if err := t.one(ctx, `SELECT COUNT(*) FROM deliveries WHERE guid = ?`, []any{guid}, &n); err != nil {
			return nil, err
		}
		known[guid] = n > 0
	}
	return known, nil
}

// changed reports whether a statement changed anything.
func changed(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// count is how many rows a statement changed.
func count(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
