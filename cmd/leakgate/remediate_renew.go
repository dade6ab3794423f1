package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/follow"
)

type renewal struct {
	follow.Renewal
	issuers    string
	kubeconfig string
	execute    bool
	limit      time.Duration
}

func (w *world) remediateRenewCommand(f *remediation) *cobra.Command {
	var o renewal
	c := &cobra.Command{
		Use:   "renew CERTIFICATE.pem --namespace NAME --certificate NAME --served HOST:PORT",
		Short: "Prove that a certificate whose key leaked is no longer served",
		Long: `Say whether another certificate took the place of the one in CERTIFICATE.pem, whose
key leaked: in the Secret of cert-manager's Certificate, and at every HOST:PORT that
serves it. It must have another serial and another key, and what is served must be the
very one of the Secret. With --list the leaked one must be in that list of revoked
certificates, signed by its issuer. Nothing is changed, unless --execute has
cert-manager issue the certificate anew, as cmctl renew does.

For --execute the law of the operator's file holds as for what cannot be taken back:
its kill_switch, budget and daily, behind an unbroken audit trail, and nobody else at
it. Where it asks for approvals or names requesters, --execute is refused: renew the
certificate by other means, and prove that without it.

Exit codes:
  0  proven
  1  not yet: the leaked certificate or key is still in place
  2  usage: a wrong flag
  3  could not tell`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.renew(cmd, f, o, args[0]) },
	}
	flags := c.Flags()
	flags.StringVar(&o.Namespace, "namespace", "", "the `NAME` of the namespace")
	flags.StringVar(&o.Certificate, "certificate", "", "the `NAME` of cert-manager's Certificate")
	flags.StringArrayVar(&o.Served, "served", nil, "`HOST:PORT` that serves it, each of its addresses; may be given several times")
	flags.StringVar(&o.ServerName, "server-name", "", "the `NAME` that is asked for there; default HOST")
	flags.StringVar(&o.List, "list", "", "`URL` of the list of revoked certificates (CRL)")
	flags.StringVar(&o.issuers, "issuers", "", "`FILE` of certificates, in PEM, that may have signed the list; default those in the Secret and beside the leaked one")
	flags.BoolVar(&o.execute, "execute", false, "have cert-manager issue it anew, and wait for the proof")
	flags.DurationVar(&o.limit, "limit", 5*time.Minute, "how long --execute waits")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "`FILE` of the cluster; default where kubectl looks")
	return c
}

func (w *world) renew(cmd *cobra.Command, f *remediation, o renewal, leaked string) error {
	if err := o.read(leaked); err != nil {
		return err
	}
	if err := o.Sound(); err != nil { // nothing is written down of what cannot be done
		return flagError{err}
	}
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	return w.proveRenewal(cmd.Context(), e, o)
}

func (w *world) proveRenewal(ctx context.Context, e *remediate.Engine, o renewal) error {
	if o.execute { // it changes the cluster
		release, err := e.Unplanned(ctx, "renew it by other means, and prove that without --execute")
		if err != nil {
			return err
		}
		defer release()
	}
	cluster, err := follow.Connect(o.kubeconfig)
	if err != nil {
		return flagError{err}
	}
	p := follow.Prover{Cluster: cluster, Key: e.Key, Clock: e.Clock, Limit: o.limit}
	prove := p.Renewed
	if o.execute {
		prove = func(ctx context.Context, n follow.Renewal) (follow.Proof, error) { return filedRenewal(ctx, e, p, n) }
	}
	proof, err := prove(ctx, o.Renewal)
	if err != nil {
		return err
	}
	return w.showProof(proof)
}

// filedRenewal renews, written down before and behind: what was changed is changed,
// whether or not the proof came.
func filedRenewal(ctx context.Context, e *remediate.Engine, p follow.Prover, n follow.Renewal) (follow.Proof, error) {
	subject, leaked := "certificate/"+n.Namespace+"/"+n.Certificate, fmt.Sprintf("%X", n.Leaked.SerialNumber)
	if err := e.Intend(ctx, "renewing", subject, map[string]any{"leaked": leaked}); err != nil {
		return follow.Proof{}, err
	}
	proof, err := p.Renew(ctx, n)
	body := map[string]any{"leaked": leaked, "verdict": proof.Verdict(), "proof": proof}
	if err != nil {
		body = map[string]any{"leaked": leaked, "verdict": follow.CannotTell, "why": err.Error()}
	}
	return proof, errors.Join(err, e.Did(ctx, "renewed", subject, body))
}

// read takes the leaked certificate, which comes first in its file, and its issuers.
func (o *renewal) read(leaked string) error {
	list, err := readCertificates(leaked)
	if err != nil {
		return err
	}
	o.Leaked, o.Issuers = list[0], list[1:]
	if o.issuers == "" {
		return nil
	}
	more, err := readCertificates(o.issuers)
	o.Issuers = append(o.Issuers, more...)
	return err
}

func readCertificates(name string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, flagError{err}
	}
	list := follow.ParseCertificates(text)
	if len(list) == 0 {
		return nil, badFlag("%s holds no certificate in PEM", name)
	}
	return list, nil
}

func (w *world) showProof(proof follow.Proof) error {
	for _, fact := range proof.Facts {
		fmt.Fprintf(w.stdout, "%-11s %s: %s\n", fact.Verdict, fact.Name, fact.Why)
	}
	fmt.Fprintf(w.stdout, "%s\n", proof.Verdict())
	switch proof.Verdict() {
	case follow.Proven:
		return nil
	case follow.NotYet:
		return outcome(exitBlocked)
	}
	return outcome(exitUndecided)
}
