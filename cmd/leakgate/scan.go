package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

const scanLong = `Scan the whole history of the repository at PATH (default "."): every ref, and
what is staged or changed. With flags, a part of it; with "-" standard input.

The policy comes from a tree that the judged change cannot alter: the tip of
BASE for --range, HEAD otherwise, beside the files for --dir.

What a scan of a whole repository learns of commits and blobs is kept for the next
one, without values, in LEAKGATE_CACHE_DIR or else in your cache folder; in a CI
only where LEAKGATE_CACHE_DIR says so. The next one reads what is new and says the
same; --no-cache reads everything.

A range without a commit, a folder without a file and an empty standard input are
not clean: nothing was decided. An empty index is.
` + exitHelp

const scanExample = `  leakgate scan                              this repository, all of its history
  leakgate scan --range origin/main..HEAD    what this branch would bring in
  leakgate scan --staged                     what the next commit would bring in
  leakgate scan --dir /srv/config            files, whatever git says of them
  kubectl get cm app -o yaml | leakgate scan - --stdin-path cm.yaml
  leakgate scan --report sarif=leakgate.sarif --report json=leakgate.json`

// scanFlags are what the user typed.
type scanFlags struct {
	inspect.Question
	output
	since  string
	staged bool
	dir    bool
	engine string
}

func (w *world) scanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use: "scan [PATH | -]", Short: "Scan a repository, a range, a folder or standard input",
		Long: scanLong, Example: scanExample, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.question(w, args)
			if err == nil {
				err = checkName(cmd, q)
			}
			if err != nil {
				return err
			}
			return w.inspect(cmd, q, &f.output)
		},
	}
	flags := c.Flags()
	flags.Var((*given)(&f.Range), "range", "only the commits of BASE..HEAD or BASE...HEAD, merges included")
	flags.Var((*given)(&f.since), "since-commit", "only the commits, on any ref, that `REV` does not reach")
	flags.BoolVar(&f.staged, "staged", false, "only what is staged, against HEAD")
	flags.BoolVar(&f.dir, "dir", false, "the files below PATH, without git")
	flags.BoolVar(&f.Untracked, "untracked", false, "also files that git neither tracks nor ignores")
	f.Name = defaultName
	flags.Var((*given)(&f.Name), "stdin-path", "the `NAME` under which standard input is judged")
	flags.StringVar(&f.engine, "engine", "fast", "fast, or reference: the plain engine that the fast one is held against")
	flags.BoolVar(&f.NoCache, "no-cache", false, "look at everything again, and keep nothing of it for later scans")
	addRulingFlags(flags, &f.Question)
	f.output.addFlags(flags)
	return c
}

// defaultName is that of standard input.
const defaultName = "stdin"

// checkName refuses a name for what has its own.
func checkName(cmd *cobra.Command, q inspect.Question) error {
	if cmd.Flags().Changed("stdin-path") && q.What != inspect.Stream {
		return badFlag("--stdin-path goes with - only, which reads standard input")
	}
	return nil
}

// question turns the flags into one question; contradictions are usage errors.
func (f *scanFlags) question(w *world, args []string) (inspect.Question, error) {
	q := f.Question
	q.Path = "."
	if len(args) == 1 {
		q.Path = args[0]
	}
	what, err := f.what(q.Path)
	if err != nil {
		return q, err
	}
	q.What = what
	switch what {
	case inspect.Stream:
		q.Path, q.Stream = "", w.stdin
	case inspect.Since:
		q.Range = f.since
	}
	if q.Untracked && what != inspect.History {
		return q, badFlag("--untracked goes with a scan of the whole repository only")
	}
	switch f.engine {
	case "fast", "reference":
		q.Reference = f.engine == "reference"
	default:
		return q, badFlag("--engine is fast or reference, not %q", f.engine)
	}
	return q, nil
}

// what is chosen by at most one of the flags.
func (f *scanFlags) what(path string) (inspect.What, error) {
	what, chosen := inspect.History, ""
	for _, c := range []struct {
		set  bool
		name string
		what inspect.What
	}{
		{f.Range != "", "--range", inspect.Range},
		{f.since != "", "--since-commit", inspect.Since},
		{f.staged, "--staged", inspect.Staged},
		{f.dir, "--dir", inspect.Folder},
		{path == "-", "-", inspect.Stream},
	} {
		if !c.set {
			continue
		}
		if chosen != "" {
			return what, badFlag("%s and %s cannot be used together", chosen, c.name)
		}
		what, chosen = c.what, c.name
	}
	return what, nil
}

// inspect asks the question and prints the report.
func (w *world) inspect(cmd *cobra.Command, q inspect.Question, out *output) error {
	if err := out.check(w); err != nil {
		return err
	}
	r, err := w.ask(cmd, q, out.quiet)
	if err != nil {
		return err
	}
	return out.print(w, r)
}

// ask asks the question, with a progress line while the answer is awaited.
func (w *world) ask(cmd *cobra.Command, q inspect.Question, quiet bool) (*report.Report, error) {
	key, err := w.key()
	if err == nil && w.account != 0 {
		key, err = key.For(w.account)
	}
	if err != nil {
		return nil, err
	}
	keys, err := w.sopsKeys()
	if err != nil {
		return nil, err
	}
	bar := w.newProgress(quiet)
	around := inspect.World{
		Key: key, SOPSKeys: keys, Now: w.now, Log: w.log(cmd), Progress: bar.show, Version: toolVersion(), Engine: engine(),
	}
	if folder := w.cache(around.Log); folder != nil {
		around.Cache = folder
	}
	r, err := inspect.Run(cmd.Context(), q, around)
	bar.clear()
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", filepath.Clean(q.Path), err)
	}
	return r, nil
}
