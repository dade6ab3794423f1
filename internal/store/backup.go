package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Backup writes a database into a file that is not there yet, as it is at one moment,
// while others go on writing. It is a SQLite file, or what pg_dump writes.
func Backup(ctx context.Context, place, file string) error {
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s is there already: name another file", file)
	}
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // mode 0600; both take an empty file
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if err := part.Close(); err != nil {
		return err
	}
	if IsPostgres(place) {
		err = postgresTool(ctx, "pg_dump", place, "--format=custom", "--no-owner", "--no-privileges", "--file="+part.Name())
	} else {
		err = backupSQLite(ctx, place, part.Name())
	}
	if err != nil {
		return err
	}
	return publish(part.Name(), file)
}

// backupSQLite: https://www.sqlite.org/lang_vacuum.html#vacuuminto
func backupSQLite(ctx context.Context, place, file string) error {
	if _, err := os.Stat(place); err != nil {
		return fmt.Errorf("there is no database: %w", err)
	}
	s, err := look(place)
	if err != nil {
		return err
	}
	defer s.db.Close()
	_, err = s.db.ExecContext(ctx, `VACUUM INTO ?`, file)
	return s.explain(err)
}

// publish gives a file that is whole its name, unless somebody has it.
func publish(part, file string) error {
	f, err := os.Open(part)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(part, file); err != nil {
		return err
	}
	return settle(filepath.Dir(file))
}

// ErrNotEmpty: a restore would write over what is there.
var ErrNotEmpty = errors.New("the database is not empty")

// Restore puts a backup in the place of a database that is empty, or with replace of any
// that nobody uses. What it is brought to is what the backup held: nothing is merged.
// A SQLite file has to pass prove, if that is given, before anything goes: a copy of the
// backup, or of a backup of PostgreSQL, which has no place for a second database, one that
// has its audit trail alone.
func Restore(ctx context.Context, place, file string, replace bool, prove func(place string) error) error {
	if IsPostgres(place) {
		return restorePostgres(ctx, place, file, replace, prove)
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		return fmt.Errorf("folder of the database: %w", err)
	}
	part := filepath.Join(filepath.Dir(place), ".restoring-"+filepath.Base(place))
	defer removeSQLite(part)
	removeSQLite(part) // of a restore that was killed
	if err := copyFile(file, part); err != nil {
		return err
	}
	if err := sound(ctx, part); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if prove != nil {
		if err := prove(part); err != nil {
			return err
		}
	}
	release, err := vacate(ctx, place, replace)
	if err != nil {
		return err
	}
	defer release()
	if err := os.Rename(part, place); err != nil {
		return err
	}
	return settle(filepath.Dir(place))
}

func removeSQLite(path string) {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		os.Remove(path + end)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// sound reports whether a file is a whole database of ours that this version can use.
func sound(ctx context.Context, file string) error {
	s, err := look(file)
	if err != nil {
		return err
	}
	defer s.db.Close()
	said := ""
	if err := s.db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&said); err != nil || said != "ok" {
		return fmt.Errorf("it is no whole backup of a SQLite database: %w", errors.Join(err, errors.New(said)))
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	if !tables["schema_version"] || !tables["audit_head"] {
		return errors.New("it is no database of leakgate")
	}
	_, err = LevelOf(ctx, file)
	return err
}

// vacate makes sure that nobody serves a SQLite database and that it may go, with what
// SQLite keeps beside it. The lock lasts until release.
func vacate(ctx context.Context, place string, replace bool) (release func(), err error) {
	s, err := look(place)
	if err != nil {
		return nil, err
	}
	defer s.db.Close()
	if release, err = s.Exclusive(ctx, "serve"); err != nil {
		return nil, fmt.Errorf("%w: end the server first", err)
	}
	tables, err := s.tables(ctx)
	if err == nil && len(tables) > 0 && !replace {
		err = ErrNotEmpty
	}
	if err == nil { // what is in the log would be taken for that of the new file
		_, err = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	if replace { // also what cannot be read any more: it goes with its log
		err = nil
	}
	if err != nil {
		release()
		return nil, s.explain(err)
	}
	if err := s.db.Close(); err != nil {
		release()
		return nil, err
	}
	for _, end := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(place + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			release()
			return nil, err
		}
	}
	return release, nil
}

// leaving is how long a connection may go on that a server has just given up.
const leaving = 5 * time.Second

// alone waits until nobody else is connected to a database of PostgreSQL.
func (s *Store) alone(ctx context.Context) error {
	for end := time.Now().Add(leaving); ; time.Sleep(100 * time.Millisecond) {
		others := 0
		err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others)
		if err != nil {
			return s.explain(err)
		}
		if others == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: %d others are connected to the database: end the servers first", ErrBusy, others)
		}
	}
}

func restorePostgres(ctx context.Context, place, file string, replace bool, prove func(place string) error) error {
	if _, err := os.Stat(file); err != nil {
		return err
	}
	held, err := heldBy(ctx, file)
	if err != nil {
		return err
	}
	if err := proveTrail(ctx, file, prove); err != nil {
		return err
	}
	s, err := look(place)
	if err != nil {
		return err
	}
	defer s.db.Close()
	if err := s.alone(ctx); err != nil {
		return err
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	args := []string{"--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"}
	if len(tables) == 0 {
		s.db.Close() // or its locks are in the way
		return postgresTool(ctx, "pg_restore", place, append(args, file)...)
	}
	if !replace {
		return ErrNotEmpty
	}
	s.db.Close()
	if err := postgresTool(ctx, "pg_restore", place, append(args, "--clean", "--if-exists", file)...); err != nil {
		return err
	}
	return dropNewer(ctx, place, held)
}

func proveTrail(ctx context.Context, file string, prove func(place string) error) error {
	if prove == nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "leakgate-trail-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	trail, err := copyTrail(ctx, file, dir)
	if err != nil {
		return err
	}
	return prove(trail)
}

// dropNewer removes the tables that a backup is older than: pg_restore lets stand what it
// does not know, and a migration could not make them again.
func dropNewer(ctx context.Context, place string, held map[string]bool) error {
	s, err := look(place)
	if err != nil {
		return err
	}
	defer s.db.Close()
	for _, script := range migrations {
		for _, made := range createdTable.FindAllStringSubmatch(script, -1) {
			if held[made[1]] {
				continue
			}
			if _, err := s.db.ExecContext(ctx, `DROP TABLE IF EXISTS `+made[1]+` CASCADE`); err != nil {
				return s.explain(err)
			}
		}
	}
	return nil
}

var (
	createdTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)
	listedTable  = regexp.MustCompile(`(?m)^\d+; \d+ \d+ TABLE \S+ (\w+) `)
)

// heldBy are the tables that a file of pg_dump holds; one that is not of leakgate is an error.
func heldBy(ctx context.Context, file string) (map[string]bool, error) {
	cmd := exec.CommandContext(ctx, "pg_restore", "--list", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	list, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, missingTool("pg_restore")
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no whole backup of a PostgreSQL database: %s", file, strings.TrimSpace(said.String()))
	}
	held := map[string]bool{}
	for _, line := range listedTable.FindAllStringSubmatch(string(list), -1) {
		held[line[1]] = true
	}
	if !held["schema_version"] || !held["audit_head"] {
		return nil, fmt.Errorf("%s: it is no database of leakgate", file)
	}
	return held, nil
}

func missingTool(name string) error {
	return fmt.Errorf("there is no %s, which does this for PostgreSQL: apt-get install postgresql-client", name)
}

// postgresTool runs a program of PostgreSQL's. The password goes by its environment:
// arguments are seen by everybody on the machine.
func postgresTool(ctx context.Context, name, place string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return missingTool(name)
	}
	u, err := url.Parse(place)
	if err != nil {
		return errors.New("the PostgreSQL URL does not parse") // it may hold a password
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = os.Environ()
	if word, has := u.User.Password(); has {
		u.User = url.User(u.User.Username())
		cmd.Env = append(cmd.Env, "PGPASSWORD="+word)
	}
	cmd.Args = append([]string{name, "--no-password", "--dbname=" + u.String()}, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return nil
}
