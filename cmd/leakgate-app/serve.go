package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

type serveOptions struct {
	keyOptions
	dashboard                                      dashboardOptions
	appID                                          int64
	github, database, data, address, health, level string
	name, stage                                    string
	secrets, oldKeys                               []string
	unlimited, verify                              bool
	operator                                       string
	reverify                                       time.Duration
	scans, histories                               int
	mirrors                                        int64 // in MiB
	drain, replay, pullEvery, sweepEvery           time.Duration
	pull                                           bool
	keepDeliveries, keepVerdicts                   int // in days
	keepIncidents, forgetAfter                     int
}

const serveLong = `Take GitHub's deliveries in, judge what they are about, and tell of it in check runs.

A delivery is kept, with the job that it asks for, before GitHub is told so; the
queue goes on where it was after any crash. One process with a SQLite file is the
default. With --database postgres://… several processes share the work, each under
a --name of its own, and each with a --data folder.

With --pull GitHub need not reach this host: deliveries are read from GitHub every
--pull-every. Deliveries that come to --address are taken beside that, where a
webhook secret is given.

The webhook secret is in a file (--webhook-secret-file, more than one while it is
changed) or in LEAKGATE_WEBHOOK_SECRET, the URL of PostgreSQL in LEAKGATE_DATABASE if
not in --database, and the key that tells credentials apart in LEAKGATE_KEY or in the
folder of --data, where it is made.

With --dashboard-url, people sign in there by GitHub and see the incidents of the
repositories that they may read.`

func (w *world) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{Use: "serve", Short: "Answer GitHub's deliveries", Long: serveLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return w.serve(c.Context(), o) }}
	f := c.Flags()
	o.appFlags(f)
	o.dashboard.flags(f)
	f.StringSliceVar(&o.secrets, "webhook-secret-file", nil, "file with a webhook secret; any of several will do")
	f.BoolVar(&o.unlimited, "no-limits", false, "for a GitHub Enterprise Server without rate limits: send requests as they come")
	o.databaseFlags(f)
	f.StringVar(&o.name, "name", "", "tells processes on one database apart, the same after a restart; default: the host's name")
	f.StringVar(&o.address, "address", ":8080", "where deliveries are answered, under /hook")
	f.StringVar(&o.health, "health-address", ":8081", "where /healthz, /readyz and /metrics are answered")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.IntVar(&o.scans, "scans", 2, "how many changes are judged at once; with 0 deliveries are only kept, for other processes to work off")
	f.IntVar(&o.histories, "histories", 1, "how many whole histories are scanned at once for sweeps; with 0 other processes do that")
	f.DurationVar(&o.sweepEvery, "sweep-every", 0, "after how long every installation is swept again, as in 168h; 0: only by leakgate-app sweep")
	f.Int64Var(&o.mirrors, "mirrors", 20<<10, "how large the mirrors of repositories may grow together, in MiB; the copies that sweeps make, as much again")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long running jobs may go on after the end was announced")
	f.StringVar(&o.stage, "default-stage", "", "observe, warn or block for repositories that no policy enrols and that have none of their own; without it they see nothing of the App")
	f.DurationVar(&o.replay, "replay-every", time.Minute, "how often GitHub is asked for deliveries that did not arrive")
	f.BoolVar(&o.pull, "pull", false, "read deliveries from GitHub, which then need not reach this host")
	f.DurationVar(&o.pullEvery, "pull-every", 10*time.Second, "with --pull, how often")
	f.IntVar(&o.keepDeliveries, "keep-deliveries", 30, "for how many days deliveries are remembered, 8 at least")
	f.IntVar(&o.keepVerdicts, "keep-verdicts", 180, "for how many days it is remembered what was asked about a commit and answered")
	f.IntVar(&o.keepIncidents, "keep-incidents", 730, "for how many days after they were closed incidents are kept")
	f.IntVar(&o.forgetAfter, "forget-after", 30, "how many days after the App was removed from an account everything of it is removed here")
	f.BoolVar(&o.verify, "verify", false, "ask the issuer of each credential that stands out whether it works, read-only; a value leaves to its own issuer only")
	f.DurationVar(&o.reverify, "reverify-every", 24*time.Hour, "with --verify, how often issuers are asked again about one incident; 0 is never")
	f.StringVar(&o.operator, "operator", "", "`FILE` of what may be acted on and by whom, as of leakgate remediate: Fix for me makes plans by it, and applies none")
	return c
}

// catchUpEvery is how often open pull requests are looked through for some of which no
// delivery told.
const catchUpEvery = 6 * time.Hour

func (w *world) serve(ctx context.Context, o serveOptions) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return badFlag("--log-level: debug, info, warn or error")
	}
	log := slog.New(slog.NewJSONHandler(w.stderr, &slog.HandlerOptions{Level: level}))
	_, lacking := exec.LookPath("git")
	if lacking != nil {
		log.Warn("there is no git: repositories are fetched as a whole, and again whenever they change; apt-get install git spares that")
	}
	if min(o.keepDeliveries-7, o.keepVerdicts, o.keepIncidents, o.forgetAfter) < 1 {
		return badFlag("--keep-deliveries is 8 days at least, and the other --keep flags and --forget-after are one")
	}
	if o.pull && o.pullEvery < time.Second {
		return badFlag("--pull-every: a second at least")
	}
	if !o.pull {
		o.pullEvery = 0
	}
	github, err := w.hub(ctx, o, log)
	if err != nil {
		return err
	}
	secrets, err := w.webhookSecrets(o.secrets, o.pull)
	if err != nil {
		return err
	}
	users, err := w.users(o.dashboard, github.Server)
	if err != nil {
		return err
	}
	s, key, err := w.open(ctx, &o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Recall(ctx); err != nil { // not so bad that nothing should be judged
		log.Error("the database is not the one that was here", "error", err)
	}
	stage, err := gate.ParseStage(o.stage)
	if err != nil {
		return badFlag("--default-stage: %w", err)
	}
	if o.histories < 0 || o.sweepEvery < 0 || o.sweepEvery > 0 && o.sweepEvery < time.Hour {
		return badFlag("--histories is 0 or more, and --sweep-every 0, or an hour or more")
	}
	verifier, fixer, err := w.acts(o, s, key)
	if err != nil {
		return err
	}
	m := newMetrics()
	tracer, end, err := w.traces(ctx, o.name, log)
	if err != nil {
		return err
	}
	defer end()
	mirrors := &mirror.Cache{Dir: filepath.Join(o.data, "mirrors"), Max: o.mirrors << 20, Copies: o.mirrors << 20 / int64(max(1, o.histories)), Plain: lacking != nil, Now: w.now, Log: log}
	engine, err := work.New(ctx, work.Options{
		Store: s, Hub: github, Log: log, Name: o.name, Scans: o.scans, Drain: o.drain, ReplayEvery: o.replay, PullEvery: o.pullEvery, Keep: o.keep(), Count: m.verdict, Default: stage,
		Verify: verifier, Fix: fixer, ReverifyEvery: o.reverify, Histories: o.histories, SweepEvery: o.sweepEvery, CatchUpEvery: catchUpEvery,
		Took: m.reached, Replayed: m.replay, Tracer: tracer, Mirrors: mirrors,
		World: inspect.World{Key: key, Now: w.now, Log: log, Version: toolVersion()},
	})
	if err != nil {
		return err
	}
	m.registry.MustRegister(state{s, github, mirrors, engine.Load, engine.Blind})
	mux := http.NewServeMux()
	if len(secrets) > 0 {
		door, err := hook.New(hook.Handler{Secrets: secrets, Inbox: engine, Log: log, Count: m.delivery, Tracer: tracer})
		if err != nil {
			return flagError{err}
		}
		mux.Handle("/hook", door)
	}
	pages, err := w.dashboard(o.dashboard, users, github, s, key, log)
	if err != nil {
		return err
	}
	if pages != nil {
		mux.Handle("/", pages)
	}
	log.Info("starting", "version", toolVersion(), "name", o.name, "postgres", s.Postgres(), "scans", o.scans, "pull", o.pull)
	return w.runAll(ctx, o, engine, mux, m.handler(s), log)
}

// hub is the App at GitHub.
func (w *world) hub(ctx context.Context, o serveOptions, log *slog.Logger) (*hub.App, error) {
	server, err := hub.ParseServer(o.github)
	if err != nil {
		return nil, badFlag("--github: %w", err)
	}
	key, err := w.appKey(ctx, o.keyOptions)
	if err != nil {
		return nil, err
	}
	a, err := hub.New(hub.Options{ID: o.appID, Key: key, Server: server, Now: w.now, Version: toolVersion(), Unlimited: o.unlimited, Log: log})
	if err != nil {
		return nil, badFlag("--app-id: %w", err)
	}
	return a, nil
}

// runAll runs until the context ends. Deliveries are refused first; what was accepted
// before is in the queue, and the jobs that run may go on for a while.
func (w *world) runAll(ctx context.Context, o serveOptions, engine *work.Engine, door, health http.Handler, log *slog.Logger) error {
	listen := net.ListenConfig{}
	front, err := listen.Listen(ctx, "tcp", o.address)
	if err != nil {
		return badFlag("--address: %w", err)
	}
	back, err := listen.Listen(ctx, "tcp", o.health)
	if err != nil {
		_ = front.Close() // nobody listened yet
		return badFlag("--health-address: %w", err)
	}
	log.Info("listening", "address", front.Addr().String(), "health", back.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return engine.Run(ctx) })
	for listener, handler := range map[net.Listener]http.Handler{front: door, back: health} {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return server.Shutdown(end)
		})
	}
	err = group.Wait()
	log.Info("ended")
	return err
}

// open opens the database and the key, and fills in what was not said.
func (w *world) open(ctx context.Context, o *serveOptions) (*store.Store, storeKey, error) {
	if o.name == "" {
		name, err := w.hostname()
		if err != nil {
			return nil, storeKey{}, badFlag("--name: the host has none: %w", err)
		}
		o.name = name
	}
	key, err := w.storeKey(o.data)
	if err == nil {
		key, err = w.rotated(key, o.oldKeys)
	}
	if err != nil {
		return nil, key, err
	}
	o.place(w)
	connections := 1 // SQLite writes one after the other, and waiting in a line is fair
	if store.IsPostgres(o.database) {
		connections = 20
	}
	s, err := store.Open(ctx, o.database, store.Options{Key: key, Now: w.now, Connections: connections, Noted: o.notedFile()})
	if err != nil {
		return nil, key, fmt.Errorf("open the database: %w", err)
	}
	return s, key, nil
}

// keep is for how long things are kept.
func (o *serveOptions) keep() work.Keep {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	return work.Keep{Deliveries: days(o.keepDeliveries), Verdicts: days(o.keepVerdicts), Incidents: days(o.keepIncidents), Gone: days(o.forgetAfter)}
}

// place fills in where the database is, and returns it.
func (o *serveOptions) place(w *world) string {
	if o.database == "" {
		o.database = w.env("LEAKGATE_DATABASE")
	}
	if o.database == "" {
		o.database = filepath.Join(o.data, "leakgate.db")
	}
	return o.database
}

// notedFile is where the head of the audit trail is noted: a database that is put back
// behind our back is told by it.
func (o *serveOptions) notedFile() string { return filepath.Join(o.data, "noted") }

// databaseFlags say which database is meant.
func (o *serveOptions) databaseFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.oldKeys, "old-key-file", nil, "file of the key that tells credentials apart as it was before it was changed, the latest first; default: the key in "+oldKeyVariable)
	f.StringVar(&o.data, "data", "/var/lib/leakgate-app", "folder of the SQLite file, the key and the mirrors")
	f.StringVar(&o.database, "database", "", "a SQLite file, or postgres://…; default: leakgate.db in the folder of --data")
}

// appFlags say which App is meant.
func (o *serveOptions) appFlags(f *pflag.FlagSet) {
	f.Int64Var(&o.appID, "app-id", 0, "number of the App, from its settings page")
	o.flags(f)
	f.StringVar(&o.github, "github", "github.com", "github.com, SUB.ghe.com, or the host of a GitHub Enterprise Server")
}

// acts are who is asked about credentials and who takes orders; nil where nobody is.
func (w *world) acts(o serveOptions, s *store.Store, key storeKey) (v work.Verifier, f work.Fixer, err error) {
	if o.reverify < 0 {
		return nil, nil, badFlag("--reverify-every is not negative")
	}
	if o.verify {
		catalogue, err := revoke.Default()
		if err != nil {
			return nil, nil, err
		}
		v = &issuers{client: &revoke.Client{Now: w.now}, catalogue: catalogue}
	}
	if o.operator == "" {
		return v, nil, nil
	}
	f, err = w.newPlanner(o.operator, s, key)
	return v, f, err
}
