package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

const baselineLong = `A baseline lists the places of findings that are known today, so that only new
ones block. It holds no values: each entry names a place and the object in which
the value can be read again, and holds only while that value stands there.`

func (w *world) baselineCommand() *cobra.Command {
	c := &cobra.Command{Use: "baseline", Short: "Make and compare baselines of known findings", Long: baselineLong}
	c.AddCommand(w.baselineCreateCommand(), w.baselineDiffCommand())
	return c
}

func (w *world) baselineCreateCommand() *cobra.Command {
	var q inspect.Question
	var out string
	c := &cobra.Command{
		Use: "create [PATH]", Short: "Scan the history of PATH and write its findings into a baseline", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Path = "."
			if len(args) == 1 {
				q.Path = args[0]
			}
			return w.createBaseline(cmd, q, out)
		},
	}
	addRulingFlags(c.Flags(), &q)
	c.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`; default "+gate.BaselineFile+" in PATH, - for standard output")
	return c
}

// createBaseline refuses to write a baseline of an incomplete scan: what was
// missed would look new, or known, by accident.
func (w *world) createBaseline(cmd *cobra.Command, q inspect.Question, out string) error {
	r, err := w.ask(cmd, q, false)
	if err != nil {
		return err
	}
	if !r.Result.Coverage.Complete() {
		return fmt.Errorf("no baseline was written: the scan missed something (leakgate scan %s says what)", q.Path)
	}
	old, err := w.oldBaseline(out, q)
	if err != nil {
		return err
	}
	made, left := gate.NewBaseline(r.Verdict.Findings, old)
	if len(left) > 0 {
		fmt.Fprintf(w.stderr, "leakgate: %d findings have no committed content and are not in the baseline\n", len(left))
	}
	if out == "-" {
		_, err = w.stdout.Write(made.Encode())
		return err
	}
	path := baselinePath(out, q)
	if err := os.WriteFile(path, made.Encode(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: %d entries\n", path, len(made.Entries))
	return nil
}

func baselinePath(out string, q inspect.Question) string {
	if out == "" {
		return filepath.Join(q.Path, gate.BaselineFile)
	}
	return out
}

// oldBaseline is what stands where the new one will be written.
func (w *world) oldBaseline(out string, q inspect.Question) (gate.Baseline, error) {
	if out == "-" {
		return gate.Baseline{}, nil
	}
	old, err := inspect.Baseline(baselinePath(out, q))
	if errors.Is(err, fs.ErrNotExist) {
		return gate.Baseline{}, nil
	}
	return old, err
}

func (w *world) baselineDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD NEW", Short: "List the entries that a baseline gained and lost", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := inspect.Baseline(args[0])
			if err != nil {
				return flagError{err}
			}
			after, err := inspect.Baseline(args[1])
			if err != nil {
				return flagError{err}
			}
			added, removed := gate.DiffBaselines(before, after)
			for _, e := range removed {
				fmt.Fprintf(w.stdout, "- %s\n", report.Line(e.Fingerprint+"  "+e.Rule+"  "+e.Path))
			}
			for _, e := range added {
				fmt.Fprintf(w.stdout, "+ %s\n", report.Line(e.Fingerprint+"  "+e.Rule+"  "+e.Path))
			}
			fmt.Fprintf(w.stdout, "%d added, %d removed\n", len(added), len(removed))
			return nil
		},
	}
}
