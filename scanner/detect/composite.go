package detect

import (
	"bytes"

	"github.com/leakgate/leakgate/rules"
)

// part is a required rule of a composite match with what it found near by.
type part struct {
	rule  *rules.Rule
	found []Match
}

// complete keeps the matches of a composite rule near which every required
// rule matches too. Required rules look at the whole text; their keywords do
// not matter, nor do their own requirements.
func (p *pass) complete(c *compiled, primary []Match) []Match {
	found := make([][]Match, len(c.Required))
	for i, req := range c.Required {
		r := p.d.byID[req.RuleID]
		if r == nil || r.Regex == nil {
			return nil // cannot be met
		}
		e := enumeration{find: r.find, text: p.layer.text, to: len(p.layer.text), limit: len(p.layer.text), reach: -1, fromStart: true}
		found[i] = p.judgeAll(r, e.run())
		p.columns(found[i])
	}
	p.columns(primary)
	out := primary[:0]
	for _, m := range primary {
		if m.parts = parts(p.d, c, m, found); m.parts != nil {
			out = append(out, m)
		}
	}
	return out
}

// parts lists what each required rule found near m, or nil when one found nothing.
func parts(d *Detector, c *compiled, m Match, found [][]Match) []part {
	var out []part
	for i, req := range c.Required {
		near := part{rule: d.byID[req.RuleID].Rule}
		for _, f := range found[i] {
			if within(req.WithinLines, m.Line, f.Line) && within(req.WithinColumns, m.column, f.column) {
				near.found = append(near.found, f)
			}
		}
		if len(near.found) == 0 {
			return nil
		}
		out = append(out, near)
	}
	return out
}

func within(limit *int, a, b int) bool {
	return limit == nil || max(a-b, b-a) <= *limit
}

// columns fills in lines and columns as gitleaks counts them (detect/location.go):
// from the newline before the line, which the first line does not have.
func (p *pass) columns(found []Match) {
	p.lines.number(found)
	for i := range found {
		m := &found[i]
		newline := bytes.LastIndexByte(p.lines.text[:min(m.Match[0]+1, len(p.lines.text))], '\n')
		m.column = m.Match[0] - max(newline, 0) + 1
	}
}
