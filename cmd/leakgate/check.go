package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
)

const checkLong = `Check Kubernetes manifests before they reach a cluster: files, folders, and
"-" for standard input. Plain Secrets are found, and what stands in their place
is verified: SOPS, SealedSecret, ExternalSecret and secret stores, the Vault and
CSI operators, cert-manager, and every other object that may hold a value.

YAML and JSON streams and Lists are read; files that a kustomization generates
Secrets from; Argo CD Applications and Flux HelmReleases with inline values. A
Helm chart is rendered by your own helm when there is one, else its templates are
read as text. --render also judges what each kustomization stands for.

With a key of sops in SOPS_AGE_KEY, SOPS_AGE_KEY_FILE or
SOPS_AGE_SSH_PRIVATE_KEY_FILE, a keyring of gpg in GNUPGHOME, or --vault-transit
the MAC of each document is verified too; of a file that none of them opens
nothing is known. A policy with formats.sops.verify_mac refuses what could not be. The policy is .leakgate.yaml in the working directory.
` + exitHelp

const checkExample = `  leakgate check clusters/
  leakgate check --render apps/overlays/prod
  kustomize build apps/overlays/prod | leakgate check -
  leakgate check secret.sops.yaml --report sarif=leakgate.sarif`

type checkFlags struct {
	inspect.Question
	output
	helm, gpg string
	transit   bool
}

func (w *world) checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "check PATH... | -", Short: "Check Kubernetes manifests, charts and kustomizations",
		Long: checkLong, Example: checkExample, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.question(w, args)
			if err == nil {
				q.OpenKey, err = f.openers(cmd.Context(), w)
			}
			if err == nil {
				err = checkName(cmd, q)
			}
			if err != nil {
				return err
			}
			return w.inspect(cmd, q, &f.output)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&f.Render, "render", false, "also judge what each kustomization renders to; nothing is fetched")
	flags.StringVar(&f.helm, "helm", "helm", "the `PROGRAM` that renders charts; empty to read their templates as text only")
	flags.StringVar(&f.gpg, "gpg", "gpg", "the `PROGRAM` that opens files of sops by the keyring in GNUPGHOME, to verify their MAC; it is run only where that is set")
	flags.BoolVar(&f.transit, "vault-transit", false, "ask the Vault at VAULT_ADDR, with VAULT_TOKEN, to open files of sops that are encrypted for it, to verify their MAC")
	f.Name = defaultName
	flags.Var((*given)(&f.Name), "stdin-path", "the `NAME` under which standard input is judged")
	addRulingFlags(flags, &f.Question)
	f.output.addFlags(flags)
	return c
}

func (f *checkFlags) question(w *world, args []string) (inspect.Question, error) {
	q := f.Question
	q.What, q.Path, q.Paths, q.Strict = inspect.Manifests, ".", args, true
	for _, a := range args {
		if a != "-" {
			continue
		}
		if len(args) > 1 {
			return q, badFlag("- is standard input and cannot be used together with files")
		}
		q.What, q.Stream, q.Paths = inspect.Stream, w.stdin, nil
	}
	program, err := exec.LookPath(f.helm)
	switch {
	case f.helm == "":
	case err == nil:
		q.Helm = func(ctx context.Context, dir string) ([]byte, error) { return runHelm(ctx, program, dir) }
	case f.helm != "helm":
		return q, badFlag("--helm %s: there is no such program", f.helm)
	}
	return q, nil
}

// Bounds on helm.
const (
	helmTime = time.Minute
	helmSize = 64 << 20 // bytes of its output
)

// runHelm renders a chart with its own values. What helm says on standard error
// may quote values, so it is not passed on.
func runHelm(ctx context.Context, program, dir string) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, helmTime)
	defer stop()
	folder, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	out := &capped{left: helmSize}
	cmd := exec.CommandContext(ctx, program, "template", "release-name", folder)
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("helm template %s fails (%w); it may need helm dependency build", dir, err)
	}
	return out.Bytes(), nil
}

// capped keeps what is written, up to a size.
type capped struct {
	bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		return 0, errors.New("too much output")
	}
	return c.Buffer.Write(p)
}
