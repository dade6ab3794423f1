package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/action"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

const ciLong = `Judge the change that a CI runs for. The range and the branch whose policy counts
are read from the variables of GitLab CI, Bitbucket Pipelines, Azure Pipelines,
Jenkins, Buildkite, CircleCI or GitHub Actions (as "leakgate action" does there).
Elsewhere it is what the checked out branch adds to the default branch of origin,
or the whole history of a repository without a server. The first line says which.

Commits that a shallow clone lacks are fetched; where that fails, the message says
what to write in the CI's configuration.
` + exitHelp

const ciExample = `  leakgate ci
  leakgate ci --report gitlab=gl-secret-detection-report.json
  leakgate ci --report sarif=leakgate.sarif --report junit=leakgate.xml`

func (w *world) ciCommand() *cobra.Command {
	var q inspect.Question
	out := output{format: "text", color: "never", quiet: true}
	c := &cobra.Command{
		Use: "ci [PATH]", Short: "Judge the change that a CI runs for",
		Long: ciLong, Example: ciExample, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				q.Path = args[0]
			}
			return w.guarded(func(w *world) error { return w.runCI(cmd, q, &out) })
		},
	}
	flags := c.Flags()
	flags.Var((*given)(&q.Range), "range", "judge BASE..HEAD, whatever the CI says")
	flags.StringArrayVar(&out.reports, "report", nil, "also write `FORMAT=FILE`; may be given several times")
	flags.StringVar(&out.category, "sarif-category", "", "only findings of leakgate/head or leakgate/history in SARIF; both when empty")
	addRulingFlags(flags, &q)
	return c
}

func (w *world) runCI(cmd *cobra.Command, q inspect.Question, out *output) error {
	if err := out.check(w); err != nil {
		return err
	}
	if action.OnGitHub(w.env) {
		return w.runAction(cmd, action.Step{Question: q, Write: out.writeFiles})
	}
	if q.Path == "" {
		q.Path = "."
	}
	surroundings, err := w.surroundings(cmd)
	if err != nil {
		return err
	}
	// What a repository holds must not command the CI that shows this log.
	log := action.NewLog(w.stdout)
	plan, err := change.NewPlan(cmd.Context(), action.Detect(w.env), q, w.git(secret.Secret{}, ""))
	if err != nil {
		return err
	}
	log.Say("%s", inspect.Clean(plan.Why)) // the name of a branch may hold a value
	r, err := plan.Ask(cmd.Context(), surroundings)
	if err != nil {
		return fmt.Errorf("scan %s: %w", q.Path, err)
	}
	quiet := *w
	quiet.stdout, quiet.width = log, 0
	return out.print(&quiet, r)
}

// writeFiles writes the reports that go into files.
func (o *output) writeFiles(r *report.Report) error {
	r.Category = o.category
	return o.files(r)
}
