package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/checkup"
	"github.com/leakgate/leakgate/app/register"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

const doctorLong = `Look the App over, and change nothing: its key and clock, the permissions and events
that it lacks, installations that have not accepted them, whether the webhook is served,
the last delivery and those that failed, or up to when they were read, whether people can
sign in to the dashboard (with --dashboard-url; the client id and secret are those of
--app), what is left of GitHub's limits, the database, and for how long its oldest question
waits.

Exit codes: 0 nothing is broken · 1 something is · 2 wrong flags, or a file that cannot be used`

type doctorOptions struct {
	serveOptions
	app     string
	offline bool
}

func (w *world) doctorCommand() *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{Use: "doctor", Short: "Say what is wrong with the App", Long: doctorLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return w.doctor(c.Context(), o) }}
	f := c.Flags()
	f.StringVar(&o.app, "app", "", "folder that create wrote; in place of --app-id, --key-file and --github")
	o.appFlags(f)
	o.databaseFlags(f)
	o.dashboard.flags(f)
	f.BoolVar(&o.pull, "pull", false, "deliveries are read from GitHub by serve --pull")
	f.BoolVar(&o.offline, "no-webhook", false, "do not ask the address of the webhook: it cannot be reached from here")
	return c
}

func (w *world) doctor(ctx context.Context, o doctorOptions) error {
	if o.app != "" {
		a, err := register.ReadApp(o.app)
		if err != nil {
			return badFlag("--app: %w", err)
		}
		o.appID, o.github = a.ID, a.GitHub
		if o.dashboard.url != "" && o.dashboard.clientID == "" {
			o.dashboard.clientID, o.dashboard.clientSecret = a.ClientID, filepath.Join(o.app, register.ClientFile)
		}
		if o.vaultKey == "" && o.kmsKey == "" {
			o.keys = []string{filepath.Join(o.app, register.KeyFile)}
		}
	}
	app, err := w.hub(ctx, o.serveOptions, nil)
	if err != nil {
		return err
	}
	users, err := w.users(o.dashboard, app.Server)
	if err != nil {
		return err
	}
	p := checkup.Patient{Hub: app, Now: w.now, SignIn: signIn(users), Database: func(ctx context.Context) (string, error) { return w.databaseState(ctx, o.serveOptions) }}
	if _, err := os.Stat(o.place(w)); err == nil || store.IsPostgres(o.database) {
		p.Queue = func(ctx context.Context) (age time.Duration, err error) {
			at, err := w.stored(ctx, o.serveOptions, (*store.Tx).WaitsSince)
			if err == nil && !at.IsZero() {
				age = w.now().Sub(at)
			}
			return age, err
		}
	}
	if o.pull {
		p.Read = func(ctx context.Context) (time.Time, error) {
			return w.stored(ctx, o.serveOptions, func(t *store.Tx, ctx context.Context) (time.Time, error) { return t.Cursor(ctx, work.PullCursor) })
		}
	}
	if !o.offline {
		p.Web = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	broken := 0
	for _, f := range p.Look(ctx) {
		fmt.Fprintf(w.stdout, "%-7s %s: %s\n", f.Grade, report.Line(f.About), report.Line(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(w.stdout, "        %s\n", report.Line(f.Fix))
		}
		if f.Grade == checkup.Broken {
			broken++
		}
	}
	if broken > 0 {
		return outcome{1, fmt.Sprintf("%d broken", broken)}
	}
	return nil
}

// stored reads a time from the database.
func (w *world) stored(ctx context.Context, o serveOptions, read func(*store.Tx, context.Context) (time.Time, error)) (at time.Time, err error) {
	s, _, err := w.openThere(ctx, &o)
	if err != nil {
		return at, err
	}
	defer s.Close()
	err = s.Tx(ctx, func(t *store.Tx) error { at, err = read(t, ctx); return err })
	return at, err
}

// databaseState opens the database, unless that would make one.
func (w *world) databaseState(ctx context.Context, o serveOptions) (string, error) {
	if _, err := os.Stat(o.place(w)); !store.IsPostgres(o.database) && errors.Is(err, os.ErrNotExist) {
		return "there is none yet; serve makes " + o.database, nil
	}
	s, _, err := w.open(ctx, &o)
	if err != nil {
		return "", err
	}
	defer s.Close()
	var count map[store.Progress]int
	if err := s.Tx(ctx, func(t *store.Tx) (err error) { count, err = t.Pending(ctx); return err }); err != nil {
		return "", err
	}
	return fmt.Sprintf("answers; %d questions wait and %d are being answered", count[store.Waiting], count[store.Running]), nil
}
