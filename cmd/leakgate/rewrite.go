package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/remediate/purge"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

const rewriteLong = `Take values and files out of a repository's history. Only the commits that hold one and
their descendants change; all others keep their ids and signatures.

Rewriting is hygiene. Revoke first (leakgate remediate): who has the value keeps it.
`

const rewriteExit = `
Exit codes:
  0  done, or there was nothing to rewrite
  1  plan: history would change; verify: something is left that nobody accepted
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  could not: a damaged or partial repository, changes that are not committed, a ref that moved,
     a push of which nobody can tell whether it was taken, or that the server did in part; verify: an archive that cannot be read`

func (w *world) rewriteCommand() *cobra.Command {
	var f remediation
	c := &cobra.Command{Use: "rewrite", Short: "Take values and files out of history", Long: rewriteLong}
	f.addFlags(c)
	c.AddCommand(w.rewritePlanCommand(&f), w.rewriteLocalCommand(), w.rewriteProposeCommand(&f), w.rewriteApproveCommand(&f), w.rewriteApplyCommand(&f), w.rewriteSettleCommand(&f), w.rewriteVerifyCommand(&f),
		w.rewriteRollbackCommand(&f), w.rewriteDestroyCommand(&f), w.rewriteGuardCommand(), w.rewriteCleanCommand(),
		w.rewriteReproduceCommand(&f), w.rewriteTellCommand(&f), w.rewriteRecoverCommand(&f))
	return c
}

func (w *world) rewritePlanCommand(r *remediation) *cobra.Command {
	var f rewriteFlags
	var remote, override, manifest string
	c := &cobra.Command{
		Use: "plan [PATH]", Short: "Say what a rewrite would change, and change nothing", Args: cobra.MaximumNArgs(1),
		Long: "Rewrite the history of the repository at PATH (default \".\") in memory and say what would\nchange. The ids are those that leakgate rewrite local gives. With --remote, plan the rewrite of\nwhat others share, and keep the plan to be approved and applied.\n" + rewriteRemoteHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remote != "" {
				return w.planRemote(cmd, r, &f, remote, override, manifest)
			}
			return w.withHistory(cmd, &f, pathOf(args, 0), func(repo *gitrepo.Repo, spec *rewrite.Spec, opts rewrite.Options) error {
				r, err := rewrite.Run(cmd.Context(), repo, spec, opts)
				return w.showRewrite(r, err, &f, "would change", outcome(exitBlocked))
			})
		},
	}
	f.addFlags(c)
	c.Flags().StringVar(&remote, "remote", "", "`ADDRESS` of a remote to plan for")
	c.Flags().StringVar(&override, "override", "", "`REASON` why it may be done although a credential is not known to be dead")
	c.Flags().StringVar(&manifest, "manifest", "", "write the plan of a remote to `FILE`, to be kept in "+purge.Folder)
	return c
}

func (w *world) rewriteLocalCommand() *cobra.Command {
	var f rewriteFlags
	var saved rewrite.Saved
	c := &cobra.Command{
		Use: "local [PATH]", Short: "Rewrite the history of a local repository", Args: cobra.MaximumNArgs(1),
		Long: "Rewrite the history of the repository at PATH (default \".\"): new objects first, then a copy of\nall that is there, then all refs in one transaction. Old objects stay until leakgate rewrite clean.\nNo remote is touched. To go back: git fetch FOLDER '+refs/*:refs/*' in a bare clone.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withHistory(cmd, &f, pathOf(args, 0), func(repo *gitrepo.Repo, spec *rewrite.Spec, opts rewrite.Options) error {
				if saved.Folder == "" {
					saved.Folder = filepath.Join(repo.CommonDir(), "leakgate", "before-"+w.now().UTC().Format("20060102T150405.000")+".git")
				}
				r, err := rewrite.Apply(cmd.Context(), repo, spec, opts, saved)
				if r != nil && !r.Clean() {
					fmt.Fprintf(w.stdout, "What was before, values included, is in %s; remove it when all is well\n", saved.Folder)
				}
				return w.showRewrite(r, err, &f, "changed", nil)
			})
		},
	}
	f.addFlags(c)
	c.Flags().StringVar(&saved.Folder, "backup", "", "`FOLDER` for all that was before, a repository that shares its files; default leakgate/before-TIME.git in the git folder")
	c.Flags().StringVar(&saved.Bundle, "bundle", "", "write what the old refs hold and the new ones do not to `FILE` too, as git bundle does")
	return c
}

func (w *world) rewriteVerifyCommand(r *remediation) *cobra.Command {
	var f rewriteFlags
	var accept string
	c := &cobra.Command{
		Use: "verify [PATH | DIGEST]", Short: "Search for what should be gone", Args: cobra.MaximumNArgs(1),
		Long: "Search every object of the repository at PATH (default \".\"), reachable or not; or, with the\nDIGEST of a plan, what the refs of a fresh mirror of its remote reach. Give the values that\nwere replaced by --replace-text or --stdin. Incidents become purged when nothing is left, or when\nyou accept what is left in refs that only the server's people can remove, which approvers sign first\n(leakgate rewrite approve --remains).\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && isDigest(args[0]) {
				return w.verifyRemote(cmd, r, &f, args[0], accept)
			}
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
				w.printArchives(&r.Archives)
				fmt.Fprintln(w.stdout, rewrite.Unseen)
				switch {
				case r.Any():
					return outcome(exitBlocked)
				case len(r.Archives.Unread) > 0:
					return outcome(exitUndecided)
				}
				return nil
			})
		},
	}
	f.addFlags(c)
	c.Flags().StringVar(&accept, "accept-remaining", "", "`REASON` why refs of the server's own may keep the value; recorded, and signed by approvers before")
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

// isDigest reports whether an argument is the digest of a plan.
func isDigest(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size
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
