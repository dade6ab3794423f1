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
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

const doctorLong = `Look the App over, and change nothing: its key and clock, the permissions and events
that it lacks, installations that have not accepted them, whether the webhook is served,
the last delivery and those that failed, whether people can sign in to the dashboard
(with --dashboard-url; the client id and secret are those of --app), what is left of GitHub's limits, the database.

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
	f.Int64Var(&o.appID, "app-id", 0, "number of the App, from its settings page")
	o.flags(f)
	o.dashboard.flags(f)
	f.StringVar(&o.github, "github", "github.com", "github.com, SUB.ghe.com, or the host of a GitHub Enterprise Server")
	f.StringVar(&o.data, "data", "/var/lib/leakgate-app", "folder of the SQLite file and the key")
	f.StringVar(&o.database, "database", "", "a SQLite file, or postgres://…; default: leakgate.db in the folder of --data")
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
		if o.vaultKey == "" {
			o.key = filepath.Join(o.app, register.KeyFile)
		}
	}
	app, err := w.hub(o.serveOptions)
	if err != nil {
		return err
	}
	users, err := w.users(o.dashboard, app.Server)
	if err != nil {
		return err
	}
	p := checkup.Patient{Hub: app, Now: w.now, SignIn: signIn(users), Database: func(ctx context.Context) (string, error) { return w.databaseState(ctx, o.serveOptions) }}
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

// databaseState opens the database, unless that would make one.
func (w *world) databaseState(ctx context.Context, o serveOptions) (string, error) {
	if o.database == "" {
		o.database = w.env("LEAKGATE_DATABASE")
	}
	if o.database == "" {
		o.database = filepath.Join(o.data, "leakgate.db")
	}
	if _, err := os.Stat(o.database); !store.IsPostgres(o.database) && errors.Is(err, os.ErrNotExist) {
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
