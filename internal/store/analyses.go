package store

import "context"

// Analysis is what code scanning is still to be told of a repository after a sweep, in one
// category. Log holds no value: it is the same that people may see.
type Analysis struct {
	Sweep, Repository  int64
	Category, Ref, SHA string
	Log                string // SARIF, compressed, in base64
}

// KeepAnalysis keeps one until it is told. Those of earlier sweeps are told no more: the
// last word on a repository is that of its last sweep.
func (t *Tx) KeepAnalysis(ctx context.Context, a Analysis) error {
	if _, err := t.exec(ctx, `DELETE FROM analyses WHERE repository = ? AND sweep < ?`, a.Repository, a.Sweep); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO analyses (sweep, repository, category, ref, sha, log) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sweep, repository, category) DO NOTHING`,
		a.Sweep, a.Repository, a.Category, text(a.Ref), a.SHA, a.Log)
	return err
}

// Analyses gives what is to be told of a repository after a sweep.
func (t *Tx) Analyses(ctx context.Context, sweep, repository int64) (all []Analysis, err error) {
	rows, err := t.query(ctx, `SELECT sweep, repository, category, ref, sha, log FROM analyses WHERE sweep = ? AND repository = ? ORDER BY category`, sweep, repository)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a Analysis
		if err := rows.Scan(&a.Sweep, &a.Repository, &a.Category, &a.Ref, &a.SHA, &a.Log); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, a)
	}
	return all, t.s.explain(rows.Err())
}

// TellAnalysis keeps that code scanning was told, and that nothing is left to tell.
func (t *Tx) TellAnalysis(ctx context.Context, a Analysis) error {
	if _, err := t.exec(ctx, `UPDATE swept SET told = 1 WHERE sweep = ? AND repository = ?`, a.Sweep, a.Repository); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM analyses WHERE sweep = ? AND repository = ? AND category = ?`, a.Sweep, a.Repository, a.Category)
	return err
}

// DropAnalyses removes what is not to be told after all.
func (t *Tx) DropAnalyses(ctx context.Context, sweep, repository int64) error {
	_, err := t.exec(ctx, `DELETE FROM analyses WHERE sweep = ? AND repository = ?`, sweep, repository)
	return err
}

// UntoldHistories are the repositories, by their sweep, of which code scanning is to be told yet.
func (t *Tx) UntoldHistories(ctx context.Context) (all []Swept, err error) {
	rows, err := t.query(ctx, `SELECT DISTINCT sweep, repository FROM analyses ORDER BY sweep, repository`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Swept
		if err := rows.Scan(&r.Sweep, &r.Repository); err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, r)
	}
	return all, t.s.explain(rows.Err())
}
