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
	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
)

type serveOptions struct {
	keyOptions
	dashboard                                      dashboardOptions
	appID                                          int64
	github, database, data, address, health, level string
	name, stage                                    string
	secrets                                        []string
	unlimited                                      bool
	scans                                          int
	mirrors                                        int64 // in MiB
	drain, replay                                  time.Duration
}

const serveLong = `Take GitHub's deliveries in, judge what they are about, and tell of it in check runs.

A delivery is kept, with the job that it asks for, before GitHub is told so; the
queue goes on where it was after any crash. One process with a SQLite file is the
default. With --database postgres://… several processes share the work, each under
a --name of its own, and each with a --data folder.

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
	f.Int64Var(&o.appID, "app-id", 0, "number of the App, from its settings page")
	o.flags(f)
	o.dashboard.flags(f)
	f.StringSliceVar(&o.secrets, "webhook-secret-file", nil, "file with a webhook secret; any of several will do")
	f.StringVar(&o.github, "github", "github.com", "github.com, SUB.ghe.com, or the host of a GitHub Enterprise Server")
	f.BoolVar(&o.unlimited, "no-limits", false, "for a GitHub Enterprise Server without rate limits: send requests as they come")
	f.StringVar(&o.data, "data", "/var/lib/leakgate-app", "folder of the SQLite file, the key and the mirrors")
	f.StringVar(&o.database, "database", "", "a SQLite file, or postgres://…; default: leakgate.db in the folder of --data")
	f.StringVar(&o.name, "name", "", "tells processes on one database apart, the same after a restart; default: the host's name")
	f.StringVar(&o.address, "address", ":8080", "where deliveries are answered, under /hook")
	f.StringVar(&o.health, "health-address", ":8081", "where /healthz, /readyz and /metrics are answered")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.IntVar(&o.scans, "scans", 2, "how many changes are judged at once; with 0 deliveries are only kept, for other processes to work off")
	f.Int64Var(&o.mirrors, "mirrors", 20<<10, "how large the mirrors of repositories may grow together, in MiB")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long running jobs may go on after the end was announced")
	f.StringVar(&o.stage, "default-stage", "", "observe, warn or block for repositories that no policy enrols and that have none of their own; without it they see nothing of the App")
	f.DurationVar(&o.replay, "replay-every", time.Minute, "how often GitHub is asked for deliveries that did not arrive")
	return c
}

func (w *world) serve(ctx context.Context, o serveOptions) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return badFlag("--log-level: debug, info, warn or error")
	}
	log := slog.New(slog.NewJSONHandler(w.stderr, &slog.HandlerOptions{Level: level}))
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("there is no git, by which repositories are fetched: apt-get install git")
	}
	github, err := w.hub(o)
	if err != nil {
		return err
	}
	secrets, err := w.webhookSecrets(o.secrets)
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
	stage, err := gate.ParseStage(o.stage)
	if err != nil {
		return badFlag("--default-stage: %w", err)
	}
	m := newMetrics(s)
	engine, err := work.New(ctx, work.Options{
		Store: s, Hub: github, Log: log, Name: o.name, Scans: o.scans, Drain: o.drain, ReplayEvery: o.replay, Count: m.verdict, Default: stage,
		Mirrors: &mirror.Cache{Dir: filepath.Join(o.data, "mirrors"), Max: o.mirrors << 20, Now: w.now, Log: log},
		World:   inspect.World{Key: key, Now: w.now, Log: log, Version: toolVersion()},
	})
	if err != nil {
		return err
	}
	door, err := hook.New(hook.Handler{Secrets: secrets, Inbox: engine, Log: log, Count: m.delivery})
	if err != nil {
		return flagError{err}
	}
	mux := http.NewServeMux()
	mux.Handle("/hook", door)
	pages, err := w.dashboard(o.dashboard, users, github, s, key, log)
	if err != nil {
		return err
	}
	if pages != nil {
		mux.Handle("/", pages)
	}
	log.Info("starting", "version", toolVersion(), "name", o.name, "postgres", s.Postgres(), "scans", o.scans)
	return w.runAll(ctx, o, engine, mux, m.handler(s), log)
}

// hub is the App at GitHub.
func (w *world) hub(o serveOptions) (*hub.App, error) {
	server, err := hub.ParseServer(o.github)
	if err != nil {
		return nil, badFlag("--github: %w", err)
	}
	key, err := w.appKey(o.keyOptions)
	if err != nil {
		return nil, err
	}
	a, err := hub.New(hub.Options{ID: o.appID, Key: key, Server: server, Now: w.now, Version: toolVersion(), Unlimited: o.unlimited})
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
	if err != nil {
		return nil, key, err
	}
	if o.database == "" {
		o.database = w.env("LEAKGATE_DATABASE")
	}
	if o.database == "" {
		o.database = filepath.Join(o.data, "leakgate.db")
	}
	connections := 1 // SQLite writes one after the other, and waiting in a line is fair
	if store.IsPostgres(o.database) {
		connections = 20
	}
	s, err := store.Open(ctx, o.database, store.Options{Key: key, Now: w.now, Connections: connections})
	if err != nil {
		return nil, key, fmt.Errorf("open the database: %w", err)
	}
	return s, key, nil
}
