package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// GitHub drops a job summary of more than 1 MiB:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
// Every list keeps to its share, so that what follows the table always fits.
const (
	markdownTable = 600_000 // bytes of table rows
	markdownList  = 100_000 // bytes of each other list
	markdownClip  = 300     // characters of one text
)

// writeMarkdown writes a job summary: the outcome, a table of findings, what to
// do, and the coverage, folded where nobody has to read it.
func writeMarkdown(w io.Writer, v *view) error {
	m := &markdownWriter{w: w, v: v}
	m.line("## %s %s", m.sign(), markdownText(clip(v.headline(), markdownClip)))
	m.line("")
	m.line("Looked at %s; range %s; %s.", v.looked(), orElse(m.code(v.Result.Range.Text), "not given"), v.exitMeaning())
	m.line("")
	m.table()
	m.advice()
	m.notices()
	m.coverage()
	m.line("<sub>%s %s</sub>", markdownText(v.Tool.Name), markdownText(v.Tool.Version))
	return m.err
}

// markdownWriter prints lines and remembers the first error.
type markdownWriter struct {
	w   io.Writer
	v   *view
	err error
}

func (m *markdownWriter) line(format string, args ...any) {
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format+"\n", args...)
	}
}

// code is a text of the repository, masked, clipped and taken literally.
func (m *markdownWriter) code(text string) string {
	return markdownCode(clipMiddle(m.v.mask.clean(text), markdownClip))
}

func (m *markdownWriter) sign() string {
	switch {
	case m.v.Verdict.Decision == gate.Block:
		return "❌"
	case !m.v.complete():
		return "❔"
	case m.v.count(gate.Warn) > 0 || m.v.lookedAtNothing():
		return "⚠️"
	}
	return "✅"
}

func (m *markdownWriter) table() {
	findings := m.v.byGravity()
	if len(findings) == 0 {
		return
	}
	m.line("| Decision | Severity | Secret | Where | Commit | Value | Credential |")
	m.line("|---|---|---|---|---|---|---|")
	m.list(len(findings), markdownTable, "finding", func(i int) string { return m.row(findings[i]) })
	m.line("")
}

// list prints items until their share of bytes is used up, and says what is left.
func (m *markdownWriter) list(n, share int, what string, item func(int) string) {
	for i := range n {
		text := item(i)
		if share -= len(text) + 1; share < 0 {
			m.line("")
			m.line("…and %s: see the json report.", plural(n-i, "more "+what))
			return
		}
		m.line("%s", text)
	}
}

func (m *markdownWriter) row(f *gate.Judged) string {
	decision := f.Decision.String()
	if f.Older {
		decision += " (older)"
	}
	commit := ""
	if f.Commit.ID != "" {
		commit = short(f.Commit.ID)
	}
	cells := []string{
		decision,
		f.Severity.String() + ", " + f.Confidence.String(),
		markdownText(clip(m.v.mask.clean(title(ruleOf(f))), markdownClip)),
		markdownCode(clipMiddle(m.v.placeText(f), markdownClip)),
		markdownCode(commit),
		markdownCode(preview(f)),
		markdownCode(f.Credential),
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// byGravity is every finding, the gravest first.
func (v *view) byGravity() []*gate.Judged {
	var findings []*gate.Judged
	for _, g := range v.groups() {
		findings = append(findings, g.findings...)
	}
	return findings
}

func (m *markdownWriter) advice() {
	var lines []string
	said := map[string]bool{}
	for _, f := range m.v.byGravity() {
		rule := ruleOf(f)
		if f.Decision == gate.Allow || said[rule.ID] {
			continue
		}
		said[rule.ID] = true
		lines = append(lines, fmt.Sprintf("- **%s.** %s",
			markdownText(clip(m.v.mask.clean(title(rule)), markdownClip)), m.v.markdownAdvice(rule)))
	}
	m.folded("What to do", "rule", lines, true)
}

func (m *markdownWriter) notices() {
	var lines []string
	for _, n := range m.v.Verdict.Notices {
		lines = append(lines, "- "+markdownCode(clip(m.v.noticeText(n), markdownClip)))
	}
	m.folded(plural(len(lines), "notice")+" about the policy", "notice", lines, true)
}

func (m *markdownWriter) coverage() {
	var missed, excluded []string
	for _, s := range m.v.missed {
		missed = append(missed, "- "+m.skip(s))
	}
	for _, sum := range byReason(m.v.excluded) {
		excluded = append(excluded, fmt.Sprintf("- %s: %s", plural(sum.count, "item"), m.code(sum.reason)))
	}
	m.folded("Missed: "+plural(len(missed), "item")+", the scan is incomplete", "item", missed, true)
	m.folded("Excluded by the policy", "reason", excluded, false)
}

func (m *markdownWriter) skip(s scanner.Skip) string {
	return markdownCode(clipMiddle(m.v.missedName(s), markdownClip)) + " — " + m.code(s.Reason)
}

// folded is a list under a title that can be folded; nothing for no lines.
func (m *markdownWriter) folded(title, what string, lines []string, open bool) {
	if len(lines) == 0 {
		return
	}
	tag := "<details>"
	if open {
		tag = "<details open>"
	}
	m.line("%s<summary>%s</summary>", tag, title)
	m.line("")
	m.list(len(lines), markdownList, what, func(i int) string { return lines[i] })
	m.line("")
	m.line("</details>")
	m.line("")
}
