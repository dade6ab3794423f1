package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// migrations bring a database from one version to the next; an empty one changes
// nothing. One that was released is never changed. SERIAL stands for a number that the database gives.
var migrations = []string{`
CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  preview TEXT NOT NULL,
  severity TEXT NOT NULL,
  first_seen BIGINT NOT NULL
);
CREATE TABLE findings (
  id SERIAL,
  credential TEXT NOT NULL REFERENCES credentials(id),
  repository TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  body TEXT NOT NULL,
  recorded_at BIGINT NOT NULL,
  UNIQUE (credential, repository, fingerprint)
);
CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  credential TEXT NOT NULL UNIQUE REFERENCES credentials(id),
  state TEXT NOT NULL,
  exposure TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  owner TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE plans (
  digest TEXT PRIMARY KEY,
  requester TEXT NOT NULL,
  body TEXT NOT NULL,
  made_at BIGINT NOT NULL
);
CREATE TABLE approvals (
  plan TEXT NOT NULL REFERENCES plans(digest),
  approver TEXT NOT NULL,
  body TEXT NOT NULL,
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (plan, approver)
);
CREATE TABLE journal (
  id SERIAL,
  plan TEXT NOT NULL REFERENCES plans(digest),
  step INTEGER NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX journal_by_plan ON journal (plan, step, id);
CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE TABLE audit_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL,
  mac TEXT NOT NULL
);
INSERT INTO audit_head VALUES (1, 0, '', '');
`, `
CREATE TABLE audit_base (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL,
  mac TEXT NOT NULL
);
`, `
CREATE TABLE audit_marks (
  seq BIGINT PRIMARY KEY,
  hash TEXT NOT NULL,
  mac TEXT NOT NULL
);
`, `
DROP TABLE audit_marks;
CREATE TABLE audit_marks (
  seq BIGINT PRIMARY KEY,
  hash TEXT NOT NULL,
  subjects TEXT NOT NULL,
  mac TEXT NOT NULL
);
`, `
CREATE TABLE deliveries (
  guid TEXT PRIMARY KEY,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  installation BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  facts TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  handled_at BIGINT NOT NULL
);
CREATE INDEX deliveries_by_time ON deliveries (received_at);
CREATE TABLE tips (
  id SERIAL,
  installation BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  name TEXT NOT NULL,
  sha TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  check_run BIGINT NOT NULL,
  reported TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  UNIQUE (repository, sha)
);
CREATE TABLE questions (
  id SERIAL,
  tip BIGINT NOT NULL REFERENCES tips(id),
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  job BIGINT NOT NULL,
  verdict TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (tip, subject)
);
CREATE INDEX questions_by_state ON questions (state, asked_at);
`, `
ALTER TABLE tips ADD COLUMN claims BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tips ADD COLUMN claimed_at BIGINT NOT NULL DEFAULT 0;
`, `
CREATE TABLE repositories (
  id BIGINT PRIMARY KEY,
  installation BIGINT NOT NULL,
  name TEXT NOT NULL,
  private INTEGER NOT NULL,
  seen_at BIGINT NOT NULL
);
CREATE INDEX repositories_by_installation ON repositories (installation);
CREATE INDEX findings_by_repository ON findings (repository);
`, `
CREATE TABLE sweeps (
  id SERIAL,
  account TEXT NOT NULL,
  installation BIGINT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL
);
CREATE INDEX sweeps_by_installation ON sweeps (installation);
CREATE TABLE swept (
  sweep BIGINT NOT NULL REFERENCES sweeps(id),
  repository BIGINT NOT NULL,
  name TEXT NOT NULL,
  size BIGINT NOT NULL,
  traits TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  commits BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  findings BIGINT NOT NULL,
  blocking BIGINT NOT NULL,
  told INTEGER NOT NULL,
  took BIGINT NOT NULL,
  began_at BIGINT NOT NULL,
  job BIGINT NOT NULL,
  PRIMARY KEY (sweep, repository)
);
CREATE INDEX swept_by_repository ON swept (repository);
`, `
CREATE TABLE cursors (
  name TEXT PRIMARY KEY,
  at BIGINT NOT NULL
);
CREATE TABLE installations (
  id BIGINT PRIMARY KEY,
  suspended_at BIGINT NOT NULL,
  gone_at BIGINT NOT NULL,
  forgotten_at BIGINT NOT NULL
);
`, `
ALTER TABLE incidents ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN answer TEXT NOT NULL DEFAULT '';
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  said TEXT NOT NULL,
  taken_at BIGINT NOT NULL
);
CREATE TABLE alerts (
  repository BIGINT NOT NULL,
  number BIGINT NOT NULL,
  installation BIGINT NOT NULL,
  credential TEXT NOT NULL,
  state TEXT NOT NULL,
  told BIGINT NOT NULL,
  PRIMARY KEY (repository, number)
);
CREATE INDEX alerts_by_credential ON alerts (credential);
`, `
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  account BIGINT NOT NULL,
  login TEXT NOT NULL,
  token TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX findings_by_reader ON findings (repository, credential, recorded_at);
CREATE INDEX deliveries_by_repository ON deliveries (repository, received_at);
`, `
ALTER TABLE repositories ADD COLUMN account BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN former BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN gone_at BIGINT NOT NULL DEFAULT 0;
CREATE TABLE moved (
  credential TEXT NOT NULL,
  repository TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  body TEXT NOT NULL,
  recorded_at BIGINT NOT NULL,
  account BIGINT NOT NULL,
  installation BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  PRIMARY KEY (credential, repository, fingerprint)
);
CREATE INDEX moved_by_repository ON moved (repository, account);
CREATE INDEX moved_by_installation ON moved (installation);
`, `
ALTER TABLE sweeps ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
CREATE TABLE analyses (
  sweep BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  category TEXT NOT NULL,
  ref TEXT NOT NULL,
  sha TEXT NOT NULL,
  log TEXT NOT NULL,
  PRIMARY KEY (sweep, repository, category)
);
`, `
ALTER TABLE orders ADD COLUMN answer TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN body TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
CREATE INDEX orders_by_open ON orders (open, id);
`}

// guards make the audit trail and the journal grow only.
var guards = map[kind]string{
	sqlite: `
CREATE TRIGGER TABLE_no_update BEFORE UPDATE ON TABLE BEGIN SELECT RAISE(ABORT, 'TABLE only grows'); END;
CREATE TRIGGER TABLE_no_delete BEFORE DELETE ON TABLE BEGIN SELECT RAISE(ABORT, 'TABLE only grows'); END;`,
	postgres: `
CREATE FUNCTION TABLE_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'TABLE only grows'; END $$;
CREATE TRIGGER TABLE_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON TABLE FOR EACH STATEMENT EXECUTE FUNCTION TABLE_only_grows();`,
}

// compatible is the last migration that code which knows only those before it does not
// survive: it dropped or renamed something. Those behind it only add tables, and columns
// with defaults, so that the version before runs beside this one, and instead of it
// after a way back. It is what schema_version says to older code; how many migrations
// were done is in schema_level.
const compatible = 6

// migrate brings the schema up to date, in one transaction.
func (s *Store) migrate(ctx context.Context) error {
	return s.Tx(ctx, func(t *Tx) error {
		if err := t.alone(ctx); err != nil {
			return err
		}
		for _, script := range []string{`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`, `CREATE TABLE IF NOT EXISTS schema_level (level INTEGER NOT NULL)`} {
			if _, err := t.exec(ctx, script); err != nil {
				return err
			}
		}
		needs, level, err := t.level(ctx)
		if err != nil {
			return err
		}
		if needs > len(migrations) {
			return fmt.Errorf("%w: it has schema %d, this one knows %d; use the newer version", ErrTooNew, needs, len(migrations))
		}
		return t.upgrade(ctx, level)
	})
}

// level is how many migrations code has to know to run on this database, and how many
// were done.
func (t *Tx) level(ctx context.Context) (needs, level int, err error) {
	if err := t.one(ctx, `SELECT version FROM schema_version`, nil, &needs); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, 0, err
	}
	level = needs // older code says no more
	if err := t.one(ctx, `SELECT level FROM schema_level`, nil, &level); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, 0, err
	}
	return needs, max(needs, level), nil
}

// alone keeps other processes from migrating at the same time. On SQLite a
// transaction that writes is alone anyway.
func (t *Tx) alone(ctx context.Context) error {
	if t.s.kind == sqlite {
		return nil
	}
	_, err := t.exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('leakgate schema'))`)
	return err
}

func (t *Tx) upgrade(ctx context.Context, from int) error {
	if from >= len(migrations) { // or somebody newer was here, whose changes we survive
		return nil
	}
	for n := from; n < len(migrations); n++ {
		script := migrations[n]
		if n == 0 {
			script += strings.ReplaceAll(guards[t.s.kind], "TABLE", "audit") + strings.ReplaceAll(guards[t.s.kind], "TABLE", "journal")
		}
		if _, err := t.exec(ctx, t.s.types(script)); err != nil {
			return fmt.Errorf("bring the schema to version %d: %w", n+1, err)
		}
		if n > 0 {
			continue
		}
		if _, err := t.exec(ctx, `UPDATE audit_head SET mac = ?`, t.s.seal(Head{})); err != nil {
			return err
		}
	}
	for _, script := range []string{`DELETE FROM schema_version`, `DELETE FROM schema_level`} {
		if _, err := t.exec(ctx, script); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, `INSERT INTO schema_version VALUES (?)`, compatible); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO schema_level VALUES (?)`, len(migrations))
	return err
}

// types spells the types that the databases name differently.
func (s *Store) types(script string) string {
	if s.kind == postgres {
		return strings.ReplaceAll(script, "SERIAL", "BIGSERIAL PRIMARY KEY")
	}
	return strings.ReplaceAll(script, "SERIAL", "INTEGER PRIMARY KEY AUTOINCREMENT")
}
