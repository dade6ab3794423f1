package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
)

const auditPruneLong = `Say which events may be pruned: those older than --keep days that are about no open
incident. Nothing is removed until --archive names a bundle of leakgate audit export that
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

func (w *world) prune(cmd *cobra.Command, s *store.Store, before time.Time, archive, signers, actor string) error {
	upTo, err := s.Prunable(cmd.Context(), before)
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
	if err := s.Prune(cmd.Context(), actor, upTo, before, "sha256:"+v.Digest); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "events up to %s were pruned; keep the archive\n", upTo)
	return nil
}
