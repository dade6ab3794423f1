package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

const remediateExit = `
Exit codes:
  0  everything that the plan says is done and proven, or nothing had to be done
  1  a credential still works, or was not acted on
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  could not decide: nobody can tell, or the run was cut off`

func (w *world) remediatePlanCommand(f *remediation) *cobra.Command {
	var l leaks
	c := &cobra.Command{
		Use: "plan [PATH]", Short: "Ask issuers, read-only, and say what is to be done", Args: cobra.MaximumNArgs(1),
		Long: "Scan the repository at PATH (default \".\"), ask the issuer of each credential whether\nit works, and print what would be done. Nothing is changed anywhere.\n" + remediateExit,
		RunE: func(cmd *cobra.Command, args []string) error { return w.planRemediation(cmd, f, &l, pathOf(args, 0)) },
	}
	l.addFlags(c)
	c.Flags().StringVar(&l.exposure, "exposure", "", "who could read the repository: public or private; public when not given")
	return c
}

func pathOf(args []string, n int) string {
	if len(args) > n {
		return args[n]
	}
	return "."
}

func (w *world) planRemediation(cmd *cobra.Command, f *remediation, l *leaks, path string) error {
	if l.exposure != "" && l.exposure != string(remediate.Public) && l.exposure != string(remediate.Private) {
		return badFlag("--exposure is public or private, not %q", l.exposure)
	}
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	cases, result, err := w.find(cmd, e, l, path)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if err := e.Store.Tx(ctx, func(t *store.Tx) error { return t.Record(ctx, e.Actor, remediate.Sightings(result, cases)) }); err != nil {
		return err
	}
	show, clear := w.bar("asked")
	e.Progress = show
	plan, digest, err := e.Plan(ctx, cases)
	clear()
	if err != nil {
		return err
	}
	w.printPlan(plan, digest, e.Policy.Needs(plan))
	return nil
}

func (w *world) printPlan(plan *remediate.Plan, digest string, quorum int) {
	for i, s := range plan.Steps {
		fmt.Fprintf(w.stdout, "%2d. %s\n", i+1, s.Line())
		for _, line := range s.Details() {
			fmt.Fprintf(w.stdout, "    %s\n", line)
		}
	}
	acts := plan.Acts()
	fmt.Fprintf(w.stdout, "\n%d of %d credentials would be acted on. Nothing was changed.\n", acts, len(plan.Steps))
	if acts == 0 {
		return
	}
	fmt.Fprintf(w.stdout, "The plan may be applied until %s.\n", plan.Expires.Format(time.RFC3339))
	if quorum > 0 {
		fmt.Fprintf(w.stdout, "It needs %d approvals, each by: leakgate remediate approve %s --key FILE\n", quorum, digest)
	}
	fmt.Fprintf(w.stdout, "To do it: leakgate remediate apply %s\n", digest)
}

func (w *world) remediateApplyCommand(f *remediation) *cobra.Command {
	var l leaks
	var v valueFlags
	c := &cobra.Command{
		Use: "apply DIGEST [PATH]", Short: "Do what a plan says, as far as it is not done", Args: cobra.RangeArgs(1, 2),
		Long: "Read the values again in the repository at PATH (default \".\"), make the calls of the\nplan, and ask the issuers until they document that the credentials are dead. A run\nthat was cut off is taken up; nothing is called twice.\n" + remediateExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.act(cmd, f, &l, v, args, func(e *remediate.Engine, cases map[string]remediate.Case) ([]remediate.Outcome, error) {
				return e.Apply(cmd.Context(), args[0], cases)
			})
		},
	}
	l.addFlags(c)
	v.addFlags(c)
	return c
}

func (w *world) remediateUndoCommand(f *remediation) *cobra.Command {
	var l leaks
	var v valueFlags
	c := &cobra.Command{
		Use: "undo DIGEST [PATH]", Short: "Take back what a plan disabled", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(l.only) > 1 {
				return badFlag("--credential is given once for undo")
			}
			one := strings.Join(l.only, "")
			return w.act(cmd, f, &l, v, args, func(e *remediate.Engine, cases map[string]remediate.Case) ([]remediate.Outcome, error) {
				return e.Undo(cmd.Context(), args[0], one, cases)
			})
		},
	}
	l.addFlags(c)
	v.addFlags(c)
	return c
}

// act does something to the credentials of a plan and prints what became of them.
func (w *world) act(cmd *cobra.Command, f *remediation, l *leaks, v valueFlags, args []string, do func(*remediate.Engine, map[string]remediate.Case) ([]remediate.Outcome, error)) error {
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	plan, _, err := e.Status(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	cases, err := w.values(cmd, e, l, plan, v, pathOf(args, 1))
	if err != nil {
		return err
	}
	show, clear := w.bar("done")
	e.Progress = show
	out, err := do(e, cases)
	clear()
	for _, o := range out {
		fmt.Fprintf(w.stdout, "%-8s %s\n         %s\n", o.Effect, o.Step.Line(), o.Why)
	}
	if err != nil {
		return err
	}
	return verdictOf(out)
}

// verdictOf is the exit code of what was done.
func verdictOf(out []remediate.Outcome) error {
	code := exitClean
	for _, o := range out {
		switch {
		case o.Effect == remediate.Refused || o.Effect == remediate.Nothing && o.Step.Blocks():
			code = exitBlocked
		case o.Effect == remediate.Open && code == exitClean:
			code = exitUndecided
		}
	}
	if code == exitClean {
		return nil
	}
	return outcome(code)
}

func (w *world) remediateApproveCommand(f *remediation) *cobra.Command {
	var key, signature, expires string
	c := &cobra.Command{
		Use: "approve DIGEST", Short: "Approve a plan with an SSH key", Args: cobra.ExactArgs(1),
		Long: "Sign a plan with an SSH key whose public half the operator's file lists under your\nname. Without --key the statement is printed, to be signed elsewhere by\n`ssh-keygen -Y sign -n leakgate` and brought back with --signature and the same --expires.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			a := remediate.Approval{Plan: args[0], Approver: e.Actor, Expires: w.now().Add(time.Hour).UTC().Truncate(time.Second)}
			if expires != "" {
				if a.Expires, err = time.Parse(time.RFC3339, expires); err != nil {
					return badFlag("--expires: %w", err)
				}
			}
			return w.approve(cmd, e, a, key, signature)
		},
	}
	c.Flags().StringVar(&key, "key", "", "`FILE` of the private SSH key, without a passphrase")
	c.Flags().StringVar(&signature, "signature", "", "`FILE` that ssh-keygen made")
	c.Flags().StringVar(&expires, "expires", "", "`TIME` until which the approval counts, as in 2026-05-01T12:00:00Z; default in an hour")
	return c
}

func (w *world) approve(cmd *cobra.Command, e *remediate.Engine, a remediate.Approval, key, signature string) error {
	switch {
	case key != "" && signature != "":
		return badFlag("--key and --signature cannot be used together")
	case key != "":
		text, err := os.ReadFile(key)
		if err != nil {
			return flagError{err}
		}
		signer, err := ssh.ParsePrivateKey(text)
		if err != nil {
			return badFlag("--key %s is no private SSH key without a passphrase; sign with ssh-keygen instead", key)
		}
		if err := a.Sign(signer); err != nil {
			return err
		}
	case signature != "":
		text, err := os.ReadFile(signature)
		if err != nil {
			return flagError{err}
		}
		a.Signature = string(text)
	default:
		fmt.Fprintf(w.stdout, "%s", a.Statement())
		return nil
	}
	if err := e.Approve(cmd.Context(), a); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s approves plan %s until %s\n", a.Approver, a.Plan, a.Expires.Format(time.RFC3339))
	return nil
}

func (w *world) remediateStatusCommand(f *remediation) *cobra.Command {
	return &cobra.Command{
		Use: "status [DIGEST]", Short: "Show incidents and plans, or how far a plan has come", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			if len(args) == 1 {
				return w.planStatus(cmd, e, args[0])
			}
			return w.incidents(cmd, e)
		},
	}
}

func (w *world) planStatus(cmd *cobra.Command, e *remediate.Engine, digest string) error {
	plan, standing, err := e.Status(cmd.Context(), digest)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "plan %s of %s, made %s, to be applied until %s\n", digest, plan.Requester, plan.Made.Format(time.RFC3339), plan.Expires.Format(time.RFC3339))
	for i, s := range standing {
		event := s.Event
		if event == "" {
			event = "not begun"
		}
		fmt.Fprintf(w.stdout, "%2d. %-10s %s\n", i+1, event, s.Step.Line())
	}
	return nil
}

func (w *world) incidents(cmd *cobra.Command, e *remediate.Engine) error {
	var all []store.Incident
	err := e.Store.Tx(cmd.Context(), func(t *store.Tx) (err error) {
		all, err = t.Incidents(cmd.Context())
		return err
	})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INCIDENT\tSTATE\tSEVERITY\tRULE\tVALUE\tOPENED")
	for _, in := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", in.ID, in.State, in.Credential.Severity, in.Credential.Rule, in.Credential.Preview, in.Opened.Format(time.RFC3339))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	digests, err := e.Plans(cmd.Context())
	for _, d := range digests {
		fmt.Fprintf(w.stdout, "plan %s\n", d)
	}
	return err
}
