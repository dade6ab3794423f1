package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/gitlab"
)

const serveLong = `Serve GitLab's Token Revocation API, so that a self-managed GitLab can hand over the
tokens that its secret detection finds. Each becomes an incident; tokens of the
rules in [gitlab] auto of the operator's file are revoked without asking, the others
wait for "leakgate remediate plan". Values are not kept.

https://docs.gitlab.com/development/sec/token_revocation_api/
`

// serving are the flags of serve.
type serving struct{ listen, certificate, key, signer string }

func (w *world) remediateServeCommand(f *remediation) *cobra.Command {
	var s serving
	c := &cobra.Command{
		Use: "serve", Short: "Take leaked tokens in from a self-managed GitLab", Long: serveLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			if e.Signer, err = readSigner(s.signer); err != nil {
				return err
			}
			return w.serve(cmd, e, s)
		},
	}
	c.Flags().StringVar(&s.listen, "listen", "127.0.0.1:8480", "`ADDRESS` to listen on; without a certificate it must be a loopback address, behind a proxy that speaks TLS")
	c.Flags().StringVar(&s.certificate, "tls-cert", "", "`FILE` of the certificate and its chain")
	c.Flags().StringVar(&s.key, "tls-key", "", "`FILE` of the certificate's key")
	c.Flags().StringVar(&s.signer, "key", "", "`FILE` of the private SSH key with which the server proves that it made a plan, where the operator's file lists requesters")
	return c
}

func (w *world) serve(cmd *cobra.Command, e *remediate.Engine, s serving) error {
	word, err := e.Policy.GitLab.Word()
	if err != nil {
		return flagError{err}
	}
	listener, err := s.open(cmd.Context())
	if err != nil {
		return err
	}
	log := w.log(cmd)
	box := gitlab.NewInbox(e, e.Policy.GitLab.Auto, log)
	api := &gitlab.Server{Secret: word, Rules: rulesOf(e), Taker: box}
	server := &http.Server{Handler: api.Handler(), ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	var work sync.WaitGroup
	work.Go(func() { box.Run(cmd.Context()) })
	work.Go(func() {
		<-cmd.Context().Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 30*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx) // what is not done in time is cut off
	})
	fmt.Fprintf(w.stderr, "leakgate: listening on %s\n", listener.Addr())
	err = server.Serve(listener)
	work.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// open listens, in the clear only where nobody else can listen in.
func (s serving) open(ctx context.Context) (net.Listener, error) {
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return nil, badFlag("--listen: %w", err)
	}
	if (s.certificate == "") != (s.key == "") {
		return nil, badFlag("--tls-cert and --tls-key go together")
	}
	ip := net.ParseIP(host)
	if s.certificate == "" && (ip == nil || !ip.IsLoopback()) {
		return nil, badFlag("--listen %s: tokens would travel in the clear; give --tls-cert and --tls-key, or a loopback address", s.listen)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil || s.certificate == "" {
		return listener, err
	}
	pair, err := tls.LoadX509KeyPair(s.certificate, s.key)
	if err != nil {
		_ = listener.Close() // nobody was served
		return nil, badFlag("--tls-cert: %w", err)
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

// rulesOf are the rules that a provider or a runbook is known for.
func rulesOf(e *remediate.Engine) []string {
	var all []string
	for _, p := range e.Catalogue.Providers {
		all = append(all, p.Rules...)
	}
	for _, b := range e.Catalogue.Runbooks {
		all = append(all, b.Rules...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
