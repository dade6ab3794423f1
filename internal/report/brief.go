package report

import (
	"io"

	"github.com/leakgate/leakgate/internal/gate"
)

// How much the brief outcome shows of each list.
const briefLines = 8

// WriteBrief writes the outcome for someone who waits at a git hook: nothing
// when there is nothing to say, else what stands in the way and where. It shows
// no names of refs: they may hold a value, and git says them itself.
func WriteBrief(w io.Writer, r *Report) error {
	v := newView(r)
	t := &textWriter{w: w, v: v, palette: paletteFor(v.Color), width: textMaxWidth}
	findings := v.standing()
	if len(findings)+len(v.Verdict.Notices) == 0 && v.complete() {
		return nil
	}
	t.line("leakgate: %s", visible(v.headline()))
	for _, f := range findings[:min(briefLines, len(findings))] {
		t.brief(f)
	}
	if more := len(findings) - briefLines; more > 0 {
		t.line("  and %s", plural(more, "more place"))
	}
	for _, n := range v.Verdict.Notices[:min(briefLines, len(v.Verdict.Notices))] {
		t.line("  policy: %s", visible(v.noticeText(n)))
	}
	for _, s := range v.missed[:min(briefLines, len(v.missed))] {
		t.line("  missed: %s", v.skipText(s, visible))
	}
	return t.err
}

// standing are the findings that nothing allows, the gravest first. What was
// there before and blocks nothing is not the business of a hook.
func (v *view) standing() []*gate.Judged {
	var out []*gate.Judged
	for _, f := range v.byGravity() {
		if f.Decision != gate.Allow && (!f.Older || f.Decision == gate.Block) {
			out = append(out, f)
		}
	}
	return out
}

func (t *textWriter) brief(f *gate.Judged) {
	where := clipMiddle(visible(t.v.placeText(f)), t.width)
	if id := f.Commit.ID; id != "" {
		where += "  in " + short(id)
	}
	t.line("  %s %s %s  %s", f.Decision.String(), t.say(ruleOf(f).ID), visible(preview(f)), where)
}
