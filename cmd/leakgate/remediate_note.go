package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/remediate"
)

func (w *world) remediateNoteCommand(f *remediation) *cobra.Command {
	var n remediate.Note
	c := &cobra.Command{
		Use: "note ID", Short: "Add the root cause and the prevention to an incident", Args: cobra.ExactArgs(1),
		Long: "Add what only a person can say to the audit trail, for leakgate remediate report.\nA note that holds a secret is refused.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			if n == (remediate.Note{}) {
				return badFlag("say --cause or --prevention")
			}
			if err := w.harmless(cmd, n.Cause+"\n"+n.Prevention+"\n"); err != nil {
				return err
			}
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			return e.Annotate(cmd.Context(), args[0], n)
		},
	}
	c.Flags().StringVar(&n.Cause, "cause", "", "the root cause, as `TEXT`")
	c.Flags().StringVar(&n.Prevention, "prevention", "", "what keeps it from happening again, as `TEXT`")
	return c
}

// harmless refuses a text in which a rule finds a secret.
func (w *world) harmless(cmd *cobra.Command, text string) error {
	r, err := w.ask(cmd, inspect.Question{What: inspect.Stream, Stream: strings.NewReader(text), Name: "note"}, true)
	if err != nil {
		return err
	}
	if len(r.Result.Findings) > 0 {
		return badFlag("the note holds a secret (%s): say what it is for instead", r.Result.Findings[0].Rule.ID)
	}
	return nil
}
