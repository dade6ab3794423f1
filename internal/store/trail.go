package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// trailTables are what is needed to prove a trail, and to know whether this version
// can read what is beside it.
var trailTables = map[string]bool{"audit": true, "audit_head": true, "audit_base": true, "schema_version": true}

// copyTrail makes a SQLite database that has the audit trail of a file of pg_dump and nothing
// else of it, so that it can be proven before that takes the place of anything.
func copyTrail(ctx context.Context, file, dir string) (place string, err error) {
	key, err := secret.NewKey() // a stranger's: what it signs goes at once
	if err != nil {
		return "", err
	}
	s := &Store{key: key, now: time.Now}
	place = filepath.Join(dir, "trail.db")
	if err := s.connect(place, defaultPatience); err != nil {
		return "", err
	}
	defer s.db.Close()
	if err := s.migrate(ctx); err != nil {
		return "", s.explain(err)
	}
	return place, s.Tx(ctx, func(t *Tx) error {
		for _, script := range []string{`DELETE FROM audit_head`, `DELETE FROM schema_version`} {
			if _, err := t.exec(ctx, script); err != nil {
				return err
			}
		}
		return t.fill(ctx, file)
	})
}

// fill reads the tables of the trail as pg_restore writes them.
func (t *Tx) fill(ctx context.Context, file string) error {
	args := []string{"--data-only", "--file=-"}
	for table := range trailTables {
		args = append(args, "--table="+table)
	}
	cmd := exec.CommandContext(ctx, "pg_restore", append(args, file)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	seen, err := t.rows(ctx, out)
	if err != nil { // or it would wait for a reader
		_ = cmd.Process.Kill() // it may have ended
	}
	if waited := cmd.Wait(); err == nil && waited != nil {
		err = fmt.Errorf("%s is no whole backup of a PostgreSQL database: %s", file, strings.TrimSpace(said.String()))
	}
	if err == nil && !(seen["audit"] && seen["audit_head"] && seen["schema_version"]) {
		err = fmt.Errorf("%s: its audit trail cannot be read; pg_dump writes it so that it can without --inserts, --schema and --table", file)
	}
	return err
}

// longestRow is more than any of the trail, in bytes.
const longestRow = 64 << 20

// rows puts what COPY of PostgreSQL wrote into the tables of the same names.
// https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
func (t *Tx) rows(ctx context.Context, from io.Reader) (seen map[string]bool, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestRow)
	seen = map[string]bool{}
	insert, width := "", 0
	for lines.Scan() {
		line := lines.Text()
		switch {
		case insert == "":
			var table string
			if table, insert, width = copied(line); insert != "" {
				seen[table] = true
			}
		case line == `\.`:
			insert = ""
		default:
			values, err := copiedRow(line, width)
			if err != nil {
				return nil, err
			}
			if _, err := t.exec(ctx, insert, values...); err != nil {
				return nil, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if insert != "" {
		return nil, errors.New("the backup ends within a table")
	}
	return seen, nil
}

// copiedColumns are names, as pg_dump quotes them where it has to.
var copiedColumns = regexp.MustCompile(`^"?\w+"?(?:, "?\w+"?)*$`)

// copied reads the line before the rows of a table of the trail, and gives the statement
// that takes each. Of any other line there is none.
func copied(line string) (table, insert string, width int) {
	rest, ok := strings.CutPrefix(line, "COPY ")
	name, rest, named := strings.Cut(rest, " (")
	columns, rest, closed := strings.Cut(rest, ")")
	if !ok || !named || !closed || rest != " FROM stdin;" || !copiedColumns.MatchString(columns) {
		return "", "", 0
	}
	table = strings.ReplaceAll(name[strings.LastIndexByte(name, '.')+1:], `"`, "")
	if !trailTables[table] {
		return "", "", 0
	}
	width = strings.Count(columns, ",") + 1
	return table, `INSERT INTO ` + table + ` (` + columns + `) VALUES (?` + strings.Repeat(`, ?`, width-1) + `)`, width
}

var errRow = errors.New("a row of the backup does not parse")

func copiedRow(line string, width int) ([]any, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != width {
		return nil, errRow
	}
	out := make([]any, 0, width)
	for _, field := range fields {
		text, err := copiedText(field)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// unescapes are what stands behind a backslash in a field, and what it means.
var unescapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\'}

func copiedText(field string) (string, error) {
	if !strings.Contains(field, `\`) {
		return field, nil
	}
	var out strings.Builder
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' {
			i++
			if i == len(field) {
				return "", errRow
			}
			means, ok := unescapes[field[i]]
			if !ok { // also \N, for nothing: no column of the trail has that
				return "", errRow
			}
			c = means
		}
		out.WriteByte(c)
	}
	return out.String(), nil
}
