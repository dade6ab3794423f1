package store

import (
	"context"
	"time"
)

// What follows removes what was kept for long enough and nobody needs. Each does so much
// at a time that others can write in between; it is called again until nothing was removed.
const pruneAtOnce = 500

// PruneDeliveries removes deliveries that came before a time: GitHub repeats none of them,
// and their jobs ended long ago. With them go what was said to the orders that they brought.
func (t *Tx) PruneDeliveries(ctx context.Context, before time.Time) (int64, error) {
	if _, err := t.exec(ctx, `DELETE FROM orders WHERE taken_at < ?`, micros(before)); err != nil {
		return 0, err
	}
	return count(t.exec(ctx, `DELETE FROM deliveries WHERE guid IN (SELECT guid FROM deliveries WHERE received_at < ? ORDER BY received_at LIMIT ?)`, micros(before), pruneAtOnce))
}

// PruneTips removes heads with their questions of which each ended before a time, and
// whose check run nobody may be writing.
func (t *Tx) PruneTips(ctx context.Context, before time.Time) (removed int64, err error) {
	var ids []int64
	rows, err := t.query(ctx, `SELECT id FROM tips WHERE made_at < ? AND claimed_at = 0
 AND NOT EXISTS (SELECT 1 FROM questions WHERE tip = tips.id AND (state IN (?, ?) OR ended_at >= ?)) ORDER BY id LIMIT ?`,
		micros(before), Waiting, Running, micros(before), pruneAtOnce)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return 0, t.s.explain(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return 0, t.s.explain(err)
	}
	rows.Close()
	for _, id := range ids {
		if _, err := t.exec(ctx, `DELETE FROM questions WHERE tip = ?`, id); err != nil {
			return removed, err
		}
		n, err := count(t.exec(ctx, `DELETE FROM tips WHERE id = ?`, id))
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// PruneIncidents removes incidents that were closed before a time, with their credentials
// and places. One that was dismissed is needed as long as anybody may find it again. The
// audit trail goes on telling of them, until that is pruned.
func (t *Tx) PruneIncidents(ctx context.Context, before time.Time) (int64, error) {
	var ids []string
	if err := t.texts(ctx, `SELECT credential FROM incidents WHERE state = ? AND changed_at < ? ORDER BY changed_at LIMIT ?`,
		[]any{Closed, micros(before), pruneAtOnce}, &ids); err != nil {
		return 0, err
	}
	return int64(len(ids)), t.dropCredentials(ctx, ids)
}

// PruneSweeps removes sweeps that ended before a time, with what they came to, where a
// newer one of the same installation that looked at as much is done, or which never began. A
// sweep of one repository alone, which has its whole name, stands for no other.
func (t *Tx) PruneSweeps(ctx context.Context, before time.Time) (removed int64, err error) {
	const old = `SELECT s.id FROM sweeps s WHERE s.ended_at > 0 AND s.ended_at < ? AND (s.installation = 0
 OR EXISTS (SELECT 1 FROM sweeps n WHERE n.installation = s.installation AND n.state = ? AND n.id > s.id AND (n.account NOT LIKE '%/%' OR s.account LIKE '%/%')
  AND (n.since = 0 OR s.since > 0))) ORDER BY s.id LIMIT ?`
	const atOnce = 10 // each has a row for every repository
	for _, table := range []string{"analyses", "swept"} {
		if _, err := t.exec(ctx, `DELETE FROM `+table+` WHERE sweep IN (`+old+`)`, micros(before), PassDone, atOnce); err != nil {
			return 0, err
		}
	}
	return count(t.exec(ctx, `DELETE FROM sweeps WHERE id IN (`+old+`)`, micros(before), PassDone, atOnce))
}

// PruneSessions removes sessions that ended before a time.
func (t *Tx) PruneSessions(ctx context.Context, before time.Time) (int64, error) {
	return count(t.exec(ctx, `DELETE FROM sessions WHERE ends_at < ?`, micros(before)))
}

// KnownRepository reports whether anything is kept of a repository.
func (t *Tx) KnownRepository(ctx context.Context, id int64) (known bool, err error) {
	for table, column := range map[string]string{"tips": "repository", "deliveries": "repository", "swept": "repository", "repositories": "id"} {
		err := t.column(ctx, table, `SELECT COUNT(*) FROM `+table+` WHERE `+column+` = ?`, id, func(n int64) { known = known || n > 0 })
		if err != nil || known {
			return known, err
		}
	}
	return false, nil
}
