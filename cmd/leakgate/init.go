package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
)

const initLong = `Show what would put leakgate into the repository at PATH: a workflow, a policy, a
baseline of what is found today, and the hooks of this clone. With --write it is
written. A file that is there already is never changed: the difference is shown.
`

func (w *world) initCommand() *cobra.Command {
	i := initialization{w: w}
	c := &cobra.Command{
		Use: "init [PATH]", Short: "Put leakgate into a repository: show what to write, then write it",
		Long: initLong + exitHelp, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.cmd = cmd
			return i.run(append(args, ".")[0])
		},
	}
	c.Flags().BoolVar(&i.write, "write", false, "write what is shown")
	c.Flags().StringVar(&i.ci, "ci", "github", "github, gitlab or none")
	return c
}

// initialization is one run of init.
type initialization struct {
	w     *world
	cmd   *cobra.Command
	write bool
	ci    string
	dir   string // the top of the work tree
	wrong bool   // something could not be looked at
}

func (i *initialization) run(path string) error {
	files, ok := starters[i.ci]
	if !ok {
		return badFlag("--ci is github, gitlab or none, not %q", i.ci)
	}
	if err := i.find(path); err != nil {
		return err
	}
	files = append(files, starter{gate.PolicyFile, starterPolicy})
	if made, ok := i.baseline(); ok {
		files = append(files, starter{gate.BaselineFile, made})
	}
	for _, f := range files {
		if err := i.file(f); err != nil {
			return err
		}
	}
	if err := i.hooks(i.cmd.Context()); err != nil {
		return err
	}
	if !i.write {
		i.say("\nNothing was written: leakgate init --write does it.")
	}
	if i.wrong {
		return outcome(exitUndecided)
	}
	return nil
}

func (i *initialization) say(format string, args ...any) {
	fmt.Fprintf(i.w.stdout, format+"\n", args...)
}

// find finds the top of the work tree.
func (i *initialization) find(path string) error {
	repo, err := gitrepo.Open(path)
	if errors.Is(err, gitrepo.ErrNotRepository) {
		return flagError{err}
	}
	if err != nil {
		return err
	}
	defer repo.Close()
	if i.dir = repo.WorkDir(); i.dir == "" {
		return badFlag("%s has no work tree to write files into: for a server, leakgate hook install --type pre-receive %s", path, path)
	}
	return nil
}

// baseline is made of what is found today, unless there is one or nothing is
// found. What an incomplete scan missed would look new, or known, by accident.
func (i *initialization) baseline() (text string, ok bool) {
	if _, err := os.Lstat(filepath.Join(i.dir, gate.BaselineFile)); err == nil {
		i.say("%s (there already: leakgate baseline create renews it)", gate.BaselineFile)
		return "", false
	}
	r, err := i.w.ask(i.cmd, inspect.Question{Path: i.dir}, false)
	if err == nil && !r.Result.Coverage.Complete() {
		err = fmt.Errorf("the scan missed something (leakgate scan %s says what)", i.dir)
	}
	if err != nil {
		i.wrong = true
		i.w.explain(fmt.Errorf("no baseline: %w", err))
		return "", false
	}
	made, _ := gate.NewBaseline(r.Verdict.Findings, gate.Baseline{})
	if len(made.Entries) == 0 {
		return "", false
	}
	i.say("Findings of today that go into a baseline, so that only new ones block: %d. Revoke what is live there.\n", len(made.Entries))
	return string(made.Encode()), true
}

// file shows one file, and writes it where there is none.
func (i *initialization) file(f starter) error {
	root, err := openTree(i.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	old, err := root.read(f.path)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", f.path, err)
	case old == nil:
		i.say("%s (new)", f.path)
		i.lines("+ ", f.text)
	case *old == f.text, strings.Contains(*old, strings.TrimSpace(f.text)):
		i.say("%s (there already)", f.path)
	default:
		i.say("%s (there already and left as it is; the difference)", f.path)
		mine, theirs := difference(f.text, *old)
		i.lines("- ", theirs)
		i.lines("+ ", mine)
	}
	if old == nil && i.write {
		if err := root.create(f.path, f.text); err != nil {
			return fmt.Errorf("write %s: %w", f.path, err)
		}
	}
	return nil
}

// maxShown is how many lines of one text are shown.
const maxShown = 60

// lines shows a text; what stands in the repository may hold values and steer terminals.
func (i *initialization) lines(mark, text string) {
	lines := strings.Split(strings.TrimSuffix(inspect.Clean(text), "\n"), "\n")
	if text == "" {
		return
	}
	for _, line := range lines[:min(maxShown, len(lines))] {
		i.say("  %s%s", mark, oneLine(errors.New(line)))
	}
	if more := len(lines) - maxShown; more > 0 {
		i.say("  %s… %d more lines", mark, more)
	}
}

// hooks installs the hooks of this clone, or says what would be done.
func (i *initialization) hooks(ctx context.Context) error {
	dir, err := hooksFolder(ctx, i.dir)
	if err != nil {
		i.say("hooks: not installed: %s", oneLine(err))
		return nil
	}
	for _, name := range hookNames[:2] {
		said := "would be installed; what is there already would run first"
		if ours, there, err := whoseHook(filepath.Join(dir, name)); err != nil {
			said = "not installed: " + oneLine(err)
		} else if i.write {
			if said, err = installHere(dir, name); err != nil {
				return err
			}
		} else if ours {
			said = "there already"
		} else if !there {
			said = "would be installed"
		}
		i.say("%s: %s", filepath.Join(dir, name), said)
	}
	return nil
}
