package rules

import (
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
)

// clone makes a copy whose maps and lists may change. Rules and allowlists are
// shared and never changed in place.
func (c *collection) clone() *collection {
	return &collection{
		rules:      maps.Clone(c.rules),
		allowlists: slices.Clone(c.allowlists),
		targets:    slices.Clone(c.targets),
		disabled:   maps.Clone(c.disabled),
	}
}

// extend puts a base below c: the rules of the base come first, less the
// disabled ones, and rules of c with the same id change them.
func (c *collection) extend(l *loader, x extension, base *collection) error {
	for _, id := range x.disabled {
		if base.rules[id] == nil {
			l.warn(x.src.errorAt(x.disabledAt, "", "disabledRules names %q, which is no rule of what is extended", id))
		}
		c.disabled[id] = true
	}
	for id, below := range base.rules {
		if c.disabled[id] {
			continue
		}
		if above := c.rules[id]; above != nil {
			below = l.merge(below, above)
		}
		c.rules[id] = below
	}
	if len(c.rules) > maxRules {
		return x.src.errorAt(x.at, "", "more than %d rules", maxRules)
	}
	maps.Copy(c.disabled, base.disabled)
	c.allowlists = slices.Concat(c.allowlists, base.allowlists)
	for _, t := range base.targets {
		t.depth++
		c.targets = append(c.targets, t)
	}
	return nil
}

// merge changes a rule as gitleaks does: what is set above wins, lists grow,
// and required and skipReport stay those of the rule below.
func (l *loader) merge(below, above *entry) *entry {
	if above.partsSet {
		l.warn(above.at.errorf(above.rule.ID, "required and skipReport are ignored in a rule that changes an extended one"))
	}
	merged := *below
	r, up := *below.rule, above.rule
	if up.Regex != nil {
		r.Regex, merged.regex = up.Regex, above.regex
		r.Check, r.Examples = "", Examples{} // both were made for the old regex
	}
	if up.SecretGroup != 0 {
		r.SecretGroup, merged.grp = up.SecretGroup, above.grp
	}
	if up.Path != nil {
		r.Path = up.Path
	}
	if up.Entropy != 0 {
		r.Entropy = up.Entropy
	}
	r.Description = orElse(up.Description, r.Description)
	r.Tags = slices.Concat(r.Tags, up.Tags)
	r.Keywords = slices.Concat(r.Keywords, up.Keywords)
	r.Allowlists = slices.Concat(r.Allowlists, up.Allowlists)
	r.Origin += ", " + up.Origin
	merged.rule, merged.at = &r, above.at
	merged.describe(above)
	return &merged
}

// describe takes the keys that only this project has from another entry.
func (e *entry) describe(from *entry) {
	r, other := e.rule, from.rule
	if from.severitySet {
		r.Severity, e.severitySet = other.Severity, true
	}
	if from.confidenceSet {
		r.Confidence, e.confidenceSet = other.Confidence, true
	}
	r.Provider = orElse(other.Provider, r.Provider)
	r.Advice = orElse(other.Advice, r.Advice)
	r.Prefix = orElse(other.Prefix, r.Prefix)
	r.Check = orElse(other.Check, r.Check)
	r.Examples.True = slices.Concat(r.Examples.True, other.Examples.True)
	r.Examples.False = slices.Concat(r.Examples.False, other.Examples.False)
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// finish checks what can only be checked when everything is merged.
func (l *loader) finish(c *collection) (*Set, error) {
	if err := l.aim(c); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(c.rules)) {
		if err := l.validate(c, c.rules[id]); err != nil {
			return nil, err
		}
	}
	return c.set(l.warnings), nil
}

// set is the collection as the rest of the program sees it.
func (c *collection) set(warnings []string) *Set {
	s := &Set{Allowlists: c.allowlists, Warnings: warnings}
	for _, id := range slices.Sorted(maps.Keys(c.rules)) {
		s.Rules = append(s.Rules, c.rules[id].rule)
	}
	s.Digest = digest(s)
	return s
}

// aim gives allowlists with targetRules to their rules. gitleaks forgets those
// of extended files; here they hold, and one that names nothing is a warning.
func (l *loader) aim(c *collection) error {
	aimed := map[string][]*Allowlist{}
	for _, t := range c.targets {
		switch {
		case c.rules[t.rule] != nil:
			aimed[t.rule] = append(aimed[t.rule], t.list)
		case t.depth == 0:
			return t.errorf("", "[[allowlists]] target rule %q does not exist", t.rule)
		case !c.disabled[t.rule]:
			l.warn(t.errorf("", "[[allowlists]] target rule %q does not exist", t.rule))
		}
	}
	for id, lists := range aimed {
		e, r := *c.rules[id], *c.rules[id].rule
		r.Allowlists = slices.Concat(r.Allowlists, lists)
		e.rule = &r
		c.rules[id] = &e
	}
	return nil
}

func (l *loader) validate(c *collection, e *entry) error {
	r := e.rule
	if strings.TrimSpace(r.ID) == "" {
		return e.at.errorf("", "the rule has no id")
	}
	if r.Regex == nil && r.Path == nil {
		return e.at.errorf(r.ID, "both regex and path are empty, this rule would have no effect")
	}
	if r.Regex != nil && r.SecretGroup > 0 {
		re, err := syntax.Parse(r.Regex.String(), syntax.Perl)
		if err != nil {
			return e.regex.errorf(r.ID, "%s", explainPattern("regex", r.Regex.String(), err))
		}
		if n := re.MaxCap(); r.SecretGroup > n {
			return e.grp.errorf(r.ID, "secretGroup is %d, but the regex has %d groups", r.SecretGroup, n)
		}
	}
	return l.validateRequired(c, e)
}

func (l *loader) validateRequired(c *collection, e *entry) error {
	for i, q := range e.rule.Required {
		switch {
		case c.rules[q.RuleID] != nil:
		case c.disabled[q.RuleID]:
			l.warn(e.required[i].errorf(e.rule.ID, "required rule %q is disabled, so this rule finds nothing", q.RuleID))
		default:
			return e.required[i].errorf(e.rule.ID, "[[rules.required]] rule %q does not exist", q.RuleID)
		}
	}
	return nil
}
