package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/vaultdb"
)

type vaultEnding struct {
	execute bool
	role    string
	server  string
}

func (w *world) remediateVaultCommand(f *remediation) *cobra.Command {
	var o vaultEnding
	c := &cobra.Command{
		Use:   "vault-db revoke-lease|rotate-role|rotate-root NAME [< VALUE]",
		Short: "Have Vault's database engine end a password that it issued",
		Long: `Have Vault end the lease NAME (database/creds/ROLE/ID), or give the static role or the
connection NAME another password. Nothing is changed without --execute.

With --role and --server the leaked password on standard input is tried before and
after, on a PostgreSQL of the operator's list: it must work before, and be refused
after. Vault is [settings.vault-database] address and mount, and
[credentials.vault-database] token, of the operator's file. Its kill_switch, budget and
daily hold here too; where it asks for approvals or names requesters, use a plan.

Exit codes:
  0  done, and proven by the database
  1  the password still works, it was refused, or it would be done with --execute
  2  usage: a wrong flag
  3  could not tell, or nothing was there to prove it`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.vaultEnd(cmd.Context(), f, o, args[0], args[1])
		},
	}
	c.Flags().BoolVar(&o.execute, "execute", false, "do it")
	c.Flags().StringVar(&o.role, "role", "", "the `USER` of the database whose password is on standard input")
	c.Flags().StringVar(&o.server, "server", "", "the `HOST:PORT` of the database, of the list in [credentials.postgres-role]")
	return c
}

func (w *world) vaultEnd(ctx context.Context, f *remediation, o vaultEnding, what, name string) error {
	if (o.role == "") != (o.server == "") {
		return badFlag("--role and --server go together")
	}
	e, err := w.engine(ctx, f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	end, err := w.vaultEngine(e).Ending(what, name)
	if err != nil {
		return flagError{err}
	}
	var leaked secret.Secret
	if o.role != "" {
		if leaked, err = readValue(w.stdin); err != nil {
			return err
		}
	}
	if err := end.Before(ctx, leaked); err != nil {
		return err
	}
	if s, why := works(ctx, e, o, leaked); o.role != "" && s != revoke.Live {
		return fmt.Errorf("nothing was done: the password on standard input is %s: %s", s, why)
	}
	if !o.execute {
		fmt.Fprintf(w.stdout, "Vault would %s %s. Nothing was changed: --execute does it.\n", strings.ReplaceAll(what, "-", " "), name)
		return outcome(exitBlocked)
	}
	return w.endByVault(ctx, e, o, end, leaked)
}

func (w *world) vaultEngine(e *remediate.Engine) vaultdb.Engine {
	given := func(name string) secret.Secret { return e.Given["vault-database."+name] }
	return vaultdb.Engine{Address: given("address").Reveal(), Mount: given("mount").Reveal(), Token: given("token")}
}

// works tries the leaked password.
func works(ctx context.Context, e *remediate.Engine, o vaultEnding, leaked secret.Secret) (revoke.Status, string) {
	if o.role == "" {
		return revoke.Unknown, "no password was given with --role and --server"
	}
	p := e.Catalogue.Provider("postgres-role")
	report := e.Issuer.Check(ctx, p, revoke.Input{Secret: leaked, Given: map[string]secret.Secret{
		"role": secret.New(o.role), "host": secret.New(o.server), "admin": e.Given["postgres-role.admin"],
	}})
	return report.Status, report.Why
}

// endByVault does it, written down before and after, and asks the database.
func (w *world) endByVault(ctx context.Context, e *remediate.Engine, o vaultEnding, end vaultdb.Ending, leaked secret.Secret) error {
	release, err := e.Unplanned(ctx, "leakgate remediate plan")
	if err != nil {
		return err
	}
	defer release()
	subject := "vault/" + end.Name
	if err := e.Intend(ctx, end.What+" intent", subject, map[string]any{"role": o.role}); err != nil {
		return err
	}
	err = end.Do(ctx)
	if err == nil {
		err = end.After(ctx)
	}
	if err != nil {
		if other := e.Did(ctx, end.What+" unclear", subject, map[string]any{"role": o.role, "why": err.Error()}); other != nil {
			return other
		}
		return fmt.Errorf("%s %s: %w", end.What, end.Name, err)
	}
	ctx = context.WithoutCancel(ctx) // what was called has happened
	status, why := works(ctx, e, o, leaked)
	if err := e.Did(ctx, end.What+" answered", subject, map[string]any{"role": o.role, "why": status.String() + ": " + why}); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "Vault did %s %s; the password is %s: %s\n", strings.ReplaceAll(end.What, "-", " "), end.Name, status, why)
	switch status {
	case revoke.Dead:
		return nil
	case revoke.Live:
		return outcome(exitBlocked)
	}
	return outcome(exitUndecided)
}
