package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
)

const auditLong = `The audit trail says who did what to which credential. It only grows; each event
carries a hash of itself and, through it, of all before. The head is signed with
the installation's key.

A head that you note elsewhere, as in a ticket or a git tag, proves later that
nothing up to it was cut or changed, even by somebody who has the key.
`

func (w *world) auditCommand() *cobra.Command {
	var place string
	c := &cobra.Command{Use: "audit", Short: "Verify, export and prune the audit trail", Long: auditLong}
	c.PersistentFlags().StringVar(&place, "database", "", "`PLACE` of the state: a file, or a postgres:// URL; default leakgate/leakgate.db in the user's state folder")
	c.AddCommand(w.auditVerifyCommand(&place), w.auditExportCommand(&place), w.auditPruneCommand(&place))
	return c
}

// trail opens the store of the audit trail.
func (w *world) trail(cmd *cobra.Command, place string) (*store.Store, error) {
	key, err := w.key()
	if err != nil {
		return nil, err
	}
	if !key.Stable() {
		return nil, badFlag("the audit trail is signed with a key that outlives the run: set %s", keyVariable)
	}
	return w.openStore(cmd.Context(), place, key)
}

func (w *world) auditVerifyCommand(place *string) *cobra.Command {
	var heads []string
	var bundle, signers string
	c := &cobra.Command{
		Use: "verify", Short: "Prove that the trail was neither edited nor cut", Args: cobra.NoArgs,
		Long: `Walk the whole trail. Prints its head, to be noted elsewhere; where the trail was
tampered with, says at which event and exits 1.

With --bundle it is a bundle of leakgate audit export that is verified, without the
database: its signature by one of --signers, each file, and the chain of its events.
`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (bundle == "") != (signers == "") {
				return badFlag("--bundle and --signers go together")
			}
			var noted []store.Head
			for _, text := range heads {
				h, err := store.ParseHead(text)
				if err != nil {
					return badFlag("--head: %w", err)
				}
				noted = append(noted, h)
			}
			if bundle != "" {
				return w.verifyBundle(bundle, signers, noted)
			}
			return w.verifyTrail(cmd, *place, noted)
		},
	}
	c.Flags().StringArrayVar(&heads, "head", nil, "a `HEAD` that was noted elsewhere; may be given several times")
	c.Flags().StringVar(&bundle, "bundle", "", "verify this `FILE` instead")
	c.Flags().StringVar(&signers, "signers", "", "`FILE` of the public SSH keys that may have signed the bundle, a line each")
	return c
}

func (w *world) verifyTrail(cmd *cobra.Command, place string, noted []store.Head) error {
	s, err := w.trail(cmd, place)
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.VerifyTrail(cmd.Context(), noted...)
	if err == nil {
		err = s.VerifyNew(cmd.Context()) // which knows how far it came on this machine
	}
	if fault, ok := asTrailError(err); ok {
		fmt.Fprintf(w.stdout, "TAMPERED %s\n", fault)
		return outcome(exitBlocked)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%d events, head %s\n", head.Seq, head)
	if base, err := s.Base(cmd.Context()); err != nil || base.Seq > 0 {
		fmt.Fprintf(w.stdout, "those up to %s were pruned into an archive\n", base)
		return err
	}
	return nil
}

func asTrailError(err error) (*store.TrailError, bool) { return errors.AsType[*store.TrailError](err) }
