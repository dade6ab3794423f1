package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

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
		if !s.Due.IsZero() {
			fmt.Fprintf(w.stdout, "    undo takes it back; from %s on a new plan deletes it\n", s.Due.Format(time.RFC3339))
		}
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
	removals, err := e.Removals(cmd.Context())
	if err != nil {
		return err
	}
	for _, r := range removals {
		fmt.Fprintf(w.stdout, "disabled %s by plan %s: leakgate remediate undo takes it back; from %s on a new plan deletes it\n", r.Credential, r.Plan, r.Due.Format(time.RFC3339))
	}
	digests, err := e.Plans(cmd.Context())
	for _, d := range digests {
		fmt.Fprintf(w.stdout, "plan %s\n", d)
	}
	return err
}
