package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// output is how a report leaves: one format on standard output, any number in files.
type output struct {
	format   string
	reports  []string // FORMAT=FILE
	category string
	color    string
	reveal   bool
	quiet    bool
}

func (o *output) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&o.format, "format", "f", "text", "format on standard output: "+strings.Join(report.Formats(), ", "))
	flags.StringArrayVar(&o.reports, "report", nil, "also write `FORMAT=FILE`; may be given several times")
	flags.StringVar(&o.category, "sarif-category", "", "only findings of leakgate/head or leakgate/history in SARIF; both when empty")
	flags.StringVar(&o.color, "color", "auto", "auto, always or never")
	flags.BoolVar(&o.reveal, "reveal", false, "show the values, on a terminal only")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
}

// addRulingFlags adds the files that override those of the trusted tree.
func addRulingFlags(flags *pflag.FlagSet, q *inspect.Question) {
	flags.Var((*given)(&q.PolicyFile), "policy", "judge by this policy `FILE` instead of the repository's .leakgate.yaml")
	flags.Var((*given)(&q.OrganisationFile), "organisation", "judge under the policy of an organisation in this `FILE`")
	flags.Var((*given)(&q.RulesFile), "gitleaks-config", "take the rules from this `FILE` instead of the repository's .gitleaks.toml")
	flags.Var((*given)(&q.IgnoreFile), "gitleaks-ignore", "obey this `FILE` instead of the repository's .gitleaksignore")
	flags.Var((*given)(&q.BaselineFile), "baseline", "use this baseline `FILE` instead of the repository's .leakgate-baseline.json")
	flags.StringVar(&q.Branch, "branch", "", "the `NAME` of the branch that is judged, for the policy's environments")
	flags.Var((*count)(&q.Workers), "workers", "how many goroutines search; 0 for one per CPU")
}

// check refuses what cannot be printed before anything is scanned.
func (o *output) check(w *world) error {
	if !slices.Contains(report.Formats(), o.format) {
		return badFlag("unknown format %q: choose one of %s", o.format, strings.Join(report.Formats(), ", "))
	}
	files := map[string]bool{}
	for _, r := range o.reports {
		format, file, ok := strings.Cut(r, "=")
		if !ok || file == "" || !slices.Contains(report.Formats(), format) {
			return badFlag("--report %q: write FORMAT=FILE with one of %s", r, strings.Join(report.Formats(), ", "))
		}
		if file = filepath.Clean(file); files[file] {
			return badFlag("--report %q: another report goes into this file", r)
		}
		files[file] = true
	}
	if !slices.Contains([]string{"", report.CategoryHead, report.CategoryHistory}, o.category) {
		return badFlag("--sarif-category is %s or %s, not %q", report.CategoryHead, report.CategoryHistory, o.category)
	}
	if o.reveal && (w.width == 0 || o.format != "text") {
		return badFlag("--reveal shows values in the text format on a terminal only, never in a pipe or file")
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.color) {
		return badFlag("--color is auto, always or never, not %q", o.color)
	}
	return nil
}

// print writes standard output first, so that a file that cannot be written
// loses nothing, and gives the verdict's exit code.
func (o *output) print(w *world, r *report.Report) error {
	r.Category, r.Width = o.category, w.width
	r.Color = o.color == "always" || o.color == "auto" && w.width > 0 && w.env("NO_COLOR") == ""
	if o.reveal {
		r.ShowValue = func(s secret.Secret) string { return s.Reveal() } // asked for, on a terminal
	}
	err := errors.Join(report.Write(w.stdout, o.format, r), o.files(r))
	code := r.Verdict.ExitCode()
	if err != nil {
		fmt.Fprintf(w.stderr, "leakgate: %s\n", inspect.Clean(oneLine(err)))
		if code == exitClean {
			code = exitUndecided
		}
	}
	if code == exitClean {
		return nil
	}
	return outcome(code)
}

// files writes the reports that go into files, each whatever becomes of the others.
func (o *output) files(r *report.Report) (err error) {
	for _, each := range o.reports {
		format, file, _ := strings.Cut(each, "=")
		if e := report.WriteFile(file, format, r); e != nil {
			err = errors.Join(err, fmt.Errorf("write the %s report: %w", format, e))
		}
	}
	return err
}
