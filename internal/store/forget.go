package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Tenant is what hangs from an installation: the ids by which the rows of the queue, the
// mirrors and others that keep something of it are found.
type Tenant struct {
	Installation int64
	Repositories []int64
	Deliveries   []string // GUIDs
	Tips         []int64
	Questions    []int64
	Sweeps       []int64
	Credentials  []string // that are nowhere else
	Incidents    []string // of those
	Shared       []string // incidents of credentials that are elsewhere, too
	Plans        []string // about its credentials, of which nothing was applied
}

// Rows is how many things of it are kept.
func (t Tenant) Rows() int {
	return len(t.Repositories) + len(t.Deliveries) + len(t.Tips) + len(t.Questions) + len(t.Sweeps) + len(t.Credentials) + len(t.Incidents) + len(t.Plans)
}

// tenancy are the tables of what belongs to an installation, in the order in which their
// rows may go, each by the number of the installation. A table that names an installation
// or a repository and is missing here fails a test. Findings, incidents and credentials go
// by the repositories.
var tenancy = []struct{ table, where string }{
	{"questions", `tip IN (SELECT id FROM tips WHERE installation = ?)`},
	{"tips", `installation = ?`},
	{"orders", `id IN (SELECT guid FROM deliveries d WHERE ? IN (d.installation, COALESCE((SELECT r.installation FROM repositories r WHERE r.id = d.repository), 0)))`}, // taken for who has the repository now
	{"alerts", `repository IN (SELECT id FROM repositories WHERE installation = ?)`},                                                                                    // with theirs
	{"deliveries", `installation = ?`},
	{"analyses", `sweep IN (SELECT id FROM sweeps WHERE installation = ?)`},
	{"swept", `sweep IN (SELECT id FROM sweeps WHERE installation = ?)`},
	{"sweeps", `installation = ?`},
	{"moved", `installation = ?`},
	{"repositories", `installation = ?`},
}

// Tenant gathers what belongs to an installation. Credentials that were seen in a
// repository of another one, too, are not its own.
func (t *Tx) Tenant(ctx context.Context, installation int64) (out Tenant, err error) {
	out.Installation = installation
	where := map[string]string{}
	for _, of := range tenancy {
		where[of.table] = of.where
	}
	numbers := func(into *[]int64, table, column string) error {
		return t.column(ctx, table, `SELECT DISTINCT `+column+` FROM `+table+` WHERE `+where[table]+` ORDER BY 1`, installation, func(n int64) { *into = append(*into, n) })
	}
	for _, from := range []struct {
		into          *[]int64
		table, column string
	}{
		{&out.Questions, "questions", "id"}, {&out.Tips, "tips", "id"}, {&out.Sweeps, "sweeps", "id"},
		{&out.Repositories, "tips", "repository"}, {&out.Repositories, "deliveries", "repository"}, {&out.Repositories, "swept", "repository"}, {&out.Repositories, "repositories", "id"},
	} {
		if err := numbers(from.into, from.table, from.column); err != nil {
			return out, err
		}
	}
	if out.Repositories, err = t.still(ctx, installation, out.Repositories); err != nil {
		return out, err
	}
	err = t.texts(ctx, `SELECT guid FROM deliveries WHERE installation = ? ORDER BY guid`, []any{installation}, &out.Deliveries)
	if err == nil {
		err = t.unbegun(ctx, &out)
	}
	if err == nil {
		err = t.owned(ctx, &out)
	}
	return out, err
}

// unbegun adds the sweeps that failed before anybody knew whose they are, by the names of
// the account.
func (t *Tx) unbegun(ctx context.Context, out *Tenant) error {
	var names []string
	if err := t.texts(ctx, `SELECT name FROM repositories WHERE installation = ? UNION SELECT name FROM tips WHERE installation = ? UNION SELECT account FROM sweeps WHERE installation = ?`,
		[]any{out.Installation, out.Installation, out.Installation}, &names); err != nil {
		return err
	}
	for i, name := range names {
		account, _, _ := strings.Cut(name, "/")
		names[i] = strings.ToLower(account)
	}
	slices.Sort(names)
	for _, account := range slices.Compact(names) {
		err := t.column(ctx, "sweeps", `SELECT id FROM sweeps WHERE installation = 0 AND state = 'failed' AND LOWER(account) = ? ORDER BY id`, account, func(n int64) { out.Sweeps = append(out.Sweeps, n) })
		if err != nil {
			return err
		}
	}
	return nil
}

// still are the repositories that did not go to another installation since.
func (t *Tx) still(ctx context.Context, installation int64, all []int64) (out []int64, err error) {
	slices.Sort(all)
	for _, id := range slices.Compact(all) {
		n := 0
		if err := t.one(ctx, `SELECT (SELECT COUNT(*) FROM tips WHERE repository = ? AND installation <> ?) + (SELECT COUNT(*) FROM repositories WHERE id = ? AND installation <> ?)`,
			[]any{id, installation, id, installation}, &n); err != nil {
			return nil, err
		}
		if id > 0 && n == 0 {
			out = append(out, id)
		}
	}
	return out, nil
}

// owned adds the credentials that are in these repositories and nowhere else.
func (t *Tx) owned(ctx context.Context, out *Tenant) error {
	here, elsewhere := map[string]bool{}, map[string]bool{}
	ours := map[string]bool{}
	for _, id := range out.Repositories {
		ours[strconv.FormatInt(id, 10)] = true
	}
	rows, err := t.query(ctx, `SELECT DISTINCT credential, repository FROM findings ORDER BY credential`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var credential, repository string
		if err := rows.Scan(&credential, &repository); err != nil {
			return t.s.explain(err)
		}
		if ours[repository] {
			here[credential] = true
		} else {
			elsewhere[credential] = true
		}
	}
	if err := t.s.explain(rows.Err()); err != nil {
		return err
	}
	rows.Close()
	if err := t.movedOf(ctx, out.Installation, here, elsewhere); err != nil {
		return err
	}
	for id := range here {
		if elsewhere[id] {
			incident, err := t.incidentIn(ctx, id)
			if err != nil {
				return err
			}
			out.Shared = append(out.Shared, incident)
		} else {
			out.Credentials = append(out.Credentials, id)
		}
	}
	slices.Sort(out.Credentials)
	for _, id := range out.Credentials {
		if err := t.texts(ctx, `SELECT id FROM incidents WHERE credential = ?`, []any{id}, &out.Incidents); err != nil {
			return err
		}
		if err := t.texts(ctx, `SELECT digest FROM plans p WHERE body LIKE ? ESCAPE '!' AND NOT EXISTS (SELECT 1 FROM journal WHERE plan = p.digest)`,
			[]any{pattern(`"` + id + `"`)}, &out.Plans); err != nil {
			return err
		}
	}
	slices.Sort(out.Plans)
	out.Plans = slices.Compact(out.Plans)
	return nil
}

// movedOf adds the credentials whose places went away with a repository, by the installation
// that had it.
func (t *Tx) movedOf(ctx context.Context, installation int64, here, elsewhere map[string]bool) error {
	var ours, others []string
	err := t.texts(ctx, `SELECT DISTINCT credential FROM moved WHERE installation = ?`, []any{installation}, &ours)
	if err == nil {
		err = t.texts(ctx, `SELECT DISTINCT credential FROM moved WHERE installation <> ?`, []any{installation}, &others)
	}
	for _, id := range ours {
		here[id] = true
	}
	for _, id := range others {
		elsewhere[id] = true
	}
	return err
}

// Forget removes everything of an installation and takes nothing more of it in. The trail
// keeps of it that it was forgotten, by its number; events about its incidents, and
// about what was seen in its repositories, keep their place and tell nothing any more.
func (t *Tx) Forget(ctx context.Context, by string, of Tenant) error {
	blanked, err := t.blank(ctx, of)
	if err != nil {
		return fmt.Errorf("forget in the audit trail: %w", err)
	}
	for _, id := range of.Repositories {
		if _, err := t.exec(ctx, `DELETE FROM findings WHERE repository = ?`, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
	}
	if err := t.dropCredentials(ctx, of.Credentials); err != nil {
		return err
	}
	if err := t.dropPlans(ctx, of.Plans); err != nil {
		return err
	}
	for _, from := range tenancy {
		if there, err := t.has(ctx, from.table); err != nil || !there {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := t.exec(ctx, `DELETE FROM `+from.table+` WHERE `+from.where, of.Installation); err != nil {
			return fmt.Errorf("forget in %s: %w", from.table, err)
		}
	}
	for _, id := range of.Sweeps { // also of those that never began
		if _, err := t.exec(ctx, `DELETE FROM sweeps WHERE id = ?`, id); err != nil {
			return err
		}
	}
	now := micros(t.s.now())
	first, err := changed(t.exec(ctx, `INSERT INTO installations (id, suspended_at, gone_at, forgotten_at) VALUES (?, 0, ?, ?)
 ON CONFLICT (id) DO UPDATE SET forgotten_at = excluded.forgotten_at WHERE installations.forgotten_at = 0`, of.Installation, now, now))
	if err != nil || !first && blanked == 0 {
		return err
	}
	_, err = t.Audit(ctx, by, "forgotten", "installation "+strconv.FormatInt(of.Installation, 10), map[string]int{"events": blanked})
	return err
}

// dropCredentials removes credentials with their incidents and places, and what GitHub's
// alerts are about: when one of those moves again, its value is read again.
func (t *Tx) dropCredentials(ctx context.Context, ids []string) error {
	for _, id := range ids {
		for _, script := range []string{`DELETE FROM findings WHERE credential = ?`, `DELETE FROM moved WHERE credential = ?`, `DELETE FROM incidents WHERE credential = ?`, `DELETE FROM alerts WHERE credential = ?`, `DELETE FROM credentials WHERE id = ?`} {
			if _, err := t.exec(ctx, script, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropPlans removes plans with who approved them.
func (t *Tx) dropPlans(ctx context.Context, digests []string) error {
	for _, digest := range digests {
		for _, script := range []string{`DELETE FROM approvals WHERE plan = ?`, `DELETE FROM plans WHERE digest = ?`} {
			if _, err := t.exec(ctx, script, digest); err != nil {
				return err
			}
		}
	}
	return nil
}

// Named are the installations that have repositories of an account, by what is kept.
func (t *Tx) Named(ctx context.Context, account string) (all []int64, err error) {
	prefix := strings.ToLower(account) + "/"
	for _, table := range []string{"tips", "repositories"} {
		err := t.column(ctx, table, `SELECT DISTINCT installation FROM `+table+` WHERE SUBSTR(LOWER(name), 1, `+strconv.Itoa(len([]rune(prefix)))+`) = ? ORDER BY 1`, prefix, func(n int64) { all = append(all, n) })
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Compact has SQLite's file hold nothing of what was removed. PostgreSQL does so by
// itself, when it vacuums.
func (s *Store) Compact(ctx context.Context) error {
	if s.kind == postgres {
		return nil
	}
	for _, script := range []string{`PRAGMA wal_checkpoint(TRUNCATE)`, `VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := s.db.ExecContext(ctx, script); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

// has reports whether there is a table.
func (t *Tx) has(ctx context.Context, table string) (bool, error) {
	query := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?`
	if t.s.kind == postgres {
		query = `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?`
	}
	n := 0
	err := t.one(ctx, query, []any{table}, &n)
	return n > 0, err
}

// column reads the numbers of a query on a table, none where there is no such table.
func (t *Tx) column(ctx context.Context, table, query string, arg any, visit func(int64)) error {
	if there, err := t.has(ctx, table); err != nil || !there {
		return err
	}
	rows, err := t.query(ctx, query, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return t.s.explain(err)
		}
		visit(n)
	}
	return t.s.explain(rows.Err())
}

func (t *Tx) texts(ctx context.Context, query string, args []any, into *[]string) error {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return t.s.explain(err)
		}
		*into = append(*into, text)
	}
	return t.s.explain(rows.Err())
}
