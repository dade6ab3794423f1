package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/admission/seen"
	"github.com/leakgate/leakgate/admission/survey"
	"github.com/leakgate/leakgate/internal/gate"
)

func (w *world) doctorCommand() *cobra.Command {
	var conn connection
	var namespace string
	c := &cobra.Command{Use: "doctor", Short: "Tell what is wrong with an installation", Args: cobra.NoArgs,
		Long: `Tell what is wrong with an installation: replicas, registration, certificates, floor, rights, and whether
an API server has shown lately that it asks; and what
was allowed for a time that is over or soon will be: exceptions of the policy (two weeks before), and
Secrets that were written in an emergency (two hours before), for which it reads Secrets page by page
with your own rights and keeps no value. Exit code 1 when nothing, or too much, is refused.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cluster, err := conn.cluster()
			if err != nil {
				return err
			}
			found, err := cluster.Doctor(c.Context(), install.Options{Namespace: namespace})
			if err != nil {
				return err
			}
			found = append(found, w.asked(c.Context(), cluster, namespace))
			return w.tellSymptoms(append(found, w.expired(c.Context(), cluster, namespace)...))
		}}
	conn.flags(c)
	c.Flags().StringVar(&namespace, "namespace", "leakgate", "namespace that the webhook runs in")
	return c
}

// tellSymptoms prints a line for each; one that is fatal is an error.
func (w *world) tellSymptoms(found []install.Symptom) (result error) {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	for _, s := range found {
		word := "warning"
		switch {
		case s.Problem == "":
			fmt.Fprintf(table, "ok\t%s\t\n", s.Subject)
			continue
		case s.Fatal:
			result, word = errRefused, "wrong"
		}
		fmt.Fprintf(table, "%s\t%s\t%s. To fix it: %s\n", word, s.Subject, s.Problem, s.Fix)
	}
	return result
}

// asked is when an API server last showed that it asks.
func (w *world) asked(ctx context.Context, cluster install.Cluster, namespace string) install.Symptom {
	s := install.Symptom{Subject: "days of audit", Fix: "the log of a replica says every ten minutes why"}
	spans, _, err := cluster.Seen(ctx, namespace)
	switch {
	case err != nil:
		s.Problem = err.Error()
	case len(spans) == 0:
		s.Problem = "no API server has shown yet that it asks; it does within a few minutes after the start"
	case w.now().Sub(spans[len(spans)-1].To) > seen.Quiet:
		s.Problem = "no API server has shown since " + spans[len(spans)-1].To.UTC().Format(time.RFC3339) + " that it asks, so that no more days of audit are counted"
	}
	return s
}

// expired is what of a time that is over, or soon will be, an installation still has.
// A policy that cannot be read was told before.
func (w *world) expired(ctx context.Context, cluster install.Cluster, namespace string) (out []install.Symptom) {
	text, err := cluster.PolicyText(ctx, namespace)
	if err != nil {
		return nil
	}
	p, err := gate.ParsePolicy(gate.PolicyFile, []byte(text))
	if err != nil || p.Kubernetes == nil {
		return nil
	}
	s := survey.Survey{Client: cluster.Client, Mapper: cluster.Mapper, Policy: *p.Kubernetes, Now: w.now()}
	s.Own.Namespace, s.Own.Name = namespace, install.AuthoritySecret
	found, err := s.Expiries(ctx)
	if err != nil {
		found = survey.ExpiriesOf(*p.Kubernetes, w.now())
		out = append(out, install.Symptom{Subject: "emergencies", Problem: "cannot tell: " + err.Error(), Fix: "ask as somebody who may list Secrets"})
	}
	for _, e := range found {
		out = append(out, install.Symptom{Subject: e.Subject, Problem: e.String(), Fix: e.Fix})
	}
	if len(out) == 0 {
		out = append(out, install.Symptom{Subject: "exceptions and emergencies"})
	}
	return out
}
