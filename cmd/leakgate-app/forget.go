package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

const forgetLong = `Remove everything that is kept of an account: deliveries, questions and verdicts, what
was found where, its incidents, sweeps, jobs, and mirrors on this host (other hosts drop
theirs within the hour). Without --execute it is only said how much there is.

What stays is that installation NUMBER was forgotten, in the audit trail, and events
that keep their place in it and tell nothing any more. Nothing more of that installation
is taken in: remove the App from the account at GitHub, or have it installed anew.
serve does the same --forget-after days after the App was removed. Backups that were
made before hold what they held. A number of an installation of which nothing is known
is refused, unless --unknown is given: it may be mistyped, and somebody's one day.

Exit codes: 0 done, or said · 2 wrong flags · 3 nothing is kept of it, or it could not be done`

type forgetOptions struct {
	serveOptions
	installation     int64
	execute, unknown bool
}

func (w *world) forgetCommand() *cobra.Command {
	var o forgetOptions
	c := &cobra.Command{Use: "forget [ORG]", Short: "Remove everything that is kept of an account", Long: forgetLong, Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return w.forget(c.Context(), o, args) }}
	f := c.Flags()
	o.databaseFlags(f)
	f.Int64Var(&o.installation, "installation", 0, "in place of ORG, the number of the installation")
	f.BoolVar(&o.unknown, "unknown", false, "with --installation, also a number of which nothing is known: nothing of it is ever taken in")
	f.BoolVar(&o.execute, "execute", false, "do it; there is no way back")
	return c
}

func (w *world) forget(ctx context.Context, o forgetOptions, args []string) error {
	if (len(args) == 1) == (o.installation != 0) || o.unknown && o.installation == 0 {
		return badFlag("name the account, or its installation by --installation")
	}
	s, _, err := w.openThere(ctx, &o.serveOptions)
	if err != nil {
		return err
	}
	defer s.Close()
	all := []int64{o.installation}
	if len(args) == 1 {
		if err := s.Tx(ctx, func(t *store.Tx) error { all, err = t.Named(ctx, args[0]); return err }); err != nil {
			return err
		}
		if len(all) == 0 {
			return fmt.Errorf("nothing is kept of %s; of an installation without repositories something may be: --installation NUMBER", report.Line(args[0]))
		}
	}
	mirrors := &mirror.Cache{Dir: filepath.Join(o.data, "mirrors"), Now: w.now, Log: slog.New(slog.DiscardHandler)}
	if err := known(ctx, s, o); err != nil {
		return err
	}
	for _, id := range all {
		if err := w.forgetOne(ctx, s, o, mirrors, id); err != nil {
			return err
		}
	}
	if !o.execute {
		fmt.Fprintln(w.stdout, "Nothing is removed yet: --execute does it.")
		return nil
	}
	return s.Compact(ctx)
}

// known refuses a number of which nothing is known: one that is mistyped would be shut out
// from the day on which GitHub gives it to somebody.
func known(ctx context.Context, s *store.Store, o forgetOptions) error {
	if o.installation == 0 || o.unknown {
		return nil
	}
	var is bool
	if err := s.Tx(ctx, func(t *store.Tx) (err error) { is, err = t.Knows(ctx, o.installation); return err }); err != nil || is {
		return err
	}
	return fmt.Errorf("nothing is known of installation %d, and nothing was done: look its number up at the end of the address of its page on GitHub, or name the account; to take nothing of it in all the same, add --unknown", o.installation)
}

func (w *world) forgetOne(ctx context.Context, s *store.Store, o forgetOptions, mirrors *mirror.Cache, id int64) (err error) {
	var of store.Tenant
	if o.execute {
		of, err = work.Forgetter{Store: s, Drop: mirrors.Forget}.Forget(ctx, cmp.Or(w.env("USER"), "operator"), id)
	} else {
		err = s.Tx(ctx, func(t *store.Tx) error { of, err = t.Tenant(ctx, id); return err })
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "installation %d: %d repositories, %d deliveries, %d heads, %d questions, %d sweeps, %d credentials, %d incidents\n",
		id, len(of.Repositories), len(of.Deliveries), len(of.Tips), len(of.Questions), len(of.Sweeps), len(of.Credentials), len(of.Incidents))
	return nil
}
