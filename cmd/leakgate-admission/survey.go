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

func (w *world) simulateCommand() *cobra.Command {
	var l look
	c := &cobra.Command{Use: "simulate [NAMESPACE]", Short: "List what the policy would stop if it enforced, and what stops with it", Args: cobra.MaximumNArgs(1),
		Long: "List what the policy would stop if it enforced: Secrets whose next change of a value would be\nrefused, by the Kustomization, HelmRelease or Application that writes them. Exit code 1 when\nthe list is not empty.",
		RunE: func(c *cobra.Command, args []string) error {
			s, _, _, err := w.survey(c.Context(), l)
			if err != nil {
				return err
			}
			return w.stops(c.Context(), s, one(args))
		}}
	l.flags(c)
	return c
}

func (w *world) stops(ctx context.Context, s survey.Survey, namespace string) error {
	stops, err := s.Simulate(ctx, namespace)
	if err != nil {
		return err
	}
	for _, stop := range stops {
		fmt.Fprintln(w.stdout, stop)
	}
	if len(stops) > 0 {
		return errRefused
	}
	fmt.Fprintln(w.stdout, "nothing would be stopped")
	return nil
}

func (w *world) promoteCommand() *cobra.Command {
	var l look
	var yes bool
	c := &cobra.Command{Use: "promote NAMESPACE", Short: "Let a namespace enforce, when nothing in it would be stopped", Args: cobra.ExactArgs(1),
		Long: "Let a namespace enforce. It refuses while simulate lists anything there, or while the webhook\nhas been registered for fewer days than audit_days. Without --yes it only says what it would do.",
		RunE: func(c *cobra.Command, args []string) error {
			s, cluster, text, err := w.survey(c.Context(), l)
			if err != nil {
				return err
			}
			if err := w.stops(c.Context(), s, args[0]); err != nil {
				return err
			}
			spans, err := cluster.Seen(c.Context(), l.namespace)
			if err != nil {
				return err
			}
			if days := spans.Days(w.now()); days < s.Policy.AuditDays {
				fmt.Fprintf(w.stdout, "%d days of audit were seen, the policy asks for %d. The webhook was asked without a gap in these times:\n%s", days, s.Policy.AuditDays, spans)
				return errRefused
			}
			changed, err := gate.Promote([]byte(text), args[0])
			if err != nil {
				return err
			}
			return w.enforce(c.Context(), cluster, l.namespace, string(changed), args[0], yes)
		}}
	l.flags(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (w *world) enforce(ctx context.Context, cluster install.Cluster, namespace, policy, promoted string, yes bool) error {
	if err := cluster.ApplyPolicy(ctx, namespace, policy, !yes, w.tell); err != nil {
		return err
	}
	if !yes {
		fmt.Fprintf(w.stdout, "%s would enforce; --yes does it\n", promoted)
		return nil
	}
	fmt.Fprintf(w.stdout, "%s enforces. Keep the policy of the ConfigMap %s where you keep it in git.\n", promoted, install.PolicyMap)
	return nil
}
