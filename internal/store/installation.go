package store

import "context"

// Forgotten are the numbers of the installations of which everything was removed. What
// comes late of them is not taken in.
func (t *Tx) Forgotten(ctx context.Context) (map[int64]bool, error) {
	rows, err := t.query(ctx, `SELECT id FROM installations WHERE forgotten_at > 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, t.s.explain(err)
		}
		all[id] = true
	}
	return all, t.s.explain(rows.Err())
}
