// Package report writes the outcome of a scan for people and for machines:
// text, json, sarif, junit, markdown and gitlab. It judges nothing and prints
// no value: a finding shows at most the first characters of its value, and a
// value that stands in a path or a name is masked there. Everything that comes
// from a repository is escaped for the format it goes into.
package report

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// InformationURI is where a reader of a report learns more about the tool.
const InformationURI = "https://github.com/leakgate/leakgate"

// Tool is the program that made the report.
type Tool struct {
	Name    string
	Version string
}

// Report is everything that a format may show.
type Report struct {
	Tool     Tool
	Result   scanner.Result
	Verdict  gate.Verdict
	Started  time.Time
	Finished time.Time
	App      gate.App // how the policy wants the GitHub App to tell of it
	// Category chooses the findings of a SARIF file: [CategoryHead],
	// [CategoryHistory], or "" for one file with a run of each.
	Category string
	RunID    string // tells two SARIF runs of one category apart
	// Repository is the https URL of the repository and Ref the scanned ref;
	// both may be "".
	Repository string
	Ref        string
	// ShowValue, where it is set, gives the value of a finding to the text
	// format, which prints it. No other format asks.
	ShowValue func(secret.Secret) string
	Width     int // columns of the terminal; 0 when there is none
	Color     bool
}

// formats is every output format: a new one is one line here, one file and one golden.
var formats = []struct {
	name  string
	write func(io.Writer, *view) error
}{
	{"text", writeText},
	{"json", writeJSON},
	{"sarif", writeSARIF},
	{"junit", writeJUnit},
	{"markdown", writeMarkdown},
	{"gitlab", writeGitLab},
}

// Formats names the formats that [Write] knows.
func Formats() []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Write writes the report in one of [Formats]. The bytes depend on the report alone.
func Write(w io.Writer, format string, r *Report) error {
	for _, f := range formats {
		if f.name != format {
			continue
		}
		buffered := bufio.NewWriterSize(w, 1<<16)
		if err := f.write(buffered, newView(r)); err != nil {
			return fmt.Errorf("write %s report: %w", format, err)
		}
		if err := buffered.Flush(); err != nil {
			return fmt.Errorf("write %s report: %w", format, err)
		}
		return nil
	}
	return fmt.Errorf("unknown report format %q: use one of %s", format, strings.Join(Formats(), ", "))
}

// view is a report as the formats see it: with the words in order and every
// text of the repository masked.
type view struct {
	*Report
	mask     *mask
	excluded []scanner.Skip
	missed   []scanner.Skip
}

func newView(r *Report) *view {
	return &view{
		Report:   r,
		mask:     newMask(r),
		excluded: sortedSkips(r.Result.Coverage.Excluded),
		missed:   sortedSkips(r.Result.Coverage.Missed),
	}
}

func sortedSkips(skips []scanner.Skip) []scanner.Skip {
	sorted := slices.Clone(skips)
	slices.SortStableFunc(sorted, func(a, b scanner.Skip) int {
		return strings.Compare(a.Reason+"\x00"+a.Path+"\x00"+a.Commit, b.Reason+"\x00"+b.Path+"\x00"+b.Commit)
	})
	return sorted
}

// complete reports whether the scan saw everything and the gate could decide.
func (v *view) complete() bool {
	return v.Result.Coverage.Complete() && v.Verdict.Err == nil && v.Verdict.Decision != gate.Undecided
}

// repositoryURL is the https URL of the repository without a user, a token or
// a query in it; "" for anything else.
func (v *view) repositoryURL() string {
	u, err := url.Parse(v.mask.clean(v.Repository))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(u.Host, "{}|\\^`<>\"[] ") {
		return ""
	}
	return (&url.URL{Scheme: "https", Host: u.Host, Path: u.Path}).String()
}

// count is how many findings got a decision.
func (v *view) count(d gate.Decision) int {
	n := 0
	for i := range v.Verdict.Findings {
		if v.Verdict.Findings[i].Decision == d {
			n++
		}
	}
	return n
}

// ruleOf is the rule of a finding; a finding without one still gets a report.
func ruleOf(f *gate.Judged) *rules.Rule {
	if f.Rule == nil {
		return &rules.Rule{ID: "unknown", Description: "Secret of an unknown rule"}
	}
	return f.Rule
}

// title is the description of a rule without its full stop, or its ID.
func title(r *rules.Rule) string {
	if text := strings.TrimRight(r.Description, ". "); text != "" {
		return text
	}
	return r.ID
}

func preview(f *gate.Judged) string {
	if f.Secret.IsZero() {
		return "no value"
	}
	return f.Secret.Preview(ruleOf(f).Prefix)
}

func word(i int, words ...string) string { return words[max(0, min(i, len(words)-1))] }

// short is the beginning of an object id that people quote.
func short(id string) string { return id[:min(len(id), 10)] }

// plural is "1 commit", "12,345 commits".
func plural[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") {
		return thousands(int64(n)) + " " + strings.TrimSuffix(one, "y") + "ies"
	}
	return thousands(int64(n)) + " " + one + "s"
}

func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// bytesOf is a number of bytes in the unit people read, powers of 1000.
func bytesOf(n int64) string {
	if n < 1000 {
		return plural(n, "byte")
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if value /= 1000; value < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
