package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/rules"
)

// The exit codes of every command.
const (
	exitClean     = 0
	exitBlocked   = 1
	exitUsage     = 2
	exitUndecided = 3
)

const exitHelp = `
Exit codes:
  0  clean: everything was looked at and nothing blocks
  1  blocked: something blocks, whatever else happened
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  could not decide: something was missed, or the repository's policy is broken`

// outcome is returned by a command that has done its work with a code other than 0.
type outcome int

func (o outcome) Error() string { return fmt.Sprintf("exit %d", int(o)) }

// run runs one command line and returns its exit code.
func (w *world) run(ctx context.Context, args []string) (code int) {
	defer w.survive(&code)
	root := w.root()
	root.SetArgs(args)
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	err := root.ExecuteContext(ctx)
	var done outcome
	if errors.As(err, &done) {
		return int(done)
	}
	return w.explain(err)
}

// explain prints an error as sentences and gives its exit code.
func (w *world) explain(err error) int {
	if err == nil {
		return exitClean
	}
	for _, one := range joined(err) {
		fmt.Fprintf(w.stderr, "leakgate: %s\n", inspect.Clean(oneLine(one)))
	}
	if hint := hint(err); hint != "" {
		fmt.Fprintf(w.stderr, "leakgate: %s\n", hint)
	}
	if _, wrong := errors.AsType[flagError](err); wrong || inspect.IsUsage(err) {
		return exitUsage
	}
	return exitUndecided
}

// flagError is a mistake on the command line.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

func badFlag(format string, args ...any) error { return flagError{fmt.Errorf(format, args...)} }

// hint says what to type next, for errors that have one answer.
func hint(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return `in a container, run as the owner of the files: docker run --user "$(id -u):$(id -g)" …`
	case errors.Is(err, context.Canceled):
		return "the scan was stopped before it could decide"
	}
	if _, ok := errors.AsType[*rules.ConfigError](err); ok {
		return "leakgate config validate shows every mistake in the configuration"
	}
	return ""
}

// joined are the errors that were joined, each of which gets a line. What is only wrapped,
// with words around it, stays one.
func joined(err error) (all []error) {
	if wrong, ok := err.(flagError); ok { //nolint:errorlint // the outermost only
		return joined(wrong.error)
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(several.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	for _, one := range several.Unwrap() {
		all = append(all, joined(one)...)
	}
	return all
}

// oneLine keeps control characters of a repository's names from the terminal.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, err.Error())
}

func (w *world) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "leakgate",
		Short:         "Find secrets and refuse them: in commits, pull requests, clusters and history",
		Long:          "leakgate stands at every door a secret can pass, finds it and refuses it.\n" + exitHelp,
		Version:       toolVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("leakgate {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError{err} })
	root.PersistentFlags().CountP("verbose", "v", "say more on standard error; twice for everything")
	root.AddCommand(w.commands()...)
	strict(root)
	return root
}

// commands are the verbs, one file each.
func (w *world) commands() []*cobra.Command {
	return []*cobra.Command{w.scanCommand(), w.checkCommand(), w.actionCommand(), w.ciCommand(), w.baselineCommand(), w.rulesCommand(), w.configCommand(), w.hookCommand(), w.initCommand(), w.remediateCommand(), w.rewriteCommand(), w.auditCommand(), w.sealCommand(), w.versionCommand()}
}

// strict makes wrong arguments a mistake on the command line, and an unknown
// command too: a gate that only prints its help must not look clean.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return flagError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
	if c.Runnable() {
		return
	}
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return badFlag("%s has no command %q; %s --help lists them", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
}

func (w *world) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintf(w.stdout, "leakgate %s\n", toolVersion()) },
	}
}

// log writes to standard error at the level that -v asks for.
func (w *world) log(cmd *cobra.Command) *slog.Logger {
	level := slog.LevelWarn
	if n, err := cmd.Flags().GetCount("verbose"); err == nil {
		level -= slog.Level(4 * n)
	}
	return slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: level}))
}
