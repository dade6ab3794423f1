package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/admission/survey"
	"github.com/leakgate/leakgate/internal/gate"
)

// acceptRefusals is what says that refusals were looked at.
const acceptRefusals = "refusals"

func (w *world) promoteCommand() *cobra.Command {
	var l look
	var yes bool
	var accept []string
	c := &cobra.Command{Use: "promote NAMESPACE", Short: "Let a namespace enforce, when nothing in it would be stopped", Args: cobra.ExactArgs(1),
		Long: `Let a namespace enforce. It refuses
- while simulate says that something would stop there, or cannot tell of a deployer what it would write;
- while API servers asked the webhook for fewer than audit_days days since the namespace was made. A
  time counts in which an API server showed every ten minutes that it asks; a gap of more than 25
  minutes does not, and reviews that somebody else sent to the webhook never do;
- when the webhook would have refused a write in the namespace in the last audit_days days, dry runs
  left out.
--accept says of a deployer that cannot be told, or of refusals, that you looked yourself. Without --yes
it only says what it would do.`,
		RunE: func(c *cobra.Command, args []string) error {
			s, cluster, text, err := w.survey(c.Context(), l)
			if err != nil {
				return err
			}
			found, err := w.simulate(c.Context(), s, args[0])
			if err == nil {
				err = w.accepted(found, accept)
			}
			if err == nil {
				err = w.audited(c.Context(), cluster, l.namespace, args[0], s.Policy.AuditDays, slices.Contains(accept, acceptRefusals))
			}
			if err != nil {
				return err
			}
			changed, err := gate.Promote([]byte(text), args[0])
			if err != nil {
				return err
			}
			return w.enforce(c.Context(), cluster, l.namespace, string(changed), args[0], yes)
		}}
	l.flags(c)
	l.planned(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	c.Flags().StringArrayVar(&accept, "accept", nil, "`DEPLOYER` of which it cannot be told what it would write, or \"refusals\", that you looked at yourself")
	return c
}

// accepted is nil when each deployer that cannot be told was named as looked at.
func (w *world) accepted(found survey.Simulation, names []string) error {
	for _, u := range found.Unsure {
		if !slices.Contains(names, u.Deployer) {
			fmt.Fprintf(w.stdout, "what cannot be told counts as stopped; whoever has looked at it says so: --accept %q\n", u.Deployer)
			return errRefused
		}
	}
	return nil
}

// audited is nil when a namespace was audited for days, and nothing would have been
// refused there in the last of them.
func (w *world) audited(ctx context.Context, cluster install.Cluster, at, namespace string, days int, accepted bool) error {
	born, err := cluster.Born(ctx, namespace)
	if err != nil {
		return err
	}
	if born.IsZero() {
		fmt.Fprintf(w.stdout, "there is no namespace %s, so nothing was audited in it\n", namespace)
		return errRefused
	}
	spans, refusals, err := cluster.Seen(ctx, at)
	if err != nil {
		return err
	}
	if n := spans.Since(born).Days(w.now()); n < days {
		fmt.Fprintf(w.stdout, "%d days of audit were seen in %s, which was made at %s; the policy asks for %d. API servers asked without a gap in these times:\n%s",
			n, namespace, born.UTC().Format(time.RFC3339), days, spans)
		return errRefused
	}
	recent := refusals.Of(namespace, w.now().AddDate(0, 0, -days))
	for _, r := range recent {
		fmt.Fprintln(w.stdout, "would have been refused:", r)
	}
	if len(recent) > 0 && !accepted {
		fmt.Fprintf(w.stdout, "the log of the webhook and the audit log of the API server say whose writes these were; whoever has looked at them says so: --accept %s\n", acceptRefusals)
		return errRefused
	}
	return nil
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
