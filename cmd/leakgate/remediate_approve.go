package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/remediate"
)

func (w *world) remediateApproveCommand(f *remediation) *cobra.Command {
	var key, signature, expires string
	var undo bool
	c := &cobra.Command{
		Use: "approve DIGEST", Short: "Approve a plan with an SSH key", Args: cobra.ExactArgs(1),
		Long: "Sign a plan with an SSH key whose public half the operator's file lists under your\nname. Without --key the statement is printed, to be signed elsewhere by\n`ssh-keygen -Y sign -n leakgate` and brought back with --signature and the same --expires.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			a := remediate.Approval{Plan: args[0], Undo: undo, Approver: e.Actor, Expires: w.now().Add(time.Hour).UTC().Truncate(time.Second)}
			if expires != "" {
				if a.Expires, err = time.Parse(time.RFC3339, expires); err != nil {
					return badFlag("--expires: %w", err)
				}
			}
			return w.approve(cmd, e, a, key, signature)
		},
	}
	c.Flags().StringVar(&key, "key", "", "`FILE` of the private SSH key, without a passphrase")
	c.Flags().StringVar(&signature, "signature", "", "`FILE` that ssh-keygen made")
	c.Flags().BoolVar(&undo, "undo", false, "approve that the plan is taken back, and nothing else")
	c.Flags().StringVar(&expires, "expires", "", "`TIME` until which the approval counts, as in 2026-05-01T12:00:00Z; default in an hour")
	return c
}

func (w *world) approve(cmd *cobra.Command, e *remediate.Engine, a remediate.Approval, key, signature string) error {
	switch {
	case key != "" && signature != "":
		return badFlag("--key and --signature cannot be used together")
	case key != "":
		text, err := os.ReadFile(key)
		if err != nil {
			return flagError{err}
		}
		signer, err := ssh.ParsePrivateKey(text)
		if err != nil {
			return badFlag("--key %s is no private SSH key without a passphrase; sign with ssh-keygen instead", key)
		}
		if err := a.Sign(signer); err != nil {
			return err
		}
	case signature != "":
		text, err := os.ReadFile(signature)
		if err != nil {
			return flagError{err}
		}
		a.Signature = string(text)
	default:
		fmt.Fprintf(w.stdout, "%s", a.Statement())
		return nil
	}
	if err := e.Approve(cmd.Context(), a); err != nil {
		return err
	}
	what := "plan"
	if a.Undo {
		what = "the undo of plan"
	}
	fmt.Fprintf(w.stdout, "%s approves %s %s until %s\n", a.Approver, what, a.Plan, a.Expires.Format(time.RFC3339))
	return nil
}
