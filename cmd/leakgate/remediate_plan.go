package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
	var key string
	c := &cobra.Command{
		Use: "plan [PATH]", Short: "Ask issuers, read-only, and say what is to be done", Args: cobra.MaximumNArgs(1),
		Long: "Scan the repository at PATH (default \".\"), ask the issuer of each credential whether\nit works, and print what would be done. Nothing is changed anywhere.\n" + remediateExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.planRemediation(cmd, f, &l, key, pathOf(args, 0))
		},
	}
	l.addFlags(c)
	c.Flags().StringVar(&key, "key", "", "`FILE` of the private SSH key that proves that you made the plan, where the operator's file lists requesters")
	c.Flags().StringVar(&l.exposure, "exposure", "", "who could read the repository: public or private; public when not given")
	return c
}

func pathOf(args []string, n int) string {
	if len(args) > n {
		return args[n]
	}
	return "."
}

func (w *world) planRemediation(cmd *cobra.Command, f *remediation, l *leaks, key, path string) error {
	if l.exposure != "" && l.exposure != string(remediate.Public) && l.exposure != string(remediate.Private) {
		return badFlag("--exposure is public or private, not %q", l.exposure)
	}
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	if e.Signer, err = readSigner(key); err != nil {
		return err
	}
	cases, result, err := w.find(cmd, e, l, path)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if err := e.Store.Tx(ctx, func(t *store.Tx) error { return t.Record(ctx, e.Actor, remediate.Sightings(result, cases)) }); err != nil {
		return err
	}
	if err := w.expose(cmd, e, cases, l.exposure); err != nil {
		return err
	}
	if err := w.askEarly(cmd, e, cases); err != nil {
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
	if plan.Acts() > 0 && len(e.Policy.Requesters) > 0 && e.Signer == nil {
		fmt.Fprintf(w.stdout, "First prove that you made it: leakgate remediate approve --request %s --key FILE\n", digest)
	}
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
		Long: "Enable again what a plan disabled, as long as no other plan has deleted it. Where the\npolicy asks approvals for such steps, undo needs its own: leakgate remediate approve --undo.\n",
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
