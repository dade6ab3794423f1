package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (w *world) remediateReportCommand(f *remediation) *cobra.Command {
	return &cobra.Command{
		Use: "report ID", Short: "Write the document of an incident, from the audit trail alone", Args: cobra.ExactArgs(1),
		Long: "Write what happened in Markdown: what leaked and where, when it was committed,\ndetected and revoked, who did what. What the trail does not hold stays \"unknown\".\nID is that of the incident or of its credential.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			text, err := e.Report(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprint(w.stdout, text)
			return nil
		},
	}
}
