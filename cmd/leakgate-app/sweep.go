package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

const sweepLong = `Look at the whole history of every repository of an organisation that installed the App:
every branch, every tag, and the head of every pull request, archived repositories and
forks too.

It asks whoever serves the database for that, and shows how far it is. It may be ended
and called again: the sweep goes on, and is not done twice. What is found becomes
incidents, judged by the policies of the default branch and of the organisation.

Exit codes: 0 nothing blocks, everything was looked at · 1 something blocks ·
2 wrong flags, or no such organisation · 3 incomplete, or it could not be done`

type sweepOptions struct {
	serveOptions
	json bool
}

func (w *world) sweepCommand() *cobra.Command {
	var o sweepOptions
	c := &cobra.Command{Use: "sweep ORG", Short: "Look at the whole history of every repository", Long: sweepLong, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return w.sweep(c.Context(), o, args[0]) }}
	f := c.Flags()
	f.StringVar(&o.data, "data", "/var/lib/leakgate-app", "folder of the SQLite file and the key")
	f.StringVar(&o.database, "database", "", "a SQLite file, or postgres://…; default: leakgate.db in the folder of --data")
	f.BoolVar(&o.json, "json", false, "print what it came to as JSON, with every repository")
	return c
}

// lookEvery is how often the sweep is looked at.
const lookEvery = time.Second

func (w *world) sweep(ctx context.Context, o sweepOptions, account string) error {
	if err := w.isThere(o.serveOptions); err != nil {
		return err
	}
	s, _, err := w.open(ctx, &o.serveOptions)
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := work.WantSweep(ctx, s, slog.New(slog.DiscardHandler), account)
	if err != nil {
		return err
	}
	show := w.newBar()
	for {
		now, err := s.SweepByID(ctx, id)
		switch {
		case ctx.Err() != nil:
			show.clear()
			return outcome{3, "the sweep goes on without being looked at; the same command shows it again"}
		case errors.Is(err, store.ErrBusy): // somebody writes for long
		case err != nil:
			return err
		case now.State == store.PassFailed:
			show.clear()
			return flagError{errors.New(now.Why)}
		case now.State == store.PassDone:
			show.clear()
			return w.swept(ctx, s, now, o.json)
		default:
			show.show(now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// isThere refuses to make a database that nobody serves.
func (w *world) isThere(o serveOptions) error {
	place := cmp.Or(o.database, w.env("LEAKGATE_DATABASE"), filepath.Join(o.data, "leakgate.db"))
	if store.IsPostgres(place) {
		return nil
	}
	if _, err := os.Stat(place); err != nil {
		return badFlag("there is no database that a server made: give --data or --database as `leakgate-app serve` has it: %w", err)
	}
	return nil
}

// outcomeOf is what a sweep came to, in JSON.
type outcomeOf struct {
	store.Sweep
	Incidents    map[string]int `json:"incidents"` // those that are open, by severity
	Repositories []store.Swept  `json:"repositories"`
}

// swept sums a sweep up.
func (w *world) swept(ctx context.Context, s *store.Store, at store.Sweep, asJSON bool) error {
	incidents, err := s.OpenBySeverity(ctx, at.ID)
	if err != nil {
		return err
	}
	var all []store.Swept
	if err := s.Tx(ctx, func(t *store.Tx) (err error) { all, err = t.Swept(ctx, at.ID); return err }); err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(w.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(outcomeOf{at, incidents, all}); err != nil {
			return err
		}
	} else {
		w.tellSwept(at, incidents, all)
	}
	switch incomplete := at.Count[store.PassIncomplete]; {
	case at.Blocking > 0:
		return outcome{1, fmt.Sprintf("%d findings block", at.Blocking)}
	case incomplete > 0:
		return outcome{3, fmt.Sprintf("%d of %d repositories are incomplete", incomplete, at.Total)}
	}
	return nil
}

func (w *world) tellSwept(at store.Sweep, incidents map[string]int, all []store.Swept) {
	fmt.Fprintf(w.stdout, "%s: %d repositories, %d commits, %s in %s\n", report.Line(at.Account), at.Total, at.Commits, sizeText(at.Scanned), durationText(at.Ended.Sub(at.Started)))
	fmt.Fprintf(w.stdout, "open incidents:")
	none := true
	for _, severity := range []string{"critical", "high", "medium", "low"} {
		if n := incidents[severity]; n > 0 {
			fmt.Fprintf(w.stdout, " %d %s", n, severity)
			none = false
		}
	}
	if none {
		fmt.Fprint(w.stdout, " none")
	}
	fmt.Fprintln(w.stdout)
	for _, r := range all {
		if r.State == store.PassIncomplete || r.State == store.PassGone {
			fmt.Fprintf(w.stdout, "%s: %s: %s\n", r.State, report.Line(r.Name), report.Line(r.Why))
		}
	}
}
