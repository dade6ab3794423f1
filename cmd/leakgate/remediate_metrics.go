package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/metrics"
)

const metricsLong = `Measure, from a verified audit trail: time to revoke, exposure window, rotation success
rate, time to sync, TTL compliance of dynamic credentials, audit coverage and failed
access. docs/metrics.md has each formula and source.

Exit codes:
  0  measured; with --check every threshold is met
  1  with --check: a threshold is missed
  2  usage: a wrong flag
  3  could not decide: the trail was tampered with, or with --check nobody can tell whether a threshold is met`

func (w *world) remediateMetricsCommand(f *remediation) *cobra.Command {
	var format string
	var check bool
	c := &cobra.Command{
		Use: "metrics", Short: "Measure how leaks are dealt with", Args: cobra.NoArgs, Long: metricsLong,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"text", "json", "prometheus"}, format) {
				return badFlag("--format is text, json or prometheus, not %q", format)
			}
			all, err := w.measure(cmd, f)
			if err != nil {
				return err
			}
			if err := w.printMetrics(all, format); err != nil || !check {
				return err
			}
			return checked(all)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "text", "text, json or prometheus")
	c.Flags().BoolVar(&check, "check", false, "hold the metrics against their thresholds, by the exit code")
	return c
}

func (w *world) measure(cmd *cobra.Command, f *remediation) ([]metrics.Measure, error) {
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return nil, err
	}
	defer e.Store.Close()
	events, base, err := e.Trail(cmd.Context())
	if err != nil {
		return nil, err
	}
	var kept []store.Kept
	err = e.Store.Tx(cmd.Context(), func(t *store.Tx) error {
		kept, err = t.Kept(cmd.Context())
		return err
	})
	return metrics.Compute(events, kept, base), err
}

func (w *world) printMetrics(all []metrics.Measure, format string) error {
	switch format {
	case "json":
		return w.printJSON(all)
	case "prometheus":
		return metrics.WritePrometheus(w.stdout, all)
	}
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METRIC\tVALUE\tTHRESHOLD\tVERDICT\tSAMPLES\tNOTE")
	for _, m := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", m.Title, m.Text(), m.Bound(), m.Verdict, m.Samples, m.Why)
	}
	return table.Flush()
}

// checked is the exit code of metrics against their thresholds.
func checked(all []metrics.Measure) error {
	code := exitClean
	for _, m := range all {
		switch {
		case m.Verdict == metrics.Missed:
			code = exitBlocked
		case m.Verdict == metrics.CannotTell && m.Threshold != nil && code == exitClean:
			code = exitUndecided
		}
	}
	if code == exitClean {
		return nil
	}
	return outcome(code)
}
