package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// How much the text format shows of a long list.
const (
	textPlaces   = 5
	textMissed   = 20
	textExcluded = 20
	textMaxWidth = 110
)

// group is one credential and its findings, the first of which leads.
type group struct{ findings []*gate.Judged }

func (g group) lead() *gate.Judged { return g.findings[0] }

func writeText(w io.Writer, v *view) error {
	t := &textWriter{w: w, v: v, palette: paletteFor(v.Color), width: min(textMaxWidth, max(40, orElse(v.Width, 100)))}
	groups := v.groups()
	for _, g := range groups {
		t.credential(g)
	}
	t.advice(groups)
	t.notices()
	t.coverage()
	t.summary()
	return t.err
}

// groups gathers the findings of each credential, the gravest first.
func (v *view) groups() []group {
	index := map[string]int{}
	var groups []group
	for i := range v.Verdict.Findings {
		f := &v.Verdict.Findings[i]
		at, ok := index[groupKey(f)]
		if !ok {
			at = len(groups)
			index[groupKey(f)] = at
			groups = append(groups, group{})
		}
		groups[at].findings = append(groups[at].findings, f)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.findings, byGravity)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return byGravity(a.lead(), b.lead()) })
	return groups
}

// textWriter prints lines and remembers the first error.
type textWriter struct {
	w     io.Writer
	v     *view
	width int
	err   error
	palette
}

func (t *textWriter) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = io.WriteString(t.w, disarm(fmt.Sprintf(format, args...))+"\n")
	}
}

// say makes a text of the repository fit to print.
func (t *textWriter) say(text string) string { return visible(t.v.mask.clean(text)) }

func (t *textWriter) credential(g group) {
	f, rule := g.lead(), ruleOf(g.lead())
	t.line("%s %s", t.decision(f.Decision), t.bold(t.say(title(rule))))
	t.line("  %s · %s · %s · %s · %s", t.severity(f.Severity), f.Confidence.String(),
		t.bold(visible(preview(f))), t.say(rule.ID), t.dim(visible(f.Credential)))
	if t.v.ShowValue != nil {
		t.line("  value %s", visible(t.v.ShowValue(f.Secret)))
	}
	if why := joinWords("; ", f.Context, f.Reason); why != "" {
		t.line("  %s", t.dim(t.say(why)))
	}
	if f.Fix != "" && f.Decision != gate.Allow {
		t.line("  fix: %s", t.say(f.Fix))
	}
	for _, f := range g.findings[:min(textPlaces, len(g.findings))] {
		t.place(f)
	}
	if more := len(g.findings) - textPlaces; more > 0 {
		t.line("    %s", t.dim("and "+plural(more, "more place")))
	}
	t.line("")
}

func (t *textWriter) place(f *gate.Judged) {
	from := f.Commit.ID
	if from != "" {
		from = short(from)
	}
	date := ""
	if !f.Commit.Date.IsZero() {
		date = f.Commit.Date.UTC().Format(time.DateOnly)
	}
	details := joinWords("  ", from, clip(t.say(f.Commit.Author), 30), date, t.placeNote(f))
	room := t.width - 6 - len([]rune(details))
	t.line("    %s  %s", clipMiddle(visible(t.v.placeText(f)), max(30, room)), t.dim(details))
}

// placeText is "PATH:LINE:COLUMN", or what a finding without a line has,
// masked but not escaped.
func (v *view) placeText(f *gate.Judged) string {
	path := v.mask.clean(f.At.Path)
	switch p := f.At; {
	case p.Kind == scanner.InPath:
		return path + " (the name)"
	case p.Kind == scanner.InMessage && p.StartLine == 0:
		return "name or address of a person"
	case p.Kind == scanner.InMessage && p.Path == "":
		return fmt.Sprintf("message, line %d", p.StartLine)
	case p.StartLine == 0:
		return path
	default:
		return fmt.Sprintf("%s:%d:%d", path, p.StartLine, p.StartColumn)
	}
}

// placeNote says what else is worth knowing of a place.
func (t *textWriter) placeNote(f *gate.Judged) string {
	note := ""
	if f.At.Origin != scanner.FromCommit {
		note = string(f.At.Origin)
	} else if f.At.AtHead {
		note = "at HEAD"
	}
	older := ""
	if f.Older {
		older = "older than the range"
	}
	decoded := ""
	if len(f.At.DecodedFrom) > 0 {
		decoded = "in " + t.say(strings.Join(f.At.DecodedFrom, " in "))
	}
	return joinWords("  ", note, older, decoded, t.say(f.Environment))
}

// advice says once per rule what to do about what was not allowed.
func (t *textWriter) advice(groups []group) {
	said := map[*rules.Rule]bool{}
	for _, g := range groups {
		rule := g.lead().Rule
		if g.lead().Decision == gate.Allow || rule == nil || said[rule] {
			continue
		}
		if len(said) == 0 {
			t.line("%s", t.bold("What to do"))
		}
		said[rule] = true
		t.line("  %s", t.say(title(rule)))
		for _, line := range wrap(t.say(plainLinks(adviceOf(rule))), t.width-4) {
			t.line("    %s", line)
		}
	}
	if len(said) > 0 {
		t.line("")
	}
}

func (t *textWriter) notices() {
	for _, n := range t.v.Verdict.Notices {
		badge := t.yellow("policy")
		if n.Block {
			badge = t.red("policy")
		}
		t.line("%s %s", badge, visible(t.v.noticeText(n)))
	}
	if len(t.v.Verdict.Notices) > 0 {
		t.line("")
	}
}

func (t *textWriter) coverage() {
	v := t.v
	t.line("%s %s", t.dim("range     "), t.say(orElse(v.Result.Range.Text, "not given")))
	took := ""
	if d := v.Finished.Sub(v.Started); d > 0 && !v.Started.IsZero() {
		took = " in " + d.Round(10*time.Millisecond).String()
	}
	t.line("%s %s%s", t.dim("looked at "), v.looked(), took)
	sums := byReason(v.excluded)
	for i, sum := range sums[:min(textExcluded, len(sums))] {
		t.line("%s %s: %s", t.dim(orElse(map[int]string{0: "excluded  "}[i], "          ")), plural(sum.count, "item"), t.say(sum.reason))
	}
	if more := len(sums) - textExcluded; more > 0 {
		t.line("           and for %s", plural(more, "more reason"))
	}
	for i, s := range v.missed[:min(textMissed, len(v.missed))] {
		t.line("%s %s", t.red(orElse(map[int]string{0: "missed    "}[i], "          ")), t.red(v.skipText(s, visible)))
	}
	if more := len(v.missed) - textMissed; more > 0 {
		t.line("           %s", t.red("and "+plural(more, "more item")))
	}
	if !v.Result.StableIDs && len(v.Verdict.Findings) > 0 {
		t.line("%s", t.dim("credential ids are of this run only: set LEAKGATE_KEY to keep them"))
	}
	t.line("")
}

func (t *textWriter) summary() {
	v := t.v
	line := visible(v.headline())
	switch {
	case v.Verdict.Decision == gate.Block:
		line = t.red("✗ ") + t.bold(line)
	case !v.complete():
		line = t.red("? ") + t.bold(line)
	case v.count(gate.Warn) > 0 || v.lookedAtNothing():
		line = t.yellow("! ") + t.bold(line)
	default:
		line = t.green("✓ ") + t.bold(line)
	}
	if v.Verdict.Decision == gate.Block && v.count(gate.Warn) > 0 {
		line += t.dim("; warnings: " + v.amount(gate.Warn))
	}
	t.line("%s %s", line, t.dim("("+v.exitMeaning()+")"))
}

// joinWords joins what is not empty.
func joinWords(sep string, words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), sep)
}

// orElse is value, or other for the zero value.
func orElse[T comparable](value, other T) T {
	var zero T
	if value == zero {
		return other
	}
	return value
}
