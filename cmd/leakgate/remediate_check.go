package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// maxValue is the longest credential that is read, in bytes: key files included.
const maxValue = 64 << 10

type kindCheck struct {
	kind string
	set  []string // NAME=VALUE
	file []string // NAME=FILE
}

func (w *world) checkKindCommand(f *remediation) *cobra.Command {
	var k kindCheck
	c := &cobra.Command{
		Use:   "check --kind ID < VALUE",
		Short: "Ask the issuer, read-only, whether the value on standard input still works",
		Long: `Ask the issuer, by a call that changes nothing, whether the value on standard input still works.
The value is never taken from an argument and never printed. The issuer sees the call; a planted
credential tells whoever planted it. What the kind needs beside the value comes from the operator's
file (--operator) or from these flags.

Exit codes:
  0  dead: the issuer answered as it documents for a value that is not valid
  1  live: the value works
  2  usage: a wrong flag
  3  could not tell: the issuer answered nothing that it documents, or something that it needs was not given`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.checkKind(cmd.Context(), f, k) },
	}
	c.Flags().StringVar(&k.kind, "kind", "", "the `ID` of the kind; leakgate remediate providers lists them")
	c.Flags().StringArrayVar(&k.set, "set", nil, "a setting that the kind needs, as `NAME=VALUE`; may be given several times")
	c.Flags().StringArrayVar(&k.file, "secret-file", nil, "a secret that the kind needs, as `NAME=FILE`; may be given several times")
	return c
}

func (w *world) checkKind(ctx context.Context, f *remediation, k kindCheck) error {
	catalogue, err := revoke.Default()
	if err != nil {
		return err
	}
	p := catalogue.Provider(k.kind)
	if p == nil {
		return badFlag("--kind: there is no kind %q; leakgate remediate providers lists them", k.kind)
	}
	policy, err := w.operator(f)
	if err != nil {
		return err
	}
	given, err := k.given(p, policy)
	if err != nil {
		return err
	}
	value, err := readValue(w.stdin)
	if err != nil {
		return err
	}
	if !p.Accepts(value) {
		return badFlag("the value on standard input is not of the kind %s", p.ID)
	}
	issuer := w.issuer
	if issuer == nil {
		issuer = &revoke.Client{Private: policy.Private, Now: w.now}
	}
	in := revoke.Input{Secret: value, Given: given, Home: contains(policy.Home, p.ID)}
	report := issuer.Check(ctx, p, in)
	warning := ""
	if l, ok := issuer.(interface {
		Look(context.Context, *revoke.Provider, revoke.Input, revoke.Report) string
	}); ok {
		warning = l.Look(ctx, p, in, report)
	}
	return w.printCheck(p, value, report, warning)
}

// readValue reads the credential. One line end is not part of it.
func readValue(from io.Reader) (secret.Secret, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxValue+1))
	switch text = bytes.TrimRight(text, "\r\n"); {
	case err != nil:
		return secret.Secret{}, fmt.Errorf("read the value: %w", err)
	case len(text) == 0:
		return secret.Secret{}, badFlag("standard input holds no value")
	case len(text) > maxValue:
		return secret.Secret{}, badFlag("standard input holds more than %d bytes, which is no credential", maxValue)
	}
	return secret.New(string(text)), nil
}

// given reads what the kind needs beside the value. Secrets come from files only.
func (k kindCheck) given(p *revoke.Provider, policy remediate.Policy) (map[string]secret.Secret, error) {
	given := map[string]secret.Secret{}
	all, err := policy.Given()
	if err != nil {
		return nil, flagError{err}
	}
	for _, n := range p.Needs {
		given[n.Name] = all[p.ID+"."+n.Name]
	}
	for _, each := range k.set {
		name, value, ok := strings.Cut(each, "=")
		need := p.Need(name)
		if !ok || need == nil {
			return nil, badFlag("--set: %s needs no %q; leakgate remediate explain %s says what it needs", p.ID, name, p.ID)
		}
		if need.Secret() {
			return nil, badFlag("--set %s: this is a secret and is read from a file: --secret-file %s=FILE", name, name)
		}
		given[name] = secret.New(value)
	}
	for _, each := range k.file {
		name, file, _ := strings.Cut(each, "=")
		if p.Need(name) == nil {
			return nil, badFlag("--secret-file: %s needs no %q; leakgate remediate explain %s says what it needs", p.ID, name, p.ID)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, badFlag("--secret-file %s: %w", name, errors.Unwrap(err))
		}
		given[name] = secret.New(strings.TrimRight(string(text), "\r\n"))
	}
	return given, nil
}

func (w *world) printCheck(p *revoke.Provider, value secret.Secret, r revoke.Report, warning string) error {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, text)
		}
	}
	row("value", value.Preview(""))
	row("kind", p.Name)
	row("state", r.Status.String())
	row("why", r.Why)
	for _, name := range []string{"id", "name", "owner", "account", "created", "expires"} {
		row(name, r.Identity[name])
	}
	row("scopes", strings.Join(r.Scopes, ", "))
	if p.Critical(r.Scopes) {
		row("severity", "critical")
	}
	row("warning", warning)
	if r.RetryAfter > 0 {
		row("ask again in", r.RetryAfter.String())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return map[revoke.Status]error{revoke.Dead: nil, revoke.Live: outcome(exitBlocked), revoke.Unknown: outcome(exitUndecided)}[r.Status]
}
