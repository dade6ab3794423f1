package report

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// CommentMarker is in every comment of ours and in no other, so that it is found again.
const CommentMarker = "<!-- leakgate:v1 -->"

// maxComment is what GitHub takes of a comment, in characters; we count bytes.
const maxComment = 65_536

// What a comment keeps for everything but its table, in bytes.
const commentAdvice, commentRemoved = 16_000, 6_000

// Comment is the posting as the one comment of a pull request: what was found, whether it
// is live, what to do now, why pushing again does not help, and the commands. Where it
// does not fit, the table is cut first. When nothing stands out it is one line.
func (p *Posting) Comment() string {
	v := p.view()
	lead, why := p.title(v)
	head := fmt.Sprintf("%s\n## %s %s%s\n\n", CommentMarker, p.sign(v), lead, markdownCode(clip(why, markdownClip)))
	if p.Quiet() {
		return head + p.foot()
	}
	var rest strings.Builder
	m := &postingWriter{markdownWriter{w: &rest, v: v}, p}
	m.removed(commentRemoved)
	m.live()
	m.advice(commentAdvice)
	m.force()
	m.commands()
	rest.WriteString(p.foot())
	var table strings.Builder
	t := &postingWriter{markdownWriter{w: &table, v: v}, p}
	t.table(maxComment - len(head) - rest.Len() - 1000) // for the table's own head and end
	return head + table.String() + rest.String()
}

// Quiet says that there is nothing to tell: a comment that is there may become one line,
// and one that is not there need not come.
func (p *Posting) Quiet() bool {
	v := p.view()
	return p.standing(v, gate.Block)+p.standing(v, gate.Warn) == 0 && v.complete()
}

func (p *Posting) sign(v *view) string {
	if p.Warning && v.Verdict.Decision == gate.Block {
		return "⚠️"
	}
	return (&markdownWriter{v: v}).sign()
}

func (m *postingWriter) live() {
	count := map[Validity]int{}
	for _, g := range m.v.groups() {
		if f := g.lead(); f.Decision != gate.Allow && counts(f) && !f.Secret.IsZero() {
			count[m.p.valid(f)]++
		}
	}
	if len(count) == 0 {
		return
	}
	m.line("### Is it live?")
	m.line("")
	for _, c := range []struct {
		v    Validity
		text string
	}{
		{Active, "active: the issuer accepts it this minute"},
		{Inactive, "inactive: the issuer refuses it"},
		{Unknown, "unknown: the issuer was asked and did not say; take it for active"},
		{NotChecked, "not checked; take it for active"},
	} {
		if count[c.v] > 0 {
			m.line("- %s %s", plural(count[c.v], "credential"), c.text)
		}
	}
	m.line("")
}

// force: https://docs.github.com/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/checking-out-pull-requests-locally
func (m *postingWriter) force() {
	m.line("### Why a force-push does not help")
	m.line("")
	ref := "`refs/pull/…/head`"
	if m.p.Pull > 0 {
		ref = fmt.Sprintf("`refs/pull/%d/head`", m.p.Pull)
	}
	m.line("What was pushed was read: by clones, forks, notifications and by whoever watches. GitHub keeps the commits of a pull request (%s and every commit "+
		"by its id), also when the branch is rewritten or deleted. Only a revoked credential is harmless; removing the line comes after that.", ref)
	m.line("")
}

func (m *postingWriter) commands() {
	id := "LG-…"
	for _, f := range m.v.byGravity() {
		if f.Decision != gate.Allow && counts(f) && f.Credential != "" {
			id = f.Credential
			break
		}
	}
	m.line("### Commands")
	m.line("")
	m.line("Write one of these as a comment:")
	m.line("")
	m.line("- `/leakgate recheck` looks at the same commits again")
	m.line("- `/leakgate explain %s` says what was found and what to do", visible(id))
	m.line("- `/leakgate false-positive %s REASON` asks for an exception", visible(id))
	if m.p.CanFix {
		m.line("- `/leakgate fix %s` revokes it and proposes the change", visible(id))
	}
	m.line("")
}

func (p *Posting) foot() string {
	v := p.view()
	foot := "<sub>range " + orElse(markdownCode(clipMiddle(v.mask.clean(v.Result.Range.Text), markdownClip)), "not given") + "; " + v.looked()
	if p.Details != "" {
		foot += "; [details](" + p.Details + ")"
	}
	return foot + "; " + markdownText(v.Tool.Name+" "+v.Tool.Version) + "</sub>\n"
}
