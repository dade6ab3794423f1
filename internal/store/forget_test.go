package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// tenants fills a store with what two installations have, 11 with repository 101 of acme,
// and 22 with 202 of other. One credential of each is its own, and LG-BOTH is in both.
func tenants(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	check(t, s.Tx(ctx, func(tx *store.Tx) error {
		for i, name := range []string{"acme/app", "other/thing"} {
			installation, repository := int64(11*(i+1)), int64(101*(i+1))
			account, _, _ := strings.Cut(name, "/")
			sweep, _, err := tx.WantSweep(ctx, account) // which failed before it began
			if err == nil {
				err = tx.FailSweep(ctx, sweep, "the App is not installed for "+account)
			}
			if err != nil {
				return err
			}
			if _, err := tx.Deliver(ctx, store.Delivery{GUID: "guid-" + account, Event: "push", Installation: installation, Repository: repository, Facts: `{"name":"` + name + `"}`}); err != nil {
				return err
			}
			tip, err := tx.Tip(ctx, store.Tip{Installation: installation, Repository: repository, Name: name, SHA: strings.Repeat("a", 40)})
			if err != nil {
				return err
			}
			if _, _, err := tx.Ask(ctx, store.Question{Tip: tip.ID, Subject: "push/" + account, Body: `{}`, State: store.Waiting}); err != nil {
				return err
			}
			for _, id := range []string{"LG-" + strings.ToUpper(account), "LG-BOTH"} {
				err := tx.Record(ctx, "leakgate-app", []store.Sighting{{Credential: store.Credential{ID: id, Rule: "r", Preview: account + "…(9)", Severity: "high"},
					Repository: fmt.Sprint(repository), Fingerprint: "fp-" + account, Body: map[string]string{"path": account + "/secret.txt"}}})
				if err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// everything is all text of a database, by table.
func everything(t *testing.T, raw *sql.DB, postgres bool) string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if postgres {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var tables []string
	rows, err := raw.Query(query)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		check(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	check(t, rows.Err())
	var all strings.Builder
	for _, table := range tables {
		rows, err := raw.Query(`SELECT * FROM ` + table)
		check(t, err)
		columns, err := rows.Columns()
		check(t, err)
		for rows.Next() {
			cells, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			check(t, rows.Scan(into...))
			fmt.Fprintf(&all, "%s:", table)
			for _, c := range cells {
				if b, is := c.([]byte); is {
					c = string(b)
				}
				fmt.Fprintf(&all, " [%v]", c)
			}
			all.WriteByte('\n')
		}
		check(t, rows.Err())
		rows.Close()
	}
	return all.String()
}

func TestForgettingLeavesNothingButTheFact(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		tenants(t, s)
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error { // as an order to fix something makes one
			for _, digest := range []string{"d-acme", "d-other"} {
				who := strings.TrimPrefix(digest, "d-")
				body := fmt.Sprintf(`{"steps":[{"credential":"LG-%s","repository":"github.com/%s/app"}]}`, strings.ToUpper(who), who)
				check(t, tx.KeepPlan(t.Context(), digest, "@boss-of-"+who, []byte(body)))
				check(t, tx.KeepApproval(t.Context(), digest, "second-of-"+who, "", []byte(`{}`)))
			}
			return nil
		}))
		noted, err := s.VerifyTrail(t.Context())
		check(t, err)
		var of store.Tenant
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			named, err := tx.Named(t.Context(), "ACME")
			if len(named) != 1 || named[0] != 11 {
				t.Errorf("acme is %v", named)
			}
			check(t, err)
			of, err = tx.Tenant(t.Context(), 11)
			check(t, err)
			return tx.Forget(t.Context(), "leakgate-app", of)
		}))
		if of.Rows() != 8 || len(of.Credentials) != 1 {
			t.Errorf("what acme had: %+v", of)
		}
		left := everything(t, raw, s.Postgres())
		for _, trace := range []string{"acme", "ACME", "[101]", "guid-acme"} {
			for line := range strings.Lines(left) {
				if strings.Contains(line, trace) && !strings.HasPrefix(line, "credentials: [LG-BOTH]") { // its preview is of who had it first
					t.Errorf("%q is left in %s", trace, line)
				}
			}
		}
		for _, rest := range []string{"guid-other", "LG-OTHER", "INC-OTHER", "other/secret.txt", "installation 11", "d-other", "boss-of-other", "second-of-other"} {
			if !strings.Contains(left, rest) {
				t.Errorf("%q is gone, too", rest)
			}
		}
		if _, err := s.VerifyTrail(t.Context(), noted); err != nil {
			t.Errorf("the trail: %v", err)
		}
		check(t, s.VerifyNew(t.Context()))
		audit(t, s, "goes on")
		if _, err := raw.Exec(`DELETE FROM audit`); err == nil {
			t.Error("the guard of the trail is gone")
		}
		if _, err := raw.Exec(`UPDATE audit SET actor = 'eve'`); err == nil {
			t.Error("the guard of the trail is gone")
		}
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			again, err := tx.Tenant(t.Context(), 11)
			if again.Rows() != 0 {
				t.Errorf("there is more: %+v", again)
			}
			check(t, err)
			check(t, tx.Forget(t.Context(), "leakgate-app", again))
			if fresh, err := tx.Deliver(t.Context(), store.Delivery{GUID: "late", Event: "push", Installation: 11, Facts: "{}"}); fresh || err != nil {
				t.Errorf("a late delivery is taken in: %v %v", fresh, err)
			}
			forgotten, err := tx.Forgotten(t.Context())
			if !forgotten[11] || forgotten[22] {
				t.Errorf("forgotten are %v", forgotten)
			}
			return err
		}))
		if text := everything(t, raw, s.Postgres()); strings.Count(text, "installation 11") != 1 {
			t.Error("it is told twice")
		}
	})
}

func TestARepositoryThatWentElsewhereIsNotForgotten(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		tenants(t, s)
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			check(t, tx.See(t.Context(), store.Repository{ID: 101, Installation: 22, Name: "other/app"}))
			of, err := tx.Tenant(t.Context(), 11)
			check(t, err)
			if len(of.Repositories)+len(of.Credentials) != 0 || len(of.Tips) != 1 {
				t.Errorf("what is left to forget: %+v", of)
			}
			return tx.Forget(t.Context(), "ada", of)
		}))
		if left := everything(t, raw, s.Postgres()); !strings.Contains(left, "LG-ACME") || strings.Contains(left, "acme/app") {
			t.Errorf("what is left:\n%s", left)
		}
	})
}

func TestWhatOthersBlankIsSeen(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		tenants(t, s)
		drop := `DROP TRIGGER audit_no_update`
		if s.Postgres() {
			drop = `DROP TRIGGER audit_no_change ON audit`
		}
		_, err := raw.Exec(drop)
		check(t, err)
		_, err = raw.Exec(`UPDATE audit SET actor = '', subject = '', body = '{"forgotten":"` + strings.Repeat("0", 64) + `"}' WHERE seq = 2`)
		check(t, err)
		if _, err := s.VerifyTrail(t.Context()); err == nil || !strings.Contains(err.Error(), "audit event 2") {
			t.Errorf("nobody sees it: %v", err)
		}
	})
}

func TestSQLitesFileHoldsNothingThatWasForgotten(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "leakgate.db")
	s, err := store.Open(t.Context(), place, store.Options{Key: testKey(t), Connections: 1})
	check(t, err)
	defer s.Close()
	tenants(t, s)
	check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
		of, err := tx.Tenant(t.Context(), 11)
		check(t, err)
		return tx.Forget(t.Context(), "leakgate-app", of)
	}))
	check(t, s.Compact(t.Context()))
	files, err := os.ReadDir(dir)
	check(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		check(t, err)
		for _, trace := range []string{"acme/app", "guid-acme", "LG-ACME", "INC-ACME"} {
			if strings.Contains(string(text), trace) {
				t.Errorf("%s is in %s", trace, f.Name())
			}
		}
	}
}

// TestEveryTableOfATenantIsForgotten finds tables that name an installation or a
// repository and that nobody removes rows from.
func TestEveryTableOfATenantIsForgotten(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		query := `SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'`
		if s.Postgres() {
			query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`
		}
		rows, err := raw.Query(query)
		check(t, err)
		defer rows.Close()
		known := append(store.TenantTables(), "findings", "incidents", "credentials")
		for rows.Next() {
			var table, column string
			check(t, rows.Scan(&table, &column))
			if slices.Contains([]string{"installation", "repository", "tip", "sweep", "credential"}, column) && !slices.Contains(known, table) {
				t.Errorf("the table %s has a column %s and is not in the list of what is forgotten (tenancy)", table, column)
			}
		}
		check(t, rows.Err())
	})
}

func TestWhatIsNeededIsNotPruned(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := open(func(o *store.Options) { o.Now = func() time.Time { return now } })
		tenants(t, s) // both questions wait
		ctx := t.Context()
		prune := func() (tips, incidents int64) {
			check(t, s.Tx(ctx, func(tx *store.Tx) (err error) {
				if tips, err = tx.PruneTips(ctx, now.Add(-time.Hour)); err == nil {
					incidents, err = tx.PruneIncidents(ctx, now.Add(-time.Hour))
				}
				return err
			}))
			return tips, incidents
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			return tx.KeepAlert(ctx, store.Alert{Repository: 101, Number: 1, Installation: 11, Credential: "LG-ACME", State: "open"})
		}))
		now = now.AddDate(1, 0, 0)
		if tips, incidents := prune(); tips+incidents != 0 {
			t.Errorf("%d open questions and %d open incidents were pruned", tips, incidents)
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			for id := int64(1); id <= 2; id++ {
				q, err := tx.Question(ctx, id)
				check(t, err)
				_, err = tx.Begin(ctx, id)
				check(t, err)
				_, err = tx.Conclude(ctx, id, "{}")
				check(t, err)
				if tip, err := tx.TipByID(ctx, q.Tip); id == 2 { // nobody knows what a write of it came to
					check(t, err)
					_, err = tx.Claim(ctx, tip)
					check(t, err)
				}
			}
			return nil
		}))
		if tips, _ := prune(); tips != 0 {
			t.Error("what was answered just now is pruned")
		}
		_, err := raw.Exec(`UPDATE incidents SET state = 'closed', changed_at = 1 WHERE id = 'INC-ACME'`)
		check(t, err)
		now = now.AddDate(1, 0, 0)
		if tips, incidents := prune(); tips != 1 || incidents != 1 {
			t.Errorf("pruned: %d heads, want the one without a doubt; %d incidents, want the closed one", tips, incidents)
		}
		check(t, s.Tx(ctx, func(tx *store.Tx) error { // it could come again, and its value be read again
			_, err := tx.Alert(ctx, 101, 1)
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the alert about the pruned credential: %v", err)
			}
			return nil
		}))
		if text := everything(t, raw, s.Postgres()); strings.Contains(text, "credentials: [LG-ACME]") || !strings.Contains(text, "credentials: [LG-BOTH]") {
			t.Errorf("what is left:\n%s", text)
		}
	})
}

func TestWhoInstallsTheAppAgainKeepsWhatIsKnown(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s, ctx := open(), t.Context()
		tenants(t, s)
		check(t, s.Tx(ctx, func(tx *store.Tx) error {
			check(t, tx.See(ctx, store.Repository{ID: 101, Installation: 11, Name: "acme/app"}))
			check(t, tx.KeepAlert(ctx, store.Alert{Repository: 101, Number: 1, Installation: 11, Credential: "LG-ACME", State: "open"}))
			check(t, tx.See(ctx, store.Repository{ID: 101, Installation: 33, Name: "acme/app"}))
			r, err := tx.Repository(ctx, 101)
			if r.Installation != 33 {
				t.Errorf("reached by %d", r.Installation)
			}
			check(t, err)
			of, err := tx.Tenant(ctx, 11)
			check(t, err)
			check(t, tx.Forget(ctx, "ada", of))
			_, err = tx.Alert(ctx, 101, 1)
			return err
		}))
		if text := everything(t, raw, s.Postgres()); !strings.Contains(text, "credentials: [LG-ACME]") {
			t.Errorf("what is left:\n%s", text)
		}
	})
}

// TestAnOrderGoesWithWhoHasItsRepository: GitHub told of it before the repository went to
// another account, for which it was taken.
func TestAnOrderGoesWithWhoHasItsRepository(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, raw *sql.DB) {
		s := open()
		tenants(t, s)
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			check(t, tx.See(t.Context(), store.Repository{ID: 101, Installation: 22, Name: "other/app"}))
			check(t, tx.KeepOrder(t.Context(), store.Errand{ID: "guid-acme", Said: "planned for LG-ANEW", Body: []byte(`{"credentials":["LG-ANEW"]}`), Open: true}))
			check(t, tx.KeepOrder(t.Context(), store.Errand{ID: "guid-other", Said: "planned for LG-ANEW", Answer: "another"}))
			of, err := tx.Tenant(t.Context(), 22)
			check(t, err)
			return tx.Forget(t.Context(), "ada", of)
		}))
		if left := everything(t, raw, s.Postgres()); strings.Contains(left, "LG-ANEW") {
			t.Errorf("what is left:\n%s", left)
		}
	})
}
