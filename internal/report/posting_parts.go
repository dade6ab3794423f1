package report

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
)

// postingWriter writes the parts of a check run and of a comment.
type postingWriter struct {
	markdownWriter
	p *Posting
}

// table lists what counts, each row with everything that decides what to do.
func (m *postingWriter) table(share int) {
	var findings []*gate.Judged
	for _, f := range m.v.byGravity() {
		if counts(f) {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		return
	}
	m.line("| Secret | Where | Commit | Validity | State | Value | Credential |")
	m.line("|---|---|---|---|---|---|---|")
	m.list(len(findings), share, "finding", func(i int) string { return m.row(findings[i]) })
	m.line("")
	if m.anyWithheld(findings) {
		m.line("The places of active credentials are not shown here, as everybody can read this repository.")
		m.line("")
	}
}

func (m *postingWriter) anyWithheld(findings []*gate.Judged) bool {
	for _, f := range findings {
		if m.p.withheld(f) {
			return true
		}
	}
	return false
}

func (m *postingWriter) row(f *gate.Judged) string {
	where, commit := m.code(m.v.placeText(f)), m.v.commitLink(f.Commit.ID)
	if m.p.withheld(f) {
		where, commit = "withheld", "withheld"
	}
	cells := []string{
		m.rule(ruleOf(f)), where, commit, m.p.valid(f).String(), m.state(f), markdownCode(preview(f)), markdownCode(f.Credential),
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

func (m *postingWriter) state(f *gate.Judged) string {
	state, why := m.p.state(f)
	if why == "" {
		return state
	}
	return state + ": " + m.code(why)
}

// rule is the name of a rule. That of a rule that a repository brought along is code, in
// which GitHub looks for no @mentions.
func (m *postingWriter) rule(r *rules.Rule) string {
	name := clip(m.v.mask.clean(title(r)), markdownClip)
	if builtIn(r) {
		return markdownText(name)
	}
	return markdownCode(name)
}

func builtIn(r *rules.Rule) bool { return r.Origin == "gitleaks" || r.Origin == "leakgate" }

// removed names what no file at head shows any more: taking a line out takes nothing back.
func (m *postingWriter) removed(share int) {
	var gone []*gate.Judged
	for _, f := range m.v.byGravity() {
		if f.Decision != gate.Allow && counts(f) && !atHead(f) && !f.At.AtHead {
			gone = append(gone, f)
		}
	}
	if len(gone) == 0 {
		return
	}
	m.line("### Removed later but still reachable")
	m.line("")
	m.line("These are in no file any more, and whoever has the commits can read them all the same:")
	m.line("")
	m.list(len(gone), share, "finding", func(i int) string {
		f := gone[i]
		if m.p.withheld(f) {
			return fmt.Sprintf("- %s, credential %s", m.rule(ruleOf(f)), markdownCode(f.Credential))
		}
		return fmt.Sprintf("- %s in %s, commit %s", m.rule(ruleOf(f)), m.code(m.v.placeText(f)), orElse(m.v.commitLink(f.Commit.ID), "none"))
	})
	m.line("")
}

func (m *postingWriter) older() {
	n := 0
	for i := range m.v.Verdict.Findings {
		if !counts(&m.v.Verdict.Findings[i]) {
			n++
		}
	}
	if n > 0 {
		m.line("%s in history before this range: not of this change, and not judged with it.", plural(n, "more finding"))
		m.line("")
	}
}

func (m *postingWriter) notices(share int) {
	if len(m.v.Verdict.Notices) == 0 {
		return
	}
	m.line("### About the policy")
	m.line("")
	m.list(len(m.v.Verdict.Notices), share, "notice", func(i int) string {
		return "- " + markdownCode(clip(m.v.noticeText(m.v.Verdict.Notices[i]), markdownClip))
	})
	m.line("")
}

// coverage says exactly what was looked at, and with what.
func (m *postingWriter) coverage(share int) {
	m.line("### What was looked at")
	m.line("")
	m.line("- range %s: %s", orElse(m.code(m.v.Result.Range.Text), "not given"), m.v.looked())
	if why := m.v.errText(); why != "" {
		m.line("- **incomplete:** %s", m.code(why))
	}
	m.list(len(m.v.missed), share/2, "missed item", func(i int) string { return "- **missed** " + m.skip(m.v.missed[i]) })
	sums := byReason(m.v.excluded)
	m.list(len(sums), share/2, "reason", func(i int) string {
		return fmt.Sprintf("- excluded: %s, %s", plural(sums[i].count, "item"), m.code(sums[i].reason))
	})
	if m.p.Rules != "" {
		m.line("- rules %s", m.code(m.p.Rules))
	}
	m.line("- %s %s", markdownText(m.v.Tool.Name), markdownText(m.v.Tool.Version))
}

// advice is what to do, once for each rule.
func (m *postingWriter) advice(share int) {
	said := map[string]bool{}
	var lines []string
	for _, f := range m.v.byGravity() {
		rule := ruleOf(f)
		if f.Decision == gate.Allow || !counts(f) || said[rule.ID] {
			continue
		}
		said[rule.ID] = true
		lines = append(lines, fmt.Sprintf("- **%s.** %s", m.rule(rule), m.adviceOf(rule)))
	}
	if len(lines) == 0 {
		return
	}
	m.line("### Do this now")
	m.line("")
	m.list(len(lines), share, "rule", func(i int) string { return lines[i] })
	m.line("")
}

func (m *postingWriter) adviceOf(r *rules.Rule) string {
	if builtIn(r) || r.Advice == "" {
		return m.v.markdownAdvice(r)
	}
	return markdownCode(clip(m.v.mask.clean(r.Advice), annotationText))
}

// link is a link of Markdown, which annotations show as it is typed.
var link = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)

func plainAdvice(advice string) string { return link.ReplaceAllString(advice, "$1 ($2)") }
