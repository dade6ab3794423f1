package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/due"
	"github.com/leakgate/leakgate/remediate/purge"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rollout"
	"github.com/leakgate/leakgate/remediate/rotate"
)

const auditPruneLong = `Say which events may be pruned: those older than --keep days that are about no open
incident and no plan that may be begun, is not over, or can be taken back. Nothing is removed until --archive names a bundle of leakgate audit export that
holds them and verifies.

What stays is chained as before: the trail begins behind the last event that was pruned,
which is written down with the installation's key, and an event says what was moved into
which archive. leakgate audit verify proves both parts.
`

func (w *world) auditPruneCommand(place *string) *cobra.Command {
	var days int
	var archive, signers, actor string
	c := &cobra.Command{
		Use: "prune", Short: "Remove old events that an archive holds, without breaking the chain", Args: cobra.NoArgs, Long: auditPruneLong,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (archive == "") != (signers == "") {
				return badFlag("--archive and --signers go together")
			}
			if actor == "" {
				actor = w.env("USER")
			}
			if actor == "" {
				return badFlag("nobody knows who you are: --actor NAME")
			}
			s, err := w.trail(cmd, *place)
			if err != nil {
				return err
			}
			defer s.Close()
			return w.prune(cmd, s, w.now().AddDate(0, 0, -days), archive, signers, actor)
		},
	}
	c.Flags().IntVar(&days, "keep", 400, "keep the events of so many `DAYS`")
	c.Flags().StringVar(&archive, "archive", "", "remove them, since this bundle `FILE` holds them")
	c.Flags().StringVar(&signers, "signers", "", "`FILE` of the public SSH keys that may have signed the bundle, a line each")
	c.Flags().StringVar(&actor, "actor", "", "`NAME` under which the audit trail knows you; default $USER")
	return c
}

// needed are the subjects of which plans that are not over need the events. Nobody
// else acts until they are released.
func (w *world) needed(ctx context.Context, s *store.Store) (all map[string]bool, release func(), err error) {
	var held []func()
	release = func() {
		for _, f := range held {
			f()
		}
	}
	for _, name := range []string{"apply", "rewrite"} {
		free, err := s.Exclusive(ctx, name)
		if err != nil {
			release()
			return nil, nil, err
		}
		held = append(held, free)
	}
	if all, err = w.neededByPlans(ctx, s); err != nil {
		release()
	}
	return all, release, err
}

func (w *world) neededByPlans(ctx context.Context, s *store.Store) (map[string]bool, error) {
	e := &remediate.Engine{Store: s, Clock: remediate.WallClock{Time: w.now}}
	plans, err := e.Plans(ctx)
	if err != nil {
		return nil, err
	}
	over := map[revoke.Deed]remediate.Over{remediate.Rotate: rotate.Over, remediate.Rollout: rollout.Over}
	all := map[string]bool{}
	for _, digest := range plans {
		subjects, err := e.Needed(ctx, digest, over)
		if errors.Is(err, remediate.ErrOtherPlan) {
			subjects, err = purge.Needed(ctx, s, digest, w.now())
		}
		if errors.Is(err, store.ErrPruned) { // it was over before
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("whether plan %s is over: %w", digest, err)
		}
		for _, subject := range subjects {
			all[subject] = true
		}
	}
	return all, nil
}

func (w *world) prune(cmd *cobra.Command, s *store.Store, before time.Time, archive, signers, actor string) error {
	needed, release, err := w.needed(cmd.Context(), s)
	if err != nil {
		return err
	}
	defer release()
	upTo, err := s.Prunable(cmd.Context(), before, needed)
	if err != nil {
		return err
	}
	if upTo.Seq == 0 {
		fmt.Fprintln(w.stdout, "nothing may be pruned")
		return nil
	}
	if archive == "" {
		fmt.Fprintf(w.stdout, "events up to %s may be pruned. Nothing was removed.\nTo do it: leakgate audit export --format bundle --output FILE --key KEY, then this command with --archive FILE --signers FILE\n", upTo)
		return nil
	}
	v, err := readBundle(archive, signers)
	if err != nil {
		return err
	}
	base, err := s.Base(cmd.Context())
	switch {
	case err != nil:
		return err
	case len(v.Faults) > 0:
		return badFlag("the archive does not verify: %s", v.Faults[0])
	case v.Base.Seq > base.Seq || !v.Holds(upTo):
		return badFlag("the archive does not hold the events from %d to %d", base.Seq+1, upTo.Seq)
	}
	events, _, err := (&remediate.Engine{Store: s}).Trail(cmd.Context())
	if err != nil {
		return err
	}
	renewed := due.Keep(slices.DeleteFunc(events, func(e store.Event) bool { return e.Seq > upTo.Seq }))
	if err := s.Prune(cmd.Context(), actor, upTo, before, needed, "sha256:"+v.Digest, map[string]any{"renewed": renewed}); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "events up to %s were pruned; keep the archive\n", upTo)
	return nil
}
