package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/spf13/pflag"

	"github.com/leakgate/leakgate/app/dashboard"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// dashboardOptions say where people reach the dashboard, and how they sign in.
type dashboardOptions struct {
	url, clientID, clientSecret, clientHeader string
}

func (o *dashboardOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "dashboard-url", "", "https://HOST at which people reach the dashboard, beside /hook; without it there is none")
	f.StringVar(&o.clientID, "client-id", "", "client id of the App, from its settings page: people sign in by it")
	f.StringVar(&o.clientSecret, "client-secret-file", "", "file with a client secret of the App")
	f.StringVar(&o.clientHeader, "client-header", "", "header in which the proxy before the dashboard says who is connected to it, as X-Forwarded-For: refused sign-ins count by network")
}

// users signs people in; nil where there is no dashboard.
func (w *world) users(o dashboardOptions, server hub.Server) (*hub.Users, error) {
	if o == (dashboardOptions{}) {
		return nil, nil
	}
	address, err := dashboard.ParseURL(o.url)
	if err != nil {
		return nil, badFlag("--dashboard-url: %w", err)
	}
	if o.clientID == "" || o.clientSecret == "" {
		return nil, badFlag("the dashboard needs --client-id and --client-secret-file: the App's settings page has the one and makes the other, and %s has as its callback URL", address+dashboard.CallbackPath)
	}
	secret, err := readSecret(o.clientSecret)
	if err != nil {
		return nil, badFlag("--client-secret-file: %w", err)
	}
	return &hub.Users{Server: server, ClientID: o.clientID, Secret: secret, Callback: address + dashboard.CallbackPath, Version: toolVersion()}, nil
}

// dashboard is the handler of everything that is not GitHub's; nil where there is none.
func (w *world) dashboard(o dashboardOptions, users *hub.Users, github *hub.App, s *store.Store, key storeKey, log *slog.Logger) (http.Handler, error) {
	if users == nil {
		return nil, nil
	}
	if o.clientHeader == "" {
		log.Warn("without --client-header all who come through one proxy count as one: somebody who has sign-ins refused keeps others out")
	}
	pages, err := dashboard.New(dashboard.Options{Store: s, Users: users, Key: key, URL: o.url, ClientHeader: o.clientHeader, Budget: github.Budget, Log: log, Now: w.now})
	if err != nil {
		return nil, flagError{err}
	}
	return pages, nil
}

// signIn looks whether GitHub knows the App by what people sign in with.
func signIn(users *hub.Users) func(context.Context) (string, error) {
	if users == nil {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		return "GitHub knows the App by its client secret; its callback URL has to be " + users.Callback, users.Check(ctx)
	}
}
