package report

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// Check is what a check run on GitHub shows. Everything in it is within GitHub's limits
// and safe to be shown: https://docs.github.com/rest/checks/runs#create-a-check-run
type Check struct {
	Title       string
	Summary     string // Markdown
	Text        string // Markdown; "" for none
	Annotations []Annotation
	Buttons     []Button
}

// Annotation points at lines of a file at head.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int
	StartColumn, EndColumn int    // 0 for none
	Level                  string // notice, warning, failure
	Title, Message         string // plain text
}

// Button is one that a check run offers.
type Button struct {
	ID          string // what comes back when it is pressed: at most 20 characters
	Label       string // at most 20 characters
	Description string // at most 40 characters
}

// The buttons of a check run.
const (
	ButtonRecheck   = "recheck"
	ButtonFix       = "fix"
	ButtonNotSecret = "not-a-secret"
)

// How much of a check run each part may take, in bytes, so that all of them fit: GitHub
// takes 65,535 characters of a summary and of a text, and people read 500 annotations of
// none.
const (
	checkTable     = 36_000
	checkRemoved   = 12_000
	checkNotices   = 8_000
	checkCoverage  = 8_000
	checkAdvice    = 40_000
	maxAnnotations = 500
	annotationText = 2_000 // characters
)

// Check is the posting as a check run: what was found, what is still reachable though it
// was removed, what was looked at, and in the text what to do.
func (p *Posting) Check() Check {
	v := p.view()
	out := Check{Title: p.Title(), Annotations: p.annotations(v), Buttons: p.buttons(v)}
	var summary, text strings.Builder
	s := &postingWriter{markdownWriter{w: &summary, v: v}, p}
	s.table(checkTable)
	s.removed(checkRemoved)
	s.older()
	s.notices(checkNotices)
	s.coverage(checkCoverage)
	t := &postingWriter{markdownWriter{w: &text, v: v}, p}
	t.advice(checkAdvice)
	out.Summary, out.Text = summary.String(), text.String()
	return out
}

func (p *Posting) buttons(v *view) []Button {
	list := []Button{{ButtonRecheck, "Recheck", "Look at the same commits again"}}
	if p.standing(v, gate.Block)+p.standing(v, gate.Warn) == 0 {
		return list
	}
	if p.CanFix {
		list = append(list, Button{ButtonFix, "Fix for me", "Revoke it and propose the change"})
	}
	return append(list, Button{ButtonNotSecret, "Not a secret", "How to ask for an exception"})
}

// annotations point at lines at head, one for each value at each line, the gravest first.
func (p *Posting) annotations(v *view) []Annotation {
	var list []Annotation
	if p.Line == nil {
		return nil
	}
	type place struct {
		path       string
		line       int
		credential string
	}
	seen := map[place]bool{}
	for _, f := range v.byGravity() {
		if len(list) == maxAnnotations {
			break
		}
		if f.Decision == gate.Allow || !counts(f) || p.withheld(f) || v.mask.clean(f.At.Path) != f.At.Path {
			continue
		}
		line, ok := p.Line(f)
		at := place{f.At.Path, line, groupKey(f)}
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		list = append(list, p.annotation(v, f, line))
	}
	return list
}

func (p *Posting) annotation(v *view, f *gate.Judged, line int) Annotation {
	say := func(text string) string { return visible(clip(v.mask.clean(text), annotationText)) }
	a := Annotation{Path: f.At.Path, StartLine: line, EndLine: line + max(0, f.At.EndLine-f.At.StartLine), Level: "warning"}
	if f.Decision != gate.Warn && !p.Warning {
		a.Level = "failure"
	}
	if a.StartLine == a.EndLine && f.At.StartColumn > 0 {
		a.StartColumn, a.EndColumn = f.At.StartColumn, max(f.At.StartColumn, f.At.EndColumn)
	}
	a.Title = clip(say(title(ruleOf(f))), maxTitle)
	what := visible(preview(f))
	if f.Secret.IsZero() {
		what = orElse(say(f.At.Field), "the name")
	}
	state, why := p.state(f)
	if why != "" {
		state += ": " + say(why)
	}
	a.Message = fmt.Sprintf("%s: %s; %s. %s", what, p.valid(f), state, say(plainAdvice(adviceOf(ruleOf(f)))))
	if f.Fix != "" {
		a.Message += " " + say(f.Context) + ". Fix: " + say(f.Fix)
	}
	if f.Credential != "" {
		a.Message += " Credential " + say(f.Credential) + "."
	}
	return a
}
