package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/remediate"
)

// signing are the flags of whoever approves.
type signing struct {
	key, signature, expires string
}

func (s *signing) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&s.key, "key", "", "`FILE` of the private SSH key, without a passphrase")
	c.Flags().StringVar(&s.signature, "signature", "", "`FILE` that ssh-keygen made")
	c.Flags().StringVar(&s.expires, "expires", "", "`TIME` until which the approval counts, as in 2026-05-01T12:00:00Z; default in an hour")
}

func (w *world) remediateApproveCommand(f *remediation) *cobra.Command {
	var s signing
	c := &cobra.Command{
		Use: "approve DIGEST", Short: "Approve a plan with an SSH key", Args: cobra.ExactArgs(1),
		Long: "Sign a plan with an SSH key whose public half the operator's file lists under your\nname. Without --key the statement is printed, to be signed elsewhere by\n`ssh-keygen -Y sign -n leakgate` and brought back with --signature and the same --expires.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			return w.approve(cmd, e, args[0], e.Actor, s)
		},
	}
	s.addFlags(c)
	return c
}

// approvals keep approvals of plans.
type approvals interface {
	Approve(context.Context, remediate.Approval) error
}

func (w *world) approve(cmd *cobra.Command, to approvals, digest, actor string, s signing) error {
	a := remediate.Approval{Plan: digest, Approver: actor, Expires: w.now().Add(time.Hour).UTC().Truncate(time.Second)}
	if s.expires != "" {
		var err error
		if a.Expires, err = time.Parse(time.RFC3339, s.expires); err != nil {
			return badFlag("--expires: %w", err)
		}
	}
	switch {
	case s.key != "" && s.signature != "":
		return badFlag("--key and --signature cannot be used together")
	case s.key != "":
		text, err := os.ReadFile(s.key)
		if err != nil {
			return flagError{err}
		}
		signer, err := ssh.ParsePrivateKey(text)
		if err != nil {
			return badFlag("--key %s is no private SSH key without a passphrase; sign with ssh-keygen instead", s.key)
		}
		if err := a.Sign(signer); err != nil {
			return err
		}
	case s.signature != "":
		text, err := os.ReadFile(s.signature)
		if err != nil {
			return flagError{err}
		}
		a.Signature = string(text)
	default:
		fmt.Fprintf(w.stdout, "%s", a.Statement())
		return nil
	}
	if err := to.Approve(cmd.Context(), a); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s approves plan %s until %s\n", a.Approver, a.Plan, a.Expires.Format(time.RFC3339))
	return nil
}
