package detect

import (
	"bytes"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
)

// judgeAll turns places in the layer into matches, without those that an
// allowlist or the rule's entropy takes back.
func (p *pass) judgeAll(c *compiled, locs [][2]int) []Match {
	var out []Match
	for _, loc := range locs {
		if m, ok := p.judge(c, loc); ok {
			out = append(out, m)
		}
	}
	return out
}

// judge follows gitleaks' detectRule (detect/detect.go): newlines around the
// match are cut off, the end of its place moves but not the start; the
// expression runs again on what is left, alone, to find the value.
func (p *pass) judge(c *compiled, loc [2]int) (Match, bool) {
	text := bytes.TrimLeft(p.layer.text[loc[0]:loc[1]], "\n")
	start := loc[1] - len(text)
	text = bytes.TrimRight(text, "\n")
	m := Match{Rule: c.Rule, Confidence: c.Confidence, number: c.number, depth: uint8(p.depth)}
	if !p.place(&m, loc, len(text)) {
		return m, false
	}
	from, to := c.value(text)
	value := string(text[from:to])
	m.Entropy = entropy(value)
	if c.Entropy != 0 && m.Entropy <= c.Entropy {
		return m, false
	}
	if p.taken(c, &m, loc, value, string(text)) {
		return m, false
	}
	span := p.layer.span(extent{start + from, start + to})
	m.Span = [2]int{span.start, span.end}
	m.Allowed = p.lines.allows(m.Match)
	m.Secret = secret.New(value)
	m.verify()
	return m, true
}

// place fills in where the match is. In a decoded layer only matches that touch
// a decoded segment are new.
func (p *pass) place(m *Match, loc [2]int, length int) bool {
	if len(p.layer.segments) == 0 {
		m.Match = [2]int{loc[0], loc[0] + length}
		return true
	}
	touched := p.layer.touching(extent{loc[0], loc[1]})
	if len(touched) == 0 {
		return false
	}
	at := p.layer.original(extent{loc[0], loc[1]})
	size := len(p.lines.text)
	m.Match = [2]int{min(max(at.start, 0), size), min(max(at.end, at.start, 0), size)}
	for _, s := range touched {
		if len(s.chain) > len(m.DecodedFrom) {
			m.DecodedFrom = s.chain
		}
	}
	return true
}

// value is the part of a match that is the secret.
func (c *compiled) value(match []byte) (from, to int) {
	groups := c.Regex.Regexp().FindSubmatchIndex(match)
	if c.SecretGroup > 0 && 2*c.SecretGroup+1 < len(groups) {
		if from, to = groups[2*c.SecretGroup], groups[2*c.SecretGroup+1]; from < 0 {
			return 0, 0
		}
		return from, to
	}
	for g := 2; g < len(groups); g += 2 {
		if groups[g] >= 0 && groups[g] < groups[g+1] {
			return groups[g], groups[g+1]
		}
	}
	return 0, len(match)
}

// taken reports whether an allowlist takes the match back at any place, and
// notes the lists that depend on the place.
func (p *pass) taken(c *compiled, m *Match, loc [2]int, value, match string) bool {
	line := ""
	if c.line {
		line = p.line(m, loc)
	}
	for _, a := range p.d.set.Allowlists {
		if a.AppliesTo(c.Rule) && m.heed(a, value, match, line) {
			return true
		}
	}
	for _, a := range c.Allowlists {
		if m.heed(a, value, match, line) {
			return true
		}
	}
	return false
}

func (m *Match) heed(a *rules.Allowlist, value, match, line string) bool {
	switch a.Content(value, match, line) {
	case rules.Yes:
		return true
	case rules.DependsOnPlace:
		m.pending = append(m.pending, a)
	}
	return false
}

// line is what allowlists on lines see: the line of the match or, in a decoded
// layer, the decoded line of the segments.
func (p *pass) line(m *Match, loc [2]int) string {
	text, at := p.lines.text, m.Match
	if len(p.layer.segments) > 0 {
		touched := p.layer.touching(extent{loc[0], loc[1]})
		text = p.layer.text
		at = [2]int{
			max(touched[0].decoded.start, loc[0]-lineContext), min(touched[len(touched)-1].decoded.end, loc[1]+lineContext),
		}
	}
	from, to := bounds(text, at, lineContext)
	return string(text[from:to])
}

// verify lets the rule's offline check raise or lower the confidence.
func (m *Match) verify() {
	validity := m.Rule.Verify(m.Secret)
	m.Confidence = m.Rule.EffectiveConfidence(validity)
	switch validity {
	case rules.Valid:
		m.Context = "verified offline"
	case rules.Invalid:
		m.Context = "fails the offline check"
	}
}
