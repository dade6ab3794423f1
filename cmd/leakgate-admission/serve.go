package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/admission/serve"
	"github.com/leakgate/leakgate/admission/serve/ctrl"
)

type serveOptions struct {
	connection
	policy, namespace, certificates, certDir, address, health, level string
	names                                                            []string
	detect                                                           bool
	drain                                                            time.Duration
}

func (w *world) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{Use: "serve", Short: "Answer the reviews of an API server", Args: cobra.NoArgs,
		Long: "Answer the reviews of an API server by a policy.\n\nIt refuses to start without a policy, or with one that is broken. A policy that\nchanges is loaded; a broken one is told by /readyz, metrics and log, and the one\nbefore it holds.",
		RunE: func(c *cobra.Command, _ []string) error { return w.serve(c.Context(), o) }}
	o.connection.flags(c)
	f := c.Flags()
	f.StringVar(&o.policy, "policy", "/etc/leakgate/.leakgate.yaml", "file with the policy")
	f.StringVar(&o.namespace, "namespace", "leakgate", "namespace that the webhook runs in")
	f.StringVar(&o.certificates, "certificates", install.SelfManaged, "self, cert-manager or files")
	f.StringVar(&o.certDir, "cert-dir", "/etc/leakgate-tls", "folder with tls.crt and tls.key, unless certificates are self")
	f.StringVar(&o.address, "address", ":10250", "where reviews are answered")
	f.StringVar(&o.health, "health-address", ":8081", "where /healthz, /readyz and /metrics are answered")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.StringSliceVar(&o.names, "server-name", nil, "more names or addresses under which API servers call, for certificates of its own")
	f.BoolVar(&o.detect, "detect", false, "look for known credentials in every leaf of what is no Secret, which takes memory")
	f.DurationVar(&o.drain, "drain", 5*time.Second, "how long requests are still served after the end was announced")
	return c
}

func (w *world) serve(ctx context.Context, o serveOptions) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return flagError{fmt.Errorf("--log-level: debug, info, warn or error")}
	}
	if ways := []string{install.SelfManaged, install.CertManager, install.Mounted}; !slices.Contains(ways, o.certificates) {
		return flagError{fmt.Errorf("--certificates: self, cert-manager or files")}
	}
	log := slog.New(slog.NewJSONHandler(w.stderr, &slog.HandlerOptions{Level: level}))
	ctrl.SetLogger(log)
	policy, err := serve.OpenPolicy(o.policy, w.now)
	if err != nil {
		return flagError{err}
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	serve.Hear(config)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	mapper, err := ctrl.Mapper(config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	authority, err := w.authority(ctx, o, client)
	if err != nil {
		return err
	}
	var known func(string) string
	if o.detect {
		if known, err = detector(); err != nil {
			return err
		}
	}
	log.Info("starting", "version", toolVersion(), "policy", o.policy, "certificates", o.certificates)
	ledger := serve.ClusterLedger{Client: client, Namespace: o.namespace, Name: install.SeenMap}
	s := &serve.Server{
		Address: o.address, HealthAddress: o.health, Policy: policy, Cluster: serve.NewCluster(client, mapper, w.now), Authority: authority, Known: known, Log: log, Now: w.now,
		Recorder: serve.NewRecorder(ledger, w.now), Echo: ledger.Echo,
		Listen: ctrl.Listen, Drain: o.drain, PolicyEvery: 2 * time.Second, SyncEvery: time.Minute,
	}
	return s.Run(ctx)
}

// authority is the way of certificates that was asked for.
func (w *world) authority(ctx context.Context, o serveOptions, client dynamic.Interface) (serve.Authority, error) {
	keeper := serve.ClusterKeeper{Client: client, Namespace: o.namespace, Secret: install.AuthoritySecret, Webhook: install.Name}
	if o.certificates == install.SelfManaged {
		return serve.NewCertificates(keeper, append((install.Options{Namespace: o.namespace}).ServiceNames(), o.names...), w.now), nil
	}
	files, err := ctrl.OpenFiles(ctx, o.certDir, 10*time.Second, keeper.Present)
	if err != nil {
		return nil, flagError{err}
	}
	return files, nil
}
