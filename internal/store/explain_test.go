package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestWhatPostgresSays(t *testing.T) {
	s := &Store{kind: postgres}
	for code, want := range map[string]string{
		"55P03": "try again when it is done", "40P01": "try again when it is done", "53100": "the disk of the database is full; nothing of this step was written",
		"25006": "takes no writes", "42601": "SQLSTATE 42601",
	} {
		err := s.explain(fmt.Errorf("exec: %w", &pgconn.PgError{Code: code, Message: "no"}))
		if !strings.Contains(err.Error(), want) || errors.Is(err, ErrBusy) != strings.Contains(want, "try again") {
			t.Errorf("%s: %v", code, err)
		}
	}
}
