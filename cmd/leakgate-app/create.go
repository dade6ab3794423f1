package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/register"
)

const createLong = `Register a GitHub App with one click.

A page on this machine sends your browser to GitHub with a description of the App:
what it may do, and where deliveries go. GitHub shows it and asks you once. The
App's private key and the secret of its webhook are written into the folder of
--to, into files that only you can read, and are shown nowhere.`

type createOptions struct {
	name, url, organisation, github, to string
	wait                                time.Duration
}

func (w *world) createCommand() *cobra.Command {
	var o createOptions
	c := &cobra.Command{Use: "create", Short: "Register the GitHub App", Long: createLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return w.create(c.Context(), o) }}
	f := c.Flags()
	f.StringVar(&o.name, "name", "leakgate", "name of the App; nobody else on GitHub has it")
	f.StringVar(&o.url, "url", "", "https address of the server as GitHub reaches it, without /hook")
	f.StringVar(&o.organisation, "organisation", "", "the organisation that owns the App; without it, your own account does")
	f.StringVar(&o.github, "github", "github.com", "github.com, SUB.ghe.com, or the host of a GitHub Enterprise Server")
	f.StringVar(&o.to, "to", "/etc/leakgate-app", "folder for the key and the secrets; none of its files may be there yet")
	f.DurationVar(&o.wait, "wait", 30*time.Minute, "how long to wait for you to come back from GitHub")
	return c
}

func (w *world) create(ctx context.Context, o createOptions) error {
	server, err := hub.ParseServer(o.github)
	if err != nil {
		return badFlag("--github: %w", err)
	}
	manifest, err := register.NewManifest(o.name, o.url)
	if err != nil {
		return badFlag("--name or --url: %w", err)
	}
	folder, err := register.NewFolder(o.to)
	if err != nil {
		return badFlag("--to: %w", err)
	}
	var made register.Registered
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	err = register.Flow{
		Server: server, Organisation: o.organisation, Manifest: manifest,
		Show: func(address string) {
			fmt.Fprintf(w.stdout, "Open this page in a browser on this machine:\n\n  %s\n\n", address)
		},
		Keep: func(r register.Registered) error { made = r; return folder.Keep(r, o.github) },
	}.Run(ctx)
	if err != nil {
		folder.Abandon()
		return err
	}
	fmt.Fprintf(w.stdout, "The App %s has number %d. Its key and secrets are in %s.\n\nPut it on your repositories:\n\n  %s\n\nThen start it:\n\n"+
		"  leakgate-app serve --github %s --app-id %d --key-file %s --webhook-secret-file %s\n\nwith its dashboard, where people sign in:\n\n  … --dashboard-url %s --client-id %s --client-secret-file %s\n\nand have it looked over:\n\n  leakgate-app doctor --app %s\n",
		made.Slug, made.ID, o.to, made.Install(), o.github, made.ID, filepath.Join(o.to, register.KeyFile), filepath.Join(o.to, register.HookFile),
		manifest.URL, made.ClientID, filepath.Join(o.to, register.ClientFile), o.to)
	return nil
}
