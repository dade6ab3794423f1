package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/rules"
)

const syncLong = `Have an organisation's secret scanning hold our rules as custom patterns, so that
GitHub's own push protection can refuse what they find.

A rule becomes a pattern when its values begin with a text that is theirs alone
and its expression needs nothing around the value; the others are counted. What is
missing is made and what differs is changed, by the name "leakgate: RULE". Nothing
is deleted: alerts would go with it.

GitHub publishes a pattern, and protects pushes by it, only after a dry run on its
pages: Settings, Advanced Security, Global settings. The App needs the
organisation permission Administration: write for this, which it does not ask for
by itself. A GitHub Enterprise Server has no such interface up to 3.19: --print
writes the patterns, to be entered there by hand.`

type syncOptions struct {
	serveOptions
	print, dry bool
}

var orgPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (w *world) rulesCommand() *cobra.Command {
	var o syncOptions
	c := &cobra.Command{Use: "rules", Short: "Give our rules to GitHub", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	s := &cobra.Command{Use: "sync-github ORG", Short: "Make custom patterns of our rules", Long: syncLong, Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return w.syncPatterns(c, o, args) }}
	f := s.Flags()
	f.Int64Var(&o.appID, "app-id", 0, "number of the App, from its settings page")
	o.flags(f)
	f.StringVar(&o.github, "github", "github.com", "github.com or SUB.ghe.com")
	f.BoolVar(&o.dry, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&o.print, "print", false, "print the patterns as JSON and ask GitHub nothing")
	c.AddCommand(s)
	return c
}

func (w *world) syncPatterns(c *cobra.Command, o syncOptions, args []string) error {
	if o.print {
		patterns, _, err := gitHubPatterns()
		if err != nil {
			return err
		}
		out := json.NewEncoder(w.stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(patterns)
	}
	if len(args) != 1 || !orgPattern.MatchString(args[0]) {
		return badFlag("say which organisation: leakgate-app rules sync-github ORG")
	}
	app, err := w.hub(c.Context(), o.serveOptions, nil)
	if err != nil {
		return err
	}
	return w.syncAt(c.Context(), app, args[0], o.dry)
}

// syncAt does so at a GitHub, and says what it did.
func (w *world) syncAt(ctx context.Context, app *hub.App, org string, dry bool) error {
	patterns, left, err := gitHubPatterns()
	if err != nil {
		return err
	}
	done, err := app.SyncPatterns(ctx, org, patterns, func(name string) bool { return strings.HasPrefix(name, patternName) }, dry)
	if errors.Is(err, hub.ErrNoPatterns) {
		return fmt.Errorf("%w; --print writes them, to be entered on its pages", err)
	}
	if err != nil {
		return err
	}
	word := map[bool]string{false: "", true: "would be "}[dry]
	fmt.Fprintf(w.stdout, "%d patterns %smade, %d %schanged, %d are as they should be; %d rules need more than a pattern can say.\n",
		len(done.Created), word, len(done.Changed), word, len(done.Same), left)
	for _, name := range done.Left {
		fmt.Fprintf(w.stdout, "no rule of ours any more: %s\n", name)
	}
	if len(done.Created)+len(done.Changed) > 0 && !dry {
		fmt.Fprintln(w.stdout, "On GitHub's pages, dry-run and publish them, and turn push protection on.")
	}
	return nil
}

// patternName is what the names of our patterns begin with.
const patternName = "leakgate: "

// gitHubPatterns are the built-in rules that a pattern can say, and how many it cannot.
func gitHubPatterns() (all []hub.Pattern, left int, err error) {
	set, err := rules.Default()
	if err != nil {
		return nil, 0, err
	}
	for _, r := range set.Rules {
		text, ok := patternOf(r)
		if !ok {
			left++
			continue
		}
		all = append(all, hub.Pattern{Name: patternName + r.ID, Pattern: text})
	}
	return all, left, nil
}

// patternOf is the expression of the value alone, where what is around it in the rule is
// only the edge of a word or a delimiter, which GitHub looks for by itself.
func patternOf(r *rules.Rule) (string, bool) {
	if r.Regex == nil || r.Path != nil || len(r.Required) > 0 || r.SkipReport || r.Prefix == "" {
		return "", false
	}
	tree, err := syntax.Parse(r.Regex.String(), syntax.Perl)
	if err != nil || tree.MaxCap() > 1 {
		return "", false
	}
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	value := ""
	for _, p := range parts {
		switch {
		case p.Op == syntax.OpCapture && value == "":
			value = p.Sub[0].String()
		case value == "" && !edge(p):
			if tree.MaxCap() == 1 {
				return "", false
			}
		}
	}
	if value == "" && tree.MaxCap() == 0 {
		value = bare(parts)
	}
	alone, err := regexp.Compile(value)
	return value, err == nil && !alone.MatchString("") && strings.Contains(value, r.Prefix[:min(len(r.Prefix), 3)])
}

// edge reports whether a part matches no text.
func edge(p *syntax.Regexp) bool {
	switch p.Op {
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpEmptyMatch:
		return true
	}
	return false
}

// bare joins the parts between the edges.
func bare(parts []*syntax.Regexp) string {
	var b strings.Builder
	for _, p := range parts {
		if !edge(p) {
			b.WriteString(p.String())
		}
	}
	return b.String()
}
