package dbrole

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// placeholder is {{name}}, a text in quotes, or {{name|name}}, the name of a role.
var placeholder = regexp.MustCompile(`\{\{([a-z][a-z0-9_.]*)(\|name)?\}\}`)

// fill puts values into a statement. None can end its quotes: the session has
// the settings under which only a quote does.
func (s *Session) fill(statement string, values map[string]string) (text string, err error) {
	text = placeholder.ReplaceAllStringFunc(statement, func(at string) string {
		m := placeholder.FindStringSubmatch(at)
		value := values[m[1]]
		if value == "" || strings.ContainsRune(value, 0) {
			err = fmt.Errorf("%s is missing, or no text", m[1])
		}
		quote := `'`
		if m[2] != "" {
			quote = map[string]string{PostgreSQL: `"`, MySQL: "`"}[s.kind]
		}
		return quote + strings.ReplaceAll(value, quote, quote+quote) + quote
	})
	return text, err
}

// Run runs statements in turn, each by itself: what one did is seen by all before
// the next. A column of an answer that is called run holds statements that are
// run too; that one of these has nothing left to do is no error.
func (s *Session) Run(ctx context.Context, statements []string, values map[string]string) error {
	for _, statement := range statements {
		text, err := s.fill(statement, values)
		if err != nil {
			return err
		}
		more, err := s.query(ctx, text)
		if err != nil {
			return err
		}
		for _, row := range more {
			if row["run"] == "" {
				continue
			}
			if _, err := s.conn.ExecContext(ctx, row["run"]); err != nil && Code(err) != noThread {
				return err
			}
		}
	}
	return nil
}

// noThread is what KILL answers when the thread is gone.
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
const noThread = "1094"

// Row is the one row of an answer, as texts by the name of the column. More or
// less than one row is an error.
func (s *Session) Row(ctx context.Context, statement string, values map[string]string) (map[string]string, error) {
	text, err := s.fill(statement, values)
	if err != nil {
		return nil, err
	}
	rows, err := s.query(ctx, text)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%d rows, want one", len(rows))
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// maxRows is how many rows of an answer are read.
const maxRows = 10_000

// Sees changes nothing. It fails with code 1227 without the right PROCESS, with which alone MySQL and
// MariaDB show the sessions of others: without it they show fewer and no error.
// https://dev.mysql.com/doc/refman/8.4/en/privileges-provided.html#priv_process
const Sees = "SHOW ENGINE INNODB STATUS"

// query asks, and refuses to count sessions that the administrator would not see.
func (s *Session) query(ctx context.Context, text string) ([]map[string]string, error) {
	if s.kind == MySQL && strings.Contains(text, "information_schema.processlist") {
		if _, err := s.rows(ctx, Sees); err != nil {
			return nil, fmt.Errorf("the administrator does not see the sessions of others (grant PROCESS): %w", err)
		}
	}
	return s.rows(ctx, text)
}

func (s *Session) rows(ctx context.Context, text string) (all []map[string]string, err error) {
	rows, err := s.conn.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		if len(all) == maxRows {
			return nil, errors.New("the answer has too many rows")
		}
		cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, name := range columns {
			row[name] = cells[i].String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
