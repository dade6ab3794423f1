package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

func TestWhatCopyWrote(t *testing.T) {
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), t.TempDir()+"/trail.db", Options{Key: key, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	const audit = "COPY public.audit (seq, at, actor, action, subject, body, hash) FROM stdin;\n"
	undone := errors.New("undone")
	for name, c := range map[string]struct {
		text  string
		actor string // of the one event; "" is an error
	}{
		"an event":          {audit + "1\t2\tada\tb\tc\t{}\td\n\\.\n", "ada"},
		"all escapes":       {audit + `1	2	a\tb\\\n\r\b\f\v	b	c	{}	d` + "\n\\.\n", "a\tb\\\n\r\b\f\v"},
		"quoted names":      {`COPY "odd.one"."audit" (seq, "at", actor, action, subject, body, hash) FROM stdin;` + "\n1\t2\tada\tb\tc\t{}\td\n\\.\n", "ada"},
		"others beside":     {"SET x = 1;\nCOPY public.other (a) FROM stdin;\n1\n\\.\n" + audit + "1\t2\tada\tb\tc\t{}\td\n\\.\n\n--\n", "ada"},
		"a field too few":   {audit + "1\t2\tada\tb\tc\t{}\n\\.\n", ""},
		"nothing":           {audit + "1\t2\t\\N\tb\tc\t{}\td\n\\.\n", ""},
		"half an escape":    {audit + "1\t2\tada\tb\tc\t{}\td\\\n\\.\n", ""},
		"the end is missed": {audit + "1\t2\tada\tb\tc\t{}\td\n", ""},
		"no column":         {strings.Replace(audit, "hash", "hash) VALUES (1", 1) + "1\t2\tada\tb\tc\t{}\td\n\\.\n", ""},
		"an odd column":     {strings.Replace(audit, "hash", "h ash", 1) + "1\t2\tada\tb\tc\t{}\td\n\\.\n", ""},
	} {
		err := s.Tx(t.Context(), func(x *Tx) error {
			if _, err := x.rows(t.Context(), strings.NewReader(c.text)); err != nil {
				return err
			}
			actor := ""
			if err := x.one(t.Context(), `SELECT actor FROM audit`, nil, &actor); err != nil {
				return err
			}
			if actor != c.actor {
				t.Errorf("%s: %q", name, actor)
			}
			return undone
		})
		if c.actor == "" && (err == nil || errors.Is(err, undone)) || c.actor != "" && !errors.Is(err, undone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
