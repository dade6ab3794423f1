package action

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// maxAnnotations is how many errors, and how many warnings, GitHub shows of one
// step: https://github.com/orgs/community/discussions/26680
const maxAnnotations = 10

// maxLookups is how many findings are looked up at head for these few.
const maxLookups = 500

// annotation is one workflow command about a place at head.
type annotation struct {
	level   string // "error" or "warning"
	path    string
	line    int
	finding *gate.Judged
}

// annotate points at the gravest findings that have a line at head, and says
// how many there are beside.
func annotate(log *Log, r *report.Report, repo *gitrepo.Repo) {
	for _, n := range r.Verdict.Notices {
		if n.Block {
			log.Command("error", n.Text, Property{"file", n.Path}, Property{"line", number(n.Line)}, Property{"title", "leakgate: policy"})
		}
	}
	reported := graveFirst(r)
	shown, repeats := choose(reported, repo, r.Result.Range.Head)
	hide := hider(r, shown)
	for _, a := range shown {
		a.print(log, hide)
	}
	if more := len(reported) - len(shown) - repeats; more > 0 {
		text := fmt.Sprintf("and %d more, see the summary", more)
		if len(shown) == 0 {
			text = fmt.Sprintf("found %d, none of them in a line at head: see the summary", more)
		}
		log.Command("notice", text, Property{"title", "leakgate"})
	}
}

// graveFirst is every finding that was not allowed: what blocks, the severest
// and surest first.
func graveFirst(r *report.Report) []*gate.Judged {
	var list []*gate.Judged
	for i := range r.Verdict.Findings {
		if f := &r.Verdict.Findings[i]; f.Decision != gate.Allow {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b *gate.Judged) int {
		return cmp.Or(strings.Compare(level(a), level(b)), cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Confidence, a.Confidence))
	})
	return list
}

func level(f *gate.Judged) string {
	if f.Decision == gate.Warn {
		return "warning"
	}
	return "error"
}

// choose takes as many of each level as GitHub shows, one for each value at each
// line; repeats are findings of the same.
func choose(list []*gate.Judged, repo *gitrepo.Repo, head string) (shown []annotation, repeats int) {
	h, err := inspect.NewHeads(repo, head)
	if err != nil {
		return nil, 0 // the verdict says what is wrong with the head
	}
	type place struct {
		path       string
		line       int
		credential string
	}
	count, tries, seen := map[string]int{}, map[string]int{}, map[place]bool{}
	for _, f := range list {
		a := annotation{level: level(f), path: f.At.Path, finding: f}
		if count[a.level] == maxAnnotations || tries[a.level] == maxLookups {
			continue
		}
		if f.At.AtHead {
			tries[a.level]++
		}
		var ok bool
		if a.line, ok = h.Line(f); !ok {
			continue
		}
		at := place{a.path, a.line, f.Credential}
		if seen[at] {
			repeats++
			continue
		}
		seen[at] = true
		count[a.level]++
		shown = append(shown, a)
	}
	return shown, repeats
}

// link is a link of Markdown, which annotations show as it is typed.
var link = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)

// print writes the command. A path that holds a value cannot be pointed at.
func (a annotation) print(log *Log, hide func(string) string) {
	f := a.finding
	title, advice, prefix := "Secret", "", ""
	if f.Rule != nil {
		title, advice, prefix = strings.TrimRight(f.Rule.Description, ". "), f.Rule.Advice, f.Rule.Prefix
	}
	what := f.Secret.Preview(prefix)
	if f.Secret.IsZero() {
		what = cmp.Or(f.At.Field, "the name")
	}
	message := fmt.Sprintf("%s: %s (%s). %s", what, f.Decision, f.Reason, link.ReplaceAllString(advice, "$1 ($2)"))
	if f.Fix != "" {
		message += " " + f.Context + ". Fix: " + f.Fix
	}
	where := []Property{
		{"file", a.path}, {"line", number(a.line)}, {"endLine", number(a.line + max(0, f.At.EndLine-f.At.StartLine))},
	}
	if f.At.EndLine <= f.At.StartLine { // GitHub refuses columns across lines
		where = append(where, Property{"col", number(f.At.StartColumn)}, Property{"endColumn", number(f.At.EndColumn)})
	}
	if hide(a.path) != a.path {
		where = nil
	}
	log.Command(a.level, hide(strings.TrimSpace(message)), append(where, Property{"title", hide(title)})...)
}

// number is a positive number in digits, "" for none.
func number(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// hider removes the values of the report from the few texts that annotations
// show: a secret may be part of a path.
func hider(r *report.Report, shown []annotation) func(string) string {
	var texts strings.Builder
	for _, a := range shown {
		texts.WriteString(a.path + "\n" + a.finding.Reason + "\n" + a.finding.At.Field + "\n" + a.finding.Context + "\n" + a.finding.Fix + "\n")
		if a.finding.Rule != nil {
			texts.WriteString(a.finding.Rule.Description + "\n" + a.finding.Rule.Advice + "\n")
		}
	}
	all := texts.String()
	var redactor secret.Redactor
	for _, c := range r.Result.Credentials {
		if slices.ContainsFunc(secret.Forms(c.Secret), func(form string) bool { return strings.Contains(all, form) }) {
			redactor.Add(c.Secret)
		}
	}
	return redactor.Redact
}
