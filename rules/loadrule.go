package rules

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// metaKeys describe a rule beyond what gitleaks knows; a user may set them too.
var metaKeys = []string{"severity", "confidence", "provider", "advice", "prefix", "check", "examples"}

var ruleKeys = append([]string{
	"id", "description", "regex", "path", "secretgroup", "entropy", "keywords", "tags",
	"allowlist", "allowlists", "required", "skipreport",
}, metaKeys...)

// readRule reads one [[rules]] table. Whether it is complete is checked when
// all files are merged, because a rule may only change one that it extends.
func readRule(f *fields, t *value, d document) *entry {
	r := &Rule{ID: f.text(t, "id"), Origin: d.origin}
	f.rule = r.ID
	defer func() { f.rule = "" }()
	f.only(t, "[[rules]]", ruleKeys...)
	if r.Origin == "" {
		line, _ := f.src.position(t.at)
		r.Origin = fmt.Sprintf("%s:%d", f.src.name, line)
	}
	r.Description = f.text(t, "description")
	r.Regex = readPattern(f, t, "regex", d)
	r.Path = readPattern(f, t, "path", d)
	r.Entropy = f.number(t, "entropy")
	r.Keywords = readKeywords(f, t)
	r.Tags = f.texts(t, "tags")
	r.SkipReport = f.flag(t, "skipreport")
	if n := f.whole(t, "secretgroup"); n != nil {
		r.SecretGroup = max(*n, 0)
	}
	e := &entry{rule: r, at: pos{f.src, t.at}, regex: pos{f.src, t.keyAt("regex")}, grp: pos{f.src, t.keyAt("secretgroup")}}
	r.Allowlists = readRuleAllowlists(f, t, d)
	readRequired(f, t, e)
	e.partsSet = r.SkipReport || len(r.Required) > 0
	readExtras(f, t, e)
	return e
}

func readPattern(f *fields, t *value, name string, d document) *Pattern {
	text := f.text(t, name)
	if text == "" {
		return nil
	}
	checkPattern(f, t.keys[name].at, name, text, maxPatternBytes, d)
	return NewPattern(text)
}

func checkPattern(f *fields, at int, what, text string, most int, d document) {
	if d.trusted {
		return
	}
	if len(text) > most {
		f.fail(at, "%s is longer than %d kB", what, most>>10)
		return
	}
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		f.fail(at, "%s", explainPattern(what, text, err))
	}
}

func readKeywords(f *fields, t *value) []string {
	var list []string
	for _, k := range f.texts(t, "keywords") {
		if k == "" {
			f.warn(t.keyAt("keywords"), "an empty keyword is ignored")
			continue
		}
		list = append(list, strings.ToLower(k))
	}
	return list
}

func readRequired(f *fields, t *value, e *entry) {
	for _, q := range f.tables(t, "required") {
		f.only(q, "[[rules.required]]", "id", "withinlines", "withincolumns")
		id := f.text(q, "id")
		if id == "" {
			f.fail(q.at, "[[rules.required]] needs the id of a rule")
		}
		e.rule.Required = append(e.rule.Required, Required{
			RuleID: id, WithinLines: f.whole(q, "withinlines"), WithinColumns: f.whole(q, "withincolumns"),
		})
		e.required = append(e.required, pos{f.src, q.keyAt("id")})
	}
}

// readMeta reads a [[meta]] table: what gitleaks' files do not say of a rule.
func readMeta(f *fields, t *value) *entry {
	id := f.text(t, "id")
	f.rule = id
	defer func() { f.rule = "" }()
	for name := range t.keys {
		if name != "id" && !slices.Contains(metaKeys, name) {
			f.fail(t.keys[name].at, "[[meta]] has no key %q", name)
		}
	}
	e := &entry{rule: &Rule{ID: id}, at: pos{f.src, t.at}}
	readExtras(f, t, e)
	return e
}

// readExtras reads the keys that gitleaks does not have. A rule that does not
// grade itself was written on purpose, so it is High and Likely.
func readExtras(f *fields, t *value, e *entry) {
	r := e.rule
	r.Severity, r.Confidence = High, Likely
	var ok bool
	if v := t.keys["severity"]; v != nil {
		if r.Severity, ok = ParseSeverity(v.text); !ok {
			f.fail(v.at, "severity must be one of %s", strings.Join(severityNames, ", "))
		}
		e.severitySet = true
	}
	if v := t.keys["confidence"]; v != nil {
		if r.Confidence, ok = ParseConfidence(v.text); !ok {
			f.fail(v.at, "confidence must be one of %s", strings.Join(confidenceNames, ", "))
		}
		e.confidenceSet = true
	}
	r.Provider = f.text(t, "provider")
	r.Advice = f.text(t, "advice")
	r.Prefix = f.text(t, "prefix")
	r.Check = f.text(t, "check")
	if _, ok := checks[r.Check]; !ok && r.Check != "" {
		f.fail(t.keyAt("check"), "no check is named %q; known: %s", r.Check, strings.Join(CheckNames(), ", "))
	}
	if x := f.table(t, "examples"); x != nil {
		f.only(x, "examples", "true", "false")
		r.Examples = Examples{True: f.texts(x, "true"), False: f.texts(x, "false")}
	}
}
