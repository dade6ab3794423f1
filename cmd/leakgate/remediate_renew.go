package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
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
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	if o.execute { // it changes the cluster
		if err := e.Stopped(); err != nil {
			return err
		}
	}
	cluster, err := follow.Connect(o.kubeconfig)
	if err != nil {
		return flagError{err}
	}
	p := follow.Prover{Cluster: cluster, Key: e.Key, Clock: e.Clock, Limit: o.limit}
	prove := p.Renewed
	if o.execute {
		prove = p.Renew
	}
	if err := fileRenewal(cmd.Context(), e, o, "renewing", nil); err != nil {
		return err
	}
	proof, err := prove(cmd.Context(), o.Renewal)
	body := map[string]any{"verdict": proof.Verdict(), "proof": proof}
	if err != nil {
		body = map[string]any{"verdict": follow.CannotTell, "why": err.Error()}
	}
	// What was changed is changed, whether or not somebody still waits for the proof.
	if other := fileRenewal(context.WithoutCancel(cmd.Context()), e, o, "renewed", body); other != nil {
		return errors.Join(err, other)
	}
	if err != nil && cmd.Context().Err() == nil {
		return flagError{err}
	}
	if err != nil {
		return err
	}
	return w.showProof(proof)
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

// fileRenewal writes into the audit trail that the cluster is about to be changed, and
// what came of it.
func fileRenewal(ctx context.Context, e *remediate.Engine, o renewal, action string, body map[string]any) error {
	if !o.execute {
		return nil
	}
	all := map[string]any{"leaked": fmt.Sprintf("%X", o.Leaked.SerialNumber)}
	maps.Copy(all, body)
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		_, err := t.Audit(ctx, e.Actor, action, "certificate/"+o.Namespace+"/"+o.Certificate, all)
		return err
	})
}
