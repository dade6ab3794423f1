package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/report"
)

const replayLong = `List the deliveries that were lost, and have GitHub send them again.

Lost is what GitHub had to tell and the database does not know, whatever became of
its delivery. serve asks for the same by itself, up to eight times each; here those of
--guid are asked for again however often that was. Nothing is decided twice: a delivery
that was kept after all is known by its GUID.

Exit codes: 0 all were asked for, or there are none · 2 wrong flags · 3 GitHub or the
database could not be asked, or does not know a GUID`

type replayOptions struct {
	serveOptions
	since string
	guids []string
	dry   bool
}

func (w *world) replayCommand() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{Use: "replay", Short: "Have lost deliveries sent again", Long: replayLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return w.replay(c.Context(), o) }}
	f := c.Flags()
	o.appFlags(f)
	o.databaseFlags(f)
	f.StringVar(&o.since, "since", "72h", "how far back, as 6h, or a time as 2026-11-02T15:04:05Z; GitHub keeps deliveries for three days, a server of one's own for seven")
	f.StringSliceVar(&o.guids, "guid", nil, "only this delivery; may be given several times")
	f.BoolVar(&o.dry, "dry-run", false, "list them, and ask for nothing")
	return c
}

func (w *world) replay(ctx context.Context, o replayOptions) error {
	since, err := w.since(o.since)
	if err != nil {
		return err
	}
	app, err := w.hub(ctx, o.serveOptions, nil)
	if err != nil {
		return err
	}
	s, _, err := w.openThere(ctx, &o.serveOptions)
	if err != nil {
		return err
	}
	defer s.Close()
	lost, err := work.Replay{Store: s, Hub: app}.Lost(ctx, since)
	if err != nil {
		return err
	}
	if len(o.guids) > 0 {
		if lost, err = named(lost, o.guids); err != nil {
			return err
		}
	}
	if len(lost) == 0 {
		fmt.Fprintln(w.stdout, "no delivery is lost")
		return nil
	}
	return w.redeliver(ctx, lost, o, func(l work.Lost) error { return app.Redeliver(ctx, l.ID) })
}

// since reads how long ago, or when.
func (w *world) since(text string) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return w.now().Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, badFlag("--since: a span as 6h, or a time as 2026-11-02T15:04:05Z")
	}
	return at, nil
}

// named picks those that were asked for by name.
func named(lost []work.Lost, guids []string) (out []work.Lost, err error) {
	for _, guid := range guids {
		i := slices.IndexFunc(lost, func(l work.Lost) bool { return l.GUID == guid })
		if i < 0 {
			return nil, fmt.Errorf("the delivery %s is not lost: it is kept already, or GitHub does not list it since --since", report.Line(guid))
		}
		out = append(out, lost[i])
	}
	return out, nil
}

// redeliver asks for each and prints what came of it, a line each, as far as it came.
func (w *world) redeliver(ctx context.Context, lost []work.Lost, o replayOptions, ask func(work.Lost) error) error {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "AT\tGUID\tEVENT\tINSTALLATION\tREPOSITORY\tTRIES\tSTATUS\t")
	for _, l := range lost {
		what, err := "asked for", error(nil)
		switch {
		case o.dry:
			what = "would be asked for"
		case l.Hopeless() && len(o.guids) == 0:
			what = "left: name it with --guid"
		default:
			err = ask(l)
		}
		if err != nil {
			return err
		}
		event := l.Event
		if l.Action != "" {
			event += "." + l.Action
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", l.At.UTC().Format(time.RFC3339), report.Line(l.GUID), report.Line(event), l.Installation, l.Repository, l.Tries, l.Status, what)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
