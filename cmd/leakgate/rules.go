package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

func (w *world) rulesCommand() *cobra.Command {
	var q inspect.Question
	c := &cobra.Command{Use: "rules", Short: "List, explain and test the rules"}
	c.PersistentFlags().StringVar(&q.RulesFile, "gitleaks-config", "", "the rules of this `FILE` instead of the repository's .gitleaks.toml")
	c.PersistentFlags().StringVar(&q.Path, "repository", ".", "the repository or folder whose rules are meant")
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the rules that apply here", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return w.withRules(q, w.listRules) },
		},
		&cobra.Command{
			Use: "explain ID", Short: "Say what a rule looks for, how, and what to do about a finding", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return w.withRules(q, func(set *rules.Set) error { return w.explainRule(set, args[0]) })
			},
		},
		&cobra.Command{
			Use: "test [ID]", Short: "Run the rules over their own examples", Args: cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return w.withRules(q, func(set *rules.Set) error { return w.testRules(set, args) })
			},
		},
	)
	return c
}

func (w *world) withRules(q inspect.Question, do func(*rules.Set) error) error {
	set, err := inspect.Rules(q)
	if err != nil {
		return err
	}
	for _, warning := range set.Warnings {
		fmt.Fprintf(w.stderr, "leakgate: %s\n", warning)
	}
	return do(set)
}

func (w *world) listRules(set *rules.Set) error {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tPROVIDER\tSEVERITY\tCONFIDENCE\tFROM")
	for _, r := range slices.Concat(set.Rules, scanner.ManifestRules()) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, orDash(r.Provider), r.Severity, r.Confidence, r.Origin)
	}
	return table.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func findRule(set *rules.Set, id string) (*rules.Rule, error) {
	if r := set.Rule(id); r != nil {
		return r, nil
	}
	if r := scanner.ManifestRule(id); r != nil {
		return r, nil
	}
	return nil, badFlag("there is no rule %q; leakgate rules list shows them all", id)
}

func (w *world) explainRule(set *rules.Set, id string) error {
	r, err := findRule(set, id)
	if err != nil {
		return err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n%s\n", r.ID, r.Description)
	if r.Advice != "" {
		fmt.Fprintf(&out, "\nWhat to do: %s\n", r.Advice)
	}
	fmt.Fprintln(&out)
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	describeRule(table, r)
	if err := table.Flush(); err != nil {
		return err
	}
	text := out.String()
	if !builtIn(r) { // a repository's rules may hold the values that they allow
		text = inspect.Clean(text)
	}
	_, err = io.WriteString(w.stdout, text)
	return err
}

func builtIn(r *rules.Rule) bool { return r.Origin == "gitleaks" || r.Origin == "leakgate" }

func describeRule(to io.Writer, r *rules.Rule) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(to, "%s\t%s\n", name, value)
		}
	}
	row("provider", r.Provider)
	row("severity", r.Severity.String())
	row("confidence", r.Confidence.String()+confidenceNote(r))
	row("from", r.Origin)
	if r.Regex != nil {
		row("regex", r.Regex.String())
	}
	if r.Path != nil {
		row("path", r.Path.String())
	}
	row("keywords", strings.Join(r.Keywords, ", "))
	if r.Entropy > 0 {
		row("entropy", fmt.Sprintf("more than %g bits per byte", r.Entropy))
	}
	for _, a := range r.Allowlists {
		row("allowed", describeAllowlist(a))
	}
	for _, part := range r.Required {
		row("needs", part.RuleID+" near by")
	}
	row("search", search(r))
}

// describeAllowlist says what a list takes back, in one line.
func describeAllowlist(a *rules.Allowlist) string {
	var parts []string
	if a.Description != "" {
		parts = append(parts, a.Description)
	}
	if a.Paths != nil {
		parts = append(parts, "paths "+a.Paths.String())
	}
	if a.Regexes != nil {
		parts = append(parts, "values "+a.Regexes.String())
	}
	for _, list := range []struct {
		name  string
		items int
	}{{"commits", len(a.Commits)}, {"stop words", len(a.StopWords)}} {
		if list.items > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", list.items, list.name))
		}
	}
	return strings.Join(parts, "; ")
}

// confidenceNote says when a value of the rule can be verified offline.
func confidenceNote(r *rules.Rule) string {
	if r.Check == "" {
		return ""
	}
	return fmt.Sprintf("; certain when the %s check passes, possible when it fails", r.Check)
}

// search says how the engine runs the rule, and why.
func search(r *rules.Rule) string {
	switch window := r.Window(); {
	case r.Regex == nil && r.Path == nil:
		return "the fields of parsed documents"
	case r.Regex == nil:
		return "paths only"
	case window.Proven && window.Right >= 0:
		return fmt.Sprintf("around its keywords only: proven, a match has at most %d bytes", window.Right)
	case window.Proven:
		return "around its keywords only: proven, " + window.Reason
	default:
		return "whole texts: " + window.Reason
	}
}

// testRules runs each rule over its examples; a rule that fails is named.
func (w *world) testRules(set *rules.Set, only []string) error {
	tested := set.Rules
	if len(only) == 1 {
		r, err := findRule(set, only[0])
		if err != nil {
			return err
		}
		tested = []*rules.Rule{r}
	}
	failed, examples := 0, 0
	for _, r := range tested {
		n, err := inspect.TestRule(set, r)
		examples += n
		if err != nil {
			failed++
			fmt.Fprintf(w.stdout, "FAIL  %s: %v\n", r.ID, err)
		}
	}
	fmt.Fprintf(w.stdout, "%d rules, %d examples, %d failed\n", len(tested), examples, failed)
	if failed > 0 {
		return outcome(exitBlocked)
	}
	return nil
}
