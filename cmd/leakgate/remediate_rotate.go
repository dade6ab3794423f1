package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
	"github.com/leakgate/leakgate/remediate/rotate/stores"
)

const rotateLong = `Give consumers a new value: make one, write it where they read it, and end the old
version after a grace. The places are the [[store]] entries of your own file, see
--operator; a plan is printed first, and nothing is written until it is named by its
digest. Approvals, journal, kill switch and audit trail are those of
"leakgate remediate".
`

const rotateExit = `
Exit codes:
  0  the new values are in place; what waits for its grace is named
  1  a value was not rotated
  2  usage: a wrong flag, or a file that does not parse
  3  could not decide: nobody can tell, or the run was cut off`

func (w *world) rotateCommand(f *remediation) *cobra.Command {
	c := &cobra.Command{Use: "rotate", Short: "Write new values to the stores where consumers read them", Long: rotateLong}
	c.AddCommand(w.rotatePlanCommand(f), w.rotateApplyCommand(f), w.rotateUndoCommand(f), w.rotateStatusCommand(f), w.rotateStoresCommand())
	return c
}

// rotation builds what the verbs work with. The caller closes its store.
func (w *world) rotation(cmd *cobra.Command, f *remediation) (*rotate.Engine, error) {
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return nil, err
	}
	once := sync.OnceValues(func() (secret.Secret, error) { return readValue(w.stdin) }) // one value for all places of a plan
	return &rotate.Engine{Engine: e, Follower: proofs{}, World: stores.World{
		Client: &revoke.Client{Private: e.Policy.Private, Now: w.now}, Env: w.env, Given: e.Given, Stdin: once, Now: w.now,
	}}, nil
}

func (w *world) rotatePlanCommand(f *remediation) *cobra.Command {
	var wish rotate.Wish
	c := &cobra.Command{
		Use: "plan STORE...", Short: "Read the stores and say what is to be done", Args: cobra.MinimumNArgs(1),
		Long: "Read the places that the operator's file calls STORE, and print what would be done.\nNothing is changed anywhere.\n" + rotateExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.rotation(cmd, f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			var wishes []rotate.Wish
			for _, place := range args {
				wishes = append(wishes, rotate.Wish{Place: place, Credential: wish.Credential, Reason: wish.Reason})
			}
			plan, digest, err := e.Plan(cmd.Context(), wishes)
			if mistake, ok := errors.AsType[rotate.ConfigError](err); ok {
				return flagError{mistake}
			}
			if err != nil {
				return err
			}
			if err := w.printRotation(plan, digest, e.Policy.Needs(plan)); err != nil {
				return err
			}
			if len(e.Policy.Requesters) > 0 {
				fmt.Fprintf(w.stdout, "First prove that you made it: leakgate remediate approve --request %s --key FILE\n", digest)
			}
			return nil
		},
	}
	c.Flags().StringVar(&wish.Credential, "credential", "", "`ID` of the leaked credential; a store that holds another value is refused")
	c.Flags().StringVar(&wish.Reason, "reason", "", "`TEXT` that the store and the audit trail keep, without any value")
	return c
}

func (w *world) printRotation(plan *remediate.Plan, digest string, quorum int) error {
	for i, s := range plan.Steps {
		fmt.Fprintf(w.stdout, "%2d. %s\n", i+1, rotate.Line(s))
		for _, line := range rotate.Details(s) {
			fmt.Fprintf(w.stdout, "    %s\n", line)
		}
	}
	acts := plan.Acts()
	fmt.Fprintf(w.stdout, "\n%d of %d values would be rotated. Nothing was changed.\n", acts, len(plan.Steps))
	if acts == 0 {
		return outcome(exitBlocked)
	}
	fmt.Fprintf(w.stdout, "The plan may be begun until %s.\n", plan.Expires.Format(time.RFC3339))
	if quorum > 0 {
		fmt.Fprintf(w.stdout, "It needs %d approvals, each by: leakgate remediate approve %s --key FILE\n", quorum, digest)
	}
	fmt.Fprintf(w.stdout, "To do it: leakgate remediate rotate apply %s\n", digest)
	return nil
}

func (w *world) rotateApplyCommand(f *remediation) *cobra.Command {
	return &cobra.Command{
		Use: "apply DIGEST", Short: "Do what a plan says, as far as it is not done", Args: cobra.ExactArgs(1),
		Long: "Make the new values, write them, read them back, and end the old versions whose grace\nis over: apply again for those that wait. A run that was cut off is taken up; no\nsecond version is written. A store with mint = \"stdin\" takes the value from standard\ninput.\n" + rotateExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.rotateDo(cmd, f, func(e *rotate.Engine) ([]remediate.Outcome, error) { return e.Apply(cmd.Context(), args[0]) })
		},
	}
}

func (w *world) rotateUndoCommand(f *remediation) *cobra.Command {
	return &cobra.Command{
		Use: "undo DIGEST", Short: "Write the old values again, while the stores have them", Args: cobra.ExactArgs(1),
		Long: "Write the values that were replaced again, if nobody wrote since. Where the policy\nasks approvals for such steps, undo needs its own: leakgate remediate approve --undo.\n" + rotateExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.rotateDo(cmd, f, func(e *rotate.Engine) ([]remediate.Outcome, error) { return e.Undo(cmd.Context(), args[0]) })
		},
	}
}

// rotateDo does something to the places of a plan and prints what became of them.
func (w *world) rotateDo(cmd *cobra.Command, f *remediation, do func(*rotate.Engine) ([]remediate.Outcome, error)) error {
	e, err := w.rotation(cmd, f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	show, clear := w.bar("done")
	e.Progress = show
	out, err := do(e)
	clear()
	for _, o := range out {
		fmt.Fprintf(w.stdout, "%-8s %s\n         %s\n", o.Effect, rotate.Line(o.Step), o.Why)
	}
	if err != nil {
		return err
	}
	return verdictOf(out)
}

func (w *world) rotateStatusCommand(f *remediation) *cobra.Command {
	return &cobra.Command{
		Use: "status DIGEST", Short: "Show how far a plan has come", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.rotation(cmd, f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			plan, standing, err := e.Status(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(w.stdout, "plan %s of %s, made %s, to be begun until %s\n", args[0], plan.Requester, plan.Made.Format(time.RFC3339), plan.Expires.Format(time.RFC3339))
			for i, s := range standing {
				event, due := s.Event, ""
				if event == "" {
					event = "not begun"
				}
				if !s.Due.IsZero() {
					due = ", the old version ends after " + s.Due.UTC().Format(time.RFC3339)
				}
				fmt.Fprintf(w.stdout, "%2d. %-10s %s%s\n", i+1, event, rotate.Line(s.Step), due)
			}
			return nil
		},
	}
}

func (w *world) rotateStoresCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stores", Short: "List the kinds of stores, and what each needs and can", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "KIND\tNAME\tOLD VERSION\tUNDO\tREFUSES A WRITE OVER ANOTHER'S\tSOURCE")
			for _, k := range stores.Kinds() {
				fmt.Fprintln(table, strings.Join([]string{k.ID, k.Name, string(k.Fate), yes(k.History), yes(k.Atomic), k.Source}, "\t"))
			}
			if err := table.Flush(); err != nil {
				return err
			}
			for _, k := range stores.Kinds() {
				fmt.Fprintf(w.stdout, "\n%s needs %s\n", k.ID, strings.Join(k.Needs, "; "))
			}
			fmt.Fprintf(w.stdout, "\nmint is generate, stdin, or the kind of a credential whose issuer is asked: %s\n", strings.Join(stores.Mints(), ", "))
			return nil
		},
	}
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
