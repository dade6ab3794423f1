package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/remediate/hub"
	"github.com/leakgate/leakgate/remediate/purge"
)

const reproduceLong = `Make a plan again on another machine: a fresh mirror of the remote is rewritten with the
values that you give, from where the plan found it, and every new id is held against the
MANIFEST, the file in .leakgate/rewrites or that of leakgate rewrite plan --manifest. No
state is read, nothing is changed. With --check the outcome becomes a check on the pull
request: a commit status, or a check run with the token of an App.

Exit codes:
  0  the same ids come out
  1  other ids come out
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  could not tell`

func (w *world) rewriteReproduceCommand(f *remediation) *cobra.Command {
	var values rewriteFlags
	var g hubFlags
	var report bool
	var remote string
	c := &cobra.Command{
		Use: "reproduce MANIFEST", Short: "Prove that a plan gives the same ids elsewhere", Args: cobra.ExactArgs(1), Long: reproduceLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := purge.Load(args[0])
			if err != nil {
				return flagError{err}
			}
			if remote == "" { // what a manifest names is not to be trusted with a token
				return badFlag("say which remote it is for: --remote ADDRESS")
			}
			return w.reproduce(cmd, f, &values, &g, m, remote, report)
		},
	}
	values.addFlags(c)
	g.addFlags(c)
	c.Flags().StringVar(&remote, "remote", "", "`ADDRESS` of the remote; it must be that of the plan")
	c.Flags().BoolVar(&report, "check", false, "show the outcome on the pull request that asks for the plan")
	return c
}

func (w *world) reproduce(cmd *cobra.Command, f *remediation, values *rewriteFlags, g *hubFlags, m *purge.Manifest, remote string, report bool) error {
	policy, err := w.operator(f)
	if err != nil {
		return err
	}
	key, err := w.key()
	if err != nil {
		return err
	}
	p := &purge.Engine{Policy: policy, Now: w.now, Dir: filepath.Join(w.stateFolder(), "leakgate", "rewrite")}
	if err := w.furnish(cmd, p, key, values, remote); err != nil {
		return err
	}
	if m.Remote != p.Remote.Address {
		return badFlag("the manifest is for another remote than %s", p.Remote.Address)
	}
	var h *hub.Hub
	if report {
		if h, err = w.hub(p, g); err != nil {
			return err
		}
		if h == nil {
			return errNoHub
		}
		if err := hub.Fits(m); err != nil {
			return err
		}
	}
	return w.outcomeOf(cmd, p, h, m)
}

// outcomeOf makes the plan again and says what came of it; a usage error is no outcome.
func (w *world) outcomeOf(cmd *cobra.Command, p *purge.Engine, h *hub.Hub, m *purge.Manifest) error {
	err := purge.Reproduce(cmd.Context(), p, m)
	o := hub.Outcome{Told: err == nil || errors.Is(err, purge.ErrDiffers), Same: err == nil}
	switch {
	case err == nil:
		o.Why = fmt.Sprintf("The same %d commits and %d refs come out.", m.Commits, len(m.Changes)+len(m.Remaining))
	case o.Told:
		o.Why = inspect.Clean(oneLine(err))
	default:
		o.Why = "Could not tell: see the log of who ran it." // the error may name what is private
	}
	if o.Told {
		fmt.Fprintln(w.stdout, o.Why)
	}
	if h != nil {
		digest, derr := m.Digest()
		if derr == nil {
			derr = h.Report(cmd.Context(), digest, o)
		}
		if derr != nil {
			return errors.Join(err, derr)
		}
	}
	if o.Told && !o.Same {
		return outcome(exitBlocked)
	}
	return err
}
