package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/admission/serve"
	"github.com/leakgate/leakgate/admission/survey"
	"github.com/leakgate/leakgate/internal/gate"
)

// look is how a command looks at a cluster.
type look struct {
	connection
	policy, namespace string
	hosts             []string // of artifacts
	otherClusters     []string
	kustomize, helm   string
}

func (l *look) flags(c *cobra.Command) {
	l.connection.flags(c)
	c.Flags().StringVar(&l.policy, "policy", "", "file with the policy, - for standard input; default: the one that is installed")
	c.Flags().StringVar(&l.namespace, "install-namespace", "leakgate", "namespace that the webhook runs in")
}

// survey connects, with the policy of the flag or of the installation.
func (w *world) survey(ctx context.Context, l look) (survey.Survey, install.Cluster, string, error) {
	cluster, err := l.cluster()
	if err != nil {
		return survey.Survey{}, cluster, "", err
	}
	var text string
	if l.policy != "" {
		text, err = w.readPolicy(l.policy)
	} else {
		text, err = cluster.PolicyText(ctx, l.namespace)
	}
	if err != nil {
		return survey.Survey{}, cluster, "", err
	}
	p, err := gate.ParsePolicy(gate.PolicyFile, []byte(text))
	if err != nil {
		return survey.Survey{}, cluster, "", flagError{err}
	}
	if p.Kubernetes == nil {
		return survey.Survey{}, cluster, "", flagError{errors.New("the policy has no section kubernetes")}
	}
	s := survey.Survey{Client: cluster.Client, Mapper: cluster.Mapper, Cluster: serve.NewCluster(cluster.Client, cluster.Mapper, w.now), Policy: *p.Kubernetes, Now: w.now()}
	s.Polices = install.Polices
	config, err := l.config()
	if err != nil {
		return survey.Survey{}, cluster, "", err
	}
	s.Server, s.OtherClusters = config.Host, l.otherClusters
	if s.Artifacts, err = artifacts(config, l.hosts); err != nil {
		return survey.Survey{}, cluster, "", err
	}
	if s.Kustomize, err = kustomize(l.kustomize); err != nil {
		return survey.Survey{}, cluster, "", err
	}
	if s.Helm, err = helm(l.helm, config); err != nil {
		return survey.Survey{}, cluster, "", err
	}
	s.Own.Namespace, s.Own.Name = l.namespace, install.AuthoritySecret
	return s, cluster, text, nil
}

func (w *world) discoverCommand() *cobra.Command {
	var conn connection
	c := &cobra.Command{Use: "discover", Short: "Propose a policy for a cluster: who may write Secrets there", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cluster, err := conn.cluster()
		if err != nil {
			return err
		}
		p, err := survey.Survey{Client: cluster.Client, Mapper: cluster.Mapper, Now: w.now()}.Discover(c.Context())
		if err != nil {
			return err
		}
		fmt.Fprint(w.stdout, p.Policy())
		for _, who := range p.People {
			fmt.Fprintln(w.stderr, "may write Secrets too:", who)
		}
		return nil
	}}
	conn.flags(c)
	return c
}

func (w *world) auditCommand() *cobra.Command {
	var l look
	var format string
	c := &cobra.Command{Use: "audit [NAMESPACE]", Short: "Grade the writers of the Secrets that exist, and say who reads them", Args: cobra.MaximumNArgs(1),
		Long: "Grade the writers of the Secrets that exist: proven (a claim was resolved), claimed or unknown.\nIt reads Secrets page by page with your own rights and keeps no value. Exit code 1 when a\nwriter is unknown.",
		RunE: func(c *cobra.Command, args []string) error {
			s, _, _, err := w.survey(c.Context(), l)
			if err != nil {
				return err
			}
			a, err := s.Audit(c.Context(), one(args))
			if err != nil {
				return err
			}
			if err := a.Write(w.stdout, format, toolVersion()); err != nil {
				return flagError{err}
			}
			for _, r := range a.Secrets {
				if r.Grade == "unknown" {
					return errRefused
				}
			}
			return nil
		}}
	l.flags(c)
	c.Flags().StringVarP(&format, "format", "f", "table", "table, json, sarif or policyreport")
	return c
}

func one(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// planned adds the flags of commands that look at what deployers would write.
func (l *look) planned(c *cobra.Command) {
	c.Flags().StringSliceVar(&l.hosts, "artifact-host", nil, "`HOST[:PORT]` that Flux's artifacts may be fetched from, beside services of the cluster")
	c.Flags().StringSliceVar(&l.otherClusters, "other-cluster", nil, "`ADDRESS` that deployers write to, of which you say that it is no address of this cluster")
	c.Flags().StringVar(&l.kustomize, "kustomize", "", "the `PROGRAM` that builds kustomizations; default: kustomize or kubectl")
	c.Flags().StringVar(&l.helm, "helm", "", "the `PROGRAM` that renders charts, helm 3.16 or newer; default: helm")
}

func (w *world) simulateCommand() *cobra.Command {
	var l look
	c := &cobra.Command{Use: "simulate [NAMESPACE]", Short: "List what the policy would stop if it enforced, and what stops with it", Args: cobra.MaximumNArgs(1),
		Long: `List what the policy would stop if it enforced: Secrets whose next change of a value would be
refused, and what a Kustomization, HelmRelease or Application would write and has not written yet.
Artifacts of Flux are fetched through the API server, verified and built; releases are read where
Helm stores them, and rendered where they changed since; of Argo CD the status tells what there is.
Where it cannot be told, it says so. Values that HelmReleases and Applications hold inline are
searched too: they stop nothing, and can be read by whoever may read the object.
Exit code 1 when something would stop or is found, 3 when it cannot be told of something.`,
		RunE: func(c *cobra.Command, args []string) error {
			s, _, _, err := w.survey(c.Context(), l)
			if err != nil {
				return err
			}
			found, err := w.simulate(c.Context(), s, one(args))
			if err == nil && len(found.Exposed) > 0 {
				return errRefused
			}
			if err == nil && len(found.Unsure) > 0 {
				return fmt.Errorf("of %d deployers it cannot be told what they would write", len(found.Unsure))
			}
			if err == nil {
				fmt.Fprintln(w.stdout, "nothing would be stopped")
			}
			return err
		}}
	l.flags(c)
	l.planned(c)
	return c
}

// simulate prints what would stop, which is an error, what cannot be told, and what
// stands in the open.
func (w *world) simulate(ctx context.Context, s survey.Survey, namespace string) (survey.Simulation, error) {
	known, err := detector()
	if err != nil {
		return survey.Simulation{}, err
	}
	s.Known = known
	found, err := s.Simulate(ctx, namespace)
	if err != nil {
		return found, err
	}
	for _, stop := range found.Stops {
		fmt.Fprintln(w.stdout, stop)
	}
	for _, u := range found.Unsure {
		fmt.Fprintln(w.stdout, u)
	}
	for _, e := range found.Exposed {
		fmt.Fprintln(w.stdout, e)
	}
	if len(found.Stops) > 0 {
		return found, errRefused
	}
	return found, nil
}
