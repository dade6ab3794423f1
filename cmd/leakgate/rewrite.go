package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

const rewriteLong = `Take values and files out of a repository's history. Only the commits that hold one and
their descendants change; all others keep their ids and signatures.

Rewriting is hygiene. Revoke first (leakgate remediate): who has the value keeps it.
`

const rewriteExit = `
Exit codes:
  0  done, or there was nothing to rewrite
  1  plan: history would change; verify: something is left
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  could not: a damaged or partial repository, changes that are not committed, a ref that moved`

func (w *world) rewriteCommand() *cobra.Command {
	c := &cobra.Command{Use: "rewrite", Short: "Take values and files out of history", Long: rewriteLong}
	c.AddCommand(w.rewritePlanCommand(), w.rewriteLocalCommand(), w.rewriteVerifyCommand(), w.rewriteCleanCommand())
	return c
}

func (w *world) rewritePlanCommand() *cobra.Command {
	var f rewriteFlags
	c := &cobra.Command{
		Use: "plan [PATH]", Short: "Say what a rewrite would change, and change nothing", Args: cobra.MaximumNArgs(1),
		Long: "Rewrite the history of the repository at PATH (default \".\") in memory and say what would\nchange. The ids are those that leakgate rewrite local gives.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withHistory(cmd, &f, pathOf(args, 0), func(repo *gitrepo.Repo, spec *rewrite.Spec, opts rewrite.Options) error {
				r, err := rewrite.Run(cmd.Context(), repo, spec, opts)
				return w.showRewrite(r, err, &f, "would change", outcome(exitBlocked))
			})
		},
	}
	f.addFlags(c)
	return c
}

func (w *world) rewriteLocalCommand() *cobra.Command {
	var f rewriteFlags
	var bundle string
	c := &cobra.Command{
		Use: "local [PATH]", Short: "Rewrite the history of a local repository", Args: cobra.MaximumNArgs(1),
		Long: "Rewrite the history of the repository at PATH (default \".\"): new objects first, then a bundle of\nwhat the old refs hold, then all refs in one transaction. Old objects stay until\nleakgate rewrite clean. No remote is touched.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withHistory(cmd, &f, pathOf(args, 0), func(repo *gitrepo.Repo, spec *rewrite.Spec, opts rewrite.Options) error {
				if bundle == "" {
					bundle = filepath.Join(repo.CommonDir(), "leakgate", "before-"+w.now().UTC().Format("20060102T150405.000")+".bundle")
				}
				r, err := rewrite.Apply(cmd.Context(), repo, spec, opts, bundle)
				if r != nil && !r.Clean() {
					fmt.Fprintf(w.stdout, "What was before, values included, is in %s\n", bundle)
				}
				return w.showRewrite(r, err, &f, "changed", nil)
			})
		},
	}
	f.addFlags(c)
	c.Flags().StringVar(&bundle, "bundle", "", "`FILE` for what the old refs hold; default leakgate/before-TIME.bundle in the git folder")
	return c
}

func (w *world) rewriteVerifyCommand() *cobra.Command {
	var f rewriteFlags
	c := &cobra.Command{
		Use: "verify [PATH]", Short: "Search every object, reachable or not, for what should be gone", Args: cobra.MaximumNArgs(1),
		Long: "Search every object of the repository at PATH (default \".\"). Give the values that were\nreplaced by --replace-text or --stdin.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withHistory(cmd, &f, pathOf(args, 0), func(repo *gitrepo.Repo, spec *rewrite.Spec, _ rewrite.Options) error {
				r, err := rewrite.Verify(cmd.Context(), repo, spec)
				if err != nil {
					return err
				}
				fmt.Fprintf(w.stdout, "Left: %d blobs, %d trees, %d commits, %d tags\n", len(r.Blobs), len(r.Trees), len(r.Commits), len(r.Tags))
				for _, ids := range [][]gitrepo.ID{r.Blobs, r.Trees, r.Commits, r.Tags} {
					for _, id := range ids {
						fmt.Fprintln(w.stdout, id)
					}
				}
				if r.Any() {
					return outcome(exitBlocked)
				}
				return nil
			})
		},
	}
	f.addFlags(c)
	return c
}

func (w *world) rewriteCleanCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "clean [PATH]", Short: "Let a local repository forget what its refs do not reach", Args: cobra.MaximumNArgs(1),
		Long: "Expire the reflogs of the repository at PATH (default \".\"), that of the stash excepted, and remove\nevery object that no ref reaches. There is no way back but a bundle.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return badFlag("this removes objects for good: --yes says that you mean it")
			}
			repo, err := gitrepo.Open(pathOf(args, 0))
			if err != nil {
				return err
			}
			defer repo.Close()
			return rewrite.Clean(cmd.Context(), repo)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "remove what no ref reaches")
	return c
}

// withHistory opens a repository and reads what is to leave it.
func (w *world) withHistory(cmd *cobra.Command, f *rewriteFlags, path string, do func(*gitrepo.Repo, *rewrite.Spec, rewrite.Options) error) error {
	repo, err := gitrepo.Open(path)
	if err != nil {
		return err
	}
	defer repo.Close()
	spec, err := w.rewriteSpec(cmd, f, repo, path)
	if err != nil {
		return err
	}
	opts := rewrite.Options{}
	if opts.Signer, err = f.signer(); err != nil {
		return flagError{err}
	}
	log := w.log(cmd)
	opts.Notice = func(stage string) { log.Info("rewrite", "stage", stage) }
	err = do(repo, spec, opts)
	if errors.Is(err, rewrite.ErrSpec) {
		return flagError{err}
	}
	return err
}
