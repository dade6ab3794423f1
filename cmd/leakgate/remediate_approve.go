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
	var undo, request bool
	c := &cobra.Command{
		Use: "approve DIGEST", Short: "Approve a plan with an SSH key", Args: cobra.ExactArgs(1),
		Long: "Sign a plan with an SSH key whose public half the operator's file lists under your\nname. Without --key the statement is printed, to be signed elsewhere by\n`ssh-keygen -Y sign -n leakgate` and brought back with --signature and the same --expires.\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			if request {
				if undo || s.expires != "" {
					return badFlag("--request goes with neither --undo nor --expires")
				}
				return w.askFor(cmd, e, &remediate.Request{Plan: args[0], Requester: e.Actor}, s.key, s.signature)
			}
			return w.approve(cmd, e, remediate.Approval{Plan: args[0], Undo: undo, Approver: e.Actor}, s)
		},
	}
	s.addFlags(c)
	c.Flags().BoolVar(&request, "request", false, "prove that you made the plan, where the operator's file lists requesters")
	c.Flags().BoolVar(&undo, "undo", false, "approve that the plan is taken back, and nothing else")
	return c
}

// statement is a text that somebody signs.
type statement interface {
	Statement() []byte
	Sign(ssh.Signer) error
}

// signed has a statement signed by a key, or tells a signature from elsewhere;
// without either it prints the statement and reports that nothing is signed.
func (w *world) signed(s statement, key, signature string, put *string) (bool, error) {
	switch {
	case key != "" && signature != "":
		return false, badFlag("--key and --signature cannot be used together")
	case key != "":
		signer, err := readSigner(key)
		if err != nil {
			return false, err
		}
		return true, s.Sign(signer)
	case signature != "":
		text, err := os.ReadFile(signature)
		if err != nil {
			return false, flagError{err}
		}
		*put = string(text)
		return true, nil
	}
	fmt.Fprintf(w.stdout, "%s", s.Statement())
	return false, nil
}

// readSigner reads a private SSH key; "" is none.
func readSigner(path string) (ssh.Signer, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, flagError{err}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, badFlag("--key %s is no private SSH key without a passphrase; sign with ssh-keygen instead", path)
	}
	return signer, nil
}

// approvals keep what is said of plans.
type approvals interface {
	Approve(context.Context, remediate.Approval) error
	Request(context.Context, remediate.Request) error
}

func (w *world) approve(cmd *cobra.Command, to approvals, a remediate.Approval, s signing) error {
	a.Expires = w.now().Add(time.Hour).UTC().Truncate(time.Second)
	if s.expires != "" {
		var err error
		if a.Expires, err = time.Parse(time.RFC3339, s.expires); err != nil {
			return badFlag("--expires: %w", err)
		}
	}
	if ok, err := w.signed(&a, s.key, s.signature, &a.Signature); !ok || err != nil {
		return err
	}
	if err := to.Approve(cmd.Context(), a); err != nil {
		return err
	}
	what := "plan"
	switch {
	case a.Undo:
		what = "the undo of plan"
	case a.Word == remediate.WordRemains:
		what = "what remains after plan"
	case a.Word != "":
		what = "that the push was " + string(a.Word) + " of plan"
	case a.Destroy:
		what = "the end of what was kept for plan"
	}
	fmt.Fprintf(w.stdout, "%s approves %s %s until %s\n", a.Approver, what, a.Plan, a.Expires.Format(time.RFC3339))
	return nil
}

// askFor proves who made a plan.
func (w *world) askFor(cmd *cobra.Command, to approvals, q *remediate.Request, key, signature string) error {
	if ok, err := w.signed(q, key, signature, &q.Signature); !ok || err != nil {
		return err
	}
	if err := to.Request(cmd.Context(), *q); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s made plan %s\n", q.Requester, q.Plan)
	return nil
}
