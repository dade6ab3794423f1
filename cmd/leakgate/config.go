package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

func (w *world) configCommand() *cobra.Command {
	var q inspect.Question
	c := &cobra.Command{Use: "config", Short: "Check and explain the configuration"}
	validate := &cobra.Command{
		Use: "validate [PATH]", Short: "Check policy, rules, ignore file and baseline as they lie in the folder PATH",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return w.validateConfig(inFolder(q, args)) },
	}
	explain := &cobra.Command{
		Use: "explain [PATH]", Short: "Print every effective setting and where it comes from",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return w.explainConfig(inFolder(q, args)) },
	}
	schema := &cobra.Command{
		Use: "schema [policy|organisation|report]", Short: "Print the JSON Schema of the policy file, of an organisation's, or of the JSON report",
		Args: cobra.MaximumNArgs(1), ValidArgs: []string{"policy", "organisation", "report"},
		RunE: func(_ *cobra.Command, args []string) error { return w.printSchema(args) },
	}
	for _, sub := range []*cobra.Command{validate, explain} {
		addRulingFlags(sub.Flags(), &q)
	}
	c.AddCommand(validate, explain, schema)
	return c
}

func inFolder(q inspect.Question, args []string) inspect.Question {
	q.What, q.Path = inspect.Folder, "."
	if len(args) == 1 {
		q.Path = args[0]
	}
	return q
}

func (w *world) validateConfig(q inspect.Question) error {
	notices, err := inspect.Validate(q)
	if err != nil {
		return w.mistakes(err)
	}
	for _, n := range notices {
		fmt.Fprintln(w.stdout, foreign(n.Text))
	}
	fmt.Fprintln(w.stdout, "the configuration is valid")
	return nil
}

// mistakes prints each error of a file in a line of its own.
func (w *world) mistakes(err error) error {
	var several interface{ Unwrap() []error }
	if !errors.As(err, &several) {
		return flagError{err}
	}
	for _, each := range several.Unwrap() {
		fmt.Fprintf(w.stderr, "leakgate: %s\n", inspect.Clean(oneLine(each)))
	}
	return outcome(exitUsage)
}

func (w *world) explainConfig(q inspect.Question) error {
	settings, err := inspect.Settings(q)
	if err != nil {
		return flagError{err}
	}
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", foreign(s.Key), foreign(s.Value), foreign(s.Origin))
	}
	return table.Flush()
}

func (w *world) printSchema(args []string) error {
	if len(args) == 1 && args[0] == "report" {
		_, err := io.WriteString(w.stdout, report.Schema)
		return err
	}
	if len(args) == 1 && args[0] == "organisation" {
		text, err := gate.OrganisationSchema()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "%s\n", text)
		return err
	}
	if len(args) == 1 && args[0] != "policy" {
		return badFlag("there is a schema of policy, organisation and report, not of %q", args[0])
	}
	_, err := w.stdout.Write(gate.PolicySchema)
	return err
}
