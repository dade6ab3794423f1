package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/follow"
)

type following struct {
	consumer   follow.Consumer
	kubeconfig string
	sync       bool
	limit      time.Duration
}

func (w *world) remediateFollowCommand(f *remediation) *cobra.Command {
	var o following
	c := &cobra.Command{
		Use:   "follow --namespace NAME --secret NAME --key KEY < VALUE",
		Short: "Prove that a cluster's Secret and workloads follow a rotation",
		Long: `Say whether a Secret of Kubernetes holds the value on standard input, whether the
workloads that use it were started after that, and whether the operator that keeps
it has synced. Values are compared by an HMAC and never shown. Nothing is changed,
unless --sync has the operator sync and --restart the workloads restarted.

Exit codes:
  0  proven: all follow
  1  not yet: somebody is known not to follow
  2  usage: a wrong flag
  3  could not tell`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.follow(cmd, f, o) },
	}
	flags := c.Flags()
	flags.StringVar(&o.consumer.Namespace, "namespace", "", "the `NAME` of the namespace")
	flags.StringVar(&o.consumer.Secret, "secret", "", "the `NAME` of the Secret")
	flags.StringVar(&o.consumer.Key, "key", "", "the `KEY` of the Secret that holds the value")
	flags.StringVar(&o.consumer.Source, "source", "", "the `OBJECT` that keeps the Secret: externalsecret/NAME or vaultstaticsecret/NAME")
	flags.StringArrayVar(&o.consumer.Workloads, "workload", nil, "an `OBJECT` that uses the Secret: deployment/NAME, statefulset/NAME or daemonset/NAME; may be given several times")
	flags.BoolVar(&o.sync, "sync", false, "have the source sync, and wait until all follow")
	flags.BoolVar(&o.consumer.Restart, "restart", false, "with --sync: restart workloads whose pods are older than the value")
	flags.DurationVar(&o.limit, "limit", 5*time.Minute, "how long --sync waits")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "`FILE` of the cluster; default where kubectl looks")
	return c
}

func (w *world) follow(cmd *cobra.Command, f *remediation, o following) error {
	if o.consumer.Restart && !o.sync {
		return badFlag("--restart goes with --sync")
	}
	value, err := readValue(w.stdin)
	if err != nil {
		return err
	}
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	if o.sync { // it changes the cluster
		if err := e.Stopped(); err != nil {
			return err
		}
	}
	cluster, err := follow.Connect(o.kubeconfig)
	if err != nil {
		return flagError{err}
	}
	p := follow.Prover{Cluster: cluster, Key: e.Key, Clock: e.Clock, Limit: o.limit}
	prove := p.Look
	if o.sync {
		prove = p.Propagate
	}
	proof, err := prove(cmd.Context(), o.consumer, value)
	if err != nil {
		return flagError{err}
	}
	if err := w.fileProof(cmd, e, o, proof); err != nil {
		return err
	}
	return w.showProof(proof)
}

// fileProof writes into the audit trail what was changed and what came of it.
func (w *world) fileProof(cmd *cobra.Command, e *remediate.Engine, o following, proof follow.Proof) error {
	if !o.sync {
		return nil
	}
	return e.Store.Tx(cmd.Context(), func(t *store.Tx) error {
		subject := "secret/" + o.consumer.Namespace + "/" + o.consumer.Secret
		_, err := t.Audit(cmd.Context(), e.Actor, "followed", subject, map[string]any{"verdict": proof.Verdict(), "proof": proof})
		return err
	})
}
