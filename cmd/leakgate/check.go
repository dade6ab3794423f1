package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
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
SOPS_AGE_SSH_PRIVATE_KEY_FILE the MAC of each document is verified too; a policy
with formats.sops.verify_mac refuses what could not be. The policy is .leakgate.yaml in the working directory.
` + exitHelp

const checkExample = `  leakgate check clusters/
  leakgate check --render apps/overlays/prod
  kustomize build apps/overlays/prod | leakgate check -
  leakgate check secret.sops.yaml --report sarif=leakgate.sarif`

type checkFlags struct {
	inspect.Question
	output
	helm string
}

func (w *world) checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "check PATH... | -", Short: "Check Kubernetes manifests, charts and kustomizations",
		Long: checkLong, Example: checkExample, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.question(w, args)
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

// sopsKeys are the keys that the environment has for sops, all of them as sops
// takes them, but for what a program would print
// (https://getsops.io/docs/#encrypting-using-age).
func (w *world) sopsKeys() (secret.Secret, error) {
	keys := w.env("SOPS_AGE_KEY")
	for _, name := range []string{"SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"} {
		file := w.env(name)
		if file == "" {
			continue
		}
		text, err := readKeyFile(file)
		if err != nil {
			return secret.Secret{}, flagError{fmt.Errorf("%s: %w", name, err)}
		}
		keys += "\n" + text.Reveal() // they are joined into one text, which is a secret again
	}
	return secret.New(strings.TrimPrefix(keys, "\n")), nil
}

// maxKeyFile is the largest file with keys that is read, in bytes.
const maxKeyFile = 1 << 20

func readKeyFile(name string) (secret.Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return secret.Secret{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	return secret.New(string(text)), err
}
