package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/dbrole"
	"github.com/leakgate/leakgate/remediate/rollout"
)

const rolloutLong = `Replace the password of a database under running applications. Two users of one
group take turns: the idle one gets a new password, the consumers are moved to it
stage by stage, each stage has a gate, and the other user is retired when a grace
is over and it has no session. A gate that fails moves all back.

What is rolled out and how is a file of yours: see docs/rollout.md. The servers
and their administrators are in the operator's file (--operator), under
[credentials.postgres-role] or [credentials.mysql-account]. A plan is kept first, and
begun only by its digest, within its time and under the approvals that the operator's
file asks for; what was begun goes on.
`

const rolloutExit = `
Exit codes:
  0  it is over: everybody uses the new version
  1  it was moved back
  2  usage: a wrong flag, or a file that does not parse
  3  it is not over: it waits, or nobody can tell`

func (w *world) remediateRolloutCommand(f *remediation) *cobra.Command {
	c := &cobra.Command{Use: "rollout", Short: "Replace a database password in stages, with gates and a way back", Long: rolloutLong}
	var wait bool
	var why, credential string
	plan := &cobra.Command{
		Use: "plan FILE", Short: "Say what would be done, and keep the plan", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.planRollout(cmd.Context(), f, args[0], credential)
		},
	}
	plan.Flags().StringVar(&credential, "credential", "", "`ID` of the leaked credential that is the password of the user in use, so that its incident tells of the rollout")
	apply := &cobra.Command{
		Use: "apply DIGEST", Short: "Do what is due, once", Args: cobra.ExactArgs(1), Long: "Do what is due of a rollout and say when to come again. A run that was cut off is\ntaken up; nothing is done twice.\n" + rolloutExit,
		RunE: func(cmd *cobra.Command, args []string) error { return w.applyRollout(cmd.Context(), f, args[0], wait) },
	}
	apply.Flags().BoolVar(&wait, "wait", false, "stay until the rollout is over")
	status := &cobra.Command{
		Use: "status DIGEST", Short: "Show what a rollout did so far", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.rolloutStatus(cmd.Context(), f, args[0]) },
	}
	back := &cobra.Command{
		Use: "back DIGEST", Short: "Move all consumers back and retire the new version", Args: cobra.ExactArgs(1), Long: "Move all consumers back to the old version and retire the new one. Where the policy\nasks approvals, it needs its own: leakgate remediate approve --undo.\n" + rolloutExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.rollout(cmd.Context(), f, func(e *rollout.Engine, _ *remediate.Engine) error {
				if err := e.GoBack(cmd.Context(), args[0], why); err != nil {
					return err
				}
				return w.standing(e.Apply(cmd.Context(), args[0]))
			})
		},
	}
	back.Flags().StringVar(&why, "why", "the operator said so", "the `REASON`, for the audit trail")
	c.AddCommand(plan, apply, status, back)
	return c
}

// rollout builds the engine of rollouts and has something done with it.
func (w *world) rollout(ctx context.Context, f *remediation, do func(*rollout.Engine, *remediate.Engine) error) error {
	e, err := w.engine(ctx, f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	r := &rollout.Engine{Engine: e}
	r.Effects = func(p *rollout.Plan) (rollout.Effects, error) {
		group, err := groupOf(e, p.Database)
		run := rollout.Commands{Env: withoutKey(os.Environ())}.Run
		return rollout.DatabaseEffects(p, group, p.Value(e.Key), run, rollout.Gates{Run: run}.Ask), err
	}
	return do(r, e)
}

// withoutKey keeps the installation's key from the operator's commands.
func withoutKey(env []string) (rest []string) {
	for _, line := range env {
		if !strings.HasPrefix(line, keyVariable+"=") {
			rest = append(rest, line)
		}
	}
	return rest
}

// groupOf is the group of a rollout on a server of the operator's list.
func groupOf(e *remediate.Engine, d rollout.Database) (dbrole.Group, error) {
	list := map[string]string{dbrole.PostgreSQL: "postgres-role.admin", dbrole.MySQL: "mysql-account.admin"}[d.Kind]
	server, err := dbrole.Choose(e.Given[list], d.Kind, d.Host, nil)
	if err != nil {
		return dbrole.Group{}, badFlag("%w (%s of [credentials] in the operator's file)", err, list)
	}
	return dbrole.Group{Server: server, Name: d.Group}, nil
}

func (w *world) planRollout(ctx context.Context, f *remediation, path, credential string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return flagError{err}
	}
	spec, err := rollout.ParseSpec(text)
	if err != nil {
		return badFlag("%s: %w", path, err)
	}
	return w.rollout(ctx, f, func(r *rollout.Engine, e *remediate.Engine) error {
		group, err := groupOf(e, spec.Database)
		if err != nil {
			return err
		}
		old, idle, err := rollout.Idle(ctx, spec.Database.Users, group.Retired)
		if err != nil {
			return err
		}
		plan, digest, err := r.Plan(ctx, rollout.Wish{Spec: spec, Old: old, New: idle, Credential: credential})
		if err != nil {
			return err
		}
		_, p, err := r.Read(ctx, digest)
		if err == nil {
			w.printRollout(plan, p, digest, e.Policy)
		}
		return err
	})
}

func (w *world) printRollout(plan *remediate.Plan, p *rollout.Plan, digest string, policy remediate.Policy) {
	say := func(format string, args ...any) { fmt.Fprintf(w.stdout, format+"\n", args...) }
	s := plan.Steps[0]
	say("rollout %s at %s: %s is in use, and %s takes its place", p.Name, p.Database.Host, p.Old, p.New)
	for i, line := range p.Lines() {
		say("%2d. %s", i+1, line)
	}
	if s.Credential != "" {
		say("\nreplaces %s %s (%s): %s", s.Rule, s.Credential, s.Identity["incident"], s.Why)
	}
	say("\nwhat stops: %s\ncan be taken back until %s is retired: leakgate remediate rollout back\ncannot be taken back: %s", s.Outage, p.Old, s.Forever)
	say("\nNothing was changed.\nThe plan may be begun until %s.", plan.Expires.Format(time.RFC3339))
	if need := policy.Needs(plan); need > 0 {
		say("It needs %d approvals, each by: leakgate remediate approve %s --key FILE", need, digest)
	}
	if len(policy.Requesters) > 0 {
		say("First prove that you made it: leakgate remediate approve --request %s --key FILE", digest)
	}
	say("To do it: leakgate remediate rollout apply %s", digest)
}

func (w *world) applyRollout(ctx context.Context, f *remediation, digest string, wait bool) error {
	return w.rollout(ctx, f, func(r *rollout.Engine, _ *remediate.Engine) error {
		if !wait {
			return w.standing(r.Apply(ctx, digest))
		}
		return w.standing(r.Follow(ctx, digest, func(s rollout.Standing) {
			fmt.Fprintf(w.stdout, "%s, again at %s\n", s.Why, s.Next.UTC().Format(time.RFC3339))
		}))
	})
}

// standing prints where a rollout stands and gives its exit code.
func (w *world) standing(s rollout.Standing, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: %s\n", s.State, s.Why)
	switch s.State {
	case rollout.Finished:
		return nil
	case rollout.RolledBack:
		return outcome(exitBlocked)
	}
	fmt.Fprintf(w.stdout, "Apply it again at %s.\n", s.Next.UTC().Format(time.RFC3339))
	return outcome(exitUndecided)
}

func (w *world) rolloutStatus(ctx context.Context, f *remediation, digest string) error {
	return w.rollout(ctx, f, func(r *rollout.Engine, _ *remediate.Engine) error {
		plan, p, err := r.Read(ctx, digest)
		if err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "rollout %s at %s from %s to %s, made by %s at %s\n", p.Name, p.Database.Host, p.Old, p.New, plan.Requester, plan.Made.Format(time.RFC3339))
		all, err := r.History(ctx, digest)
		for _, d := range all {
			fmt.Fprintf(w.stdout, "%s %-7s %s", d.At.Format(time.RFC3339), d.Event, d.Step)
			if d.Why != "" {
				fmt.Fprintf(w.stdout, ": %s", d.Why)
			}
			fmt.Fprintln(w.stdout)
		}
		return err
	})
}
