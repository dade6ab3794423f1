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
	m := Match{Rule: c.Rule, number: c.number, depth: uint8(p.depth)}
	if !p.place(&m, loc, len(text)) {
		return m, false
	}
	v := p.verdict(c, &m, loc, text)
	if v.taken {
		return m, false
	}
	m.Secret, m.Entropy, m.Confidence, m.Context, m.pending = v.secret, v.entropy, v.confidence, v.context, v.pending
	span := p.layer.span(extent{start + v.from, start + v.to})
	m.Span = [2]int{span.start, span.end}
	m.Allowed = p.lines.allows(m.Match)
	return m, true
}

// verdict is what a rule makes of the text of a match. It depends on nothing
// else, but for rules with an allowlist that looks at lines.
type verdict struct {
	taken      bool // by the rule's entropy or an allowlist
	from, to   int  // of the value in the text
	secret     secret.Secret
	entropy    float64
	confidence rules.Confidence
	context    string
	pending    []*rules.Allowlist
}

// verdict judges the text of a match, or knows it again.
func (p *pass) verdict(c *compiled, m *Match, loc [2]int, text []byte) verdict {
	if c.line || c.number < 0 || p.d.options.Reference {
		return p.newVerdict(c, m, loc, text)
	}
	return p.d.verdicts.of(c.number, text, func() verdict { return p.newVerdict(c, m, loc, text) })
}

func (p *pass) newVerdict(c *compiled, m *Match, loc [2]int, text []byte) (v verdict) {
	v.from, v.to = c.value(p.s.groups(c, text), text)
	value := string(text[v.from:v.to])
	if v.entropy = entropy(value); c.Entropy != 0 && v.entropy <= c.Entropy {
		return verdict{taken: true}
	}
	line := ""
	if c.line {
		line = p.line(m, loc)
	}
	if p.taken(c, &v, value, string(text), line) {
		return verdict{taken: true}
	}
	v.secret = secret.New(value)
	v.verify(c.Rule)
	return v
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
func (c *compiled) value(groups []int, match []byte) (from, to int) {
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
func (p *pass) taken(c *compiled, v *verdict, value, match, line string) bool {
	for _, a := range p.d.set.Allowlists {
		if a.AppliesTo(c.Rule) && v.heed(a, value, match, line) {
			return true
		}
	}
	for _, a := range c.Allowlists {
		if v.heed(a, value, match, line) {
			return true
		}
	}
	return false
}

func (v *verdict) heed(a *rules.Allowlist, value, match, line string) bool {
	switch a.Content(value, match, line) {
	case rules.Yes:
		return true
	case rules.DependsOnPlace:
		v.pending = append(v.pending, a)
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
func (v *verdict) verify(r *rules.Rule) {
	validity := r.Verify(v.secret)
	v.confidence = r.EffectiveConfidence(validity)
	switch validity {
	case rules.Valid:
		v.context = "verified offline"
	case rules.Invalid:
		v.context = "fails the offline check"
	}
}
