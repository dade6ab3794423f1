package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

const helpText = `leakgate-app judges every push and pull request of the organisations that installed it.

Exit codes: 0 fine · 1 doctor found something broken, a sweep something that blocks, or db migrate --check migrations that are missing · 2 wrong flags, or a file that cannot be used · 3 could not do it`

// outcome is an end with a code of its own.
type outcome struct {
	code int
	text string
}

func (o outcome) Error() string { return o.text }

// flagError is a wrong flag, or a file given by a flag that cannot be used.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

func badFlag(format string, args ...any) error { return flagError{fmt.Errorf(format, args...)} }

// run is the whole program but for the process around it.
func (w *world) run(ctx context.Context, args []string) int {
	root := w.root()
	root.SetArgs(args)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	err := root.ExecuteContext(ctx)
	var wrong flagError
	var end outcome
	switch {
	case err == nil:
		return 0
	case errors.As(err, &end):
		fmt.Fprintln(w.stderr, "leakgate-app:", err)
		return end.code
	case errors.As(err, &wrong):
		fmt.Fprintln(w.stderr, "leakgate-app:", err)
		return 2
	}
	fmt.Fprintln(w.stderr, "leakgate-app:", err)
	return 3
}

func (w *world) root() *cobra.Command {
	root := &cobra.Command{Use: "leakgate-app", Short: "Judge every push and pull request", Long: helpText, Version: toolVersion(),
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError{err} })
	root.AddCommand(w.serveCommand(), w.createCommand(), w.doctorCommand(), w.sweepCommand(), w.replayCommand(), w.databaseCommand(), w.forgetCommand(), w.rulesCommand())
	all := append(root.Commands(), root)
	for _, c := range root.Commands() {
		all = append(all, c.Commands()...)
	}
	for _, c := range all {
		check := c.Args
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return flagError{err}
			}
			return nil
		}
	}
	return root
}
