package manifest

import (
	"regexp"
	"slices"
	"strings"
)

// fills reports whether an action, with its braces, brings something from
// elsewhere: by Go's grammar, or by that of Jinja.
func fills(action string) bool {
	inner := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(action, "{{"), "}}"), "- \t\r\n")
	if control.MatchString(inner) {
		return true
	}
	if t, ok := parseTemplate(withVariables("{{ "+inner+" }}"), 0); ok {
		if t.sourced {
			return !slices.ContainsFunc(t.instead, literal) && !slices.ContainsFunc(t.texts, func(text string) bool { return !ordinary("", text) })
		}
		empty := len(t.texts) > 0 && strings.TrimSpace(strings.Join(t.texts, "")) == ""
		return empty || jinja.MatchString(inner) && !t.computed && !slices.ContainsFunc(t.texts, literal)
	}
	return jinja.MatchString(inner)
}

// withVariables is a part of a template with its variables declared, as what is
// before it does: of those it is not known here what is in them.
func withVariables(part string) string {
	if !strings.Contains(part, "$") {
		return part
	}
	var b strings.Builder
	for _, name := range slices.Compact(slices.Sorted(slices.Values(variableName.FindAllString(part, 50)))) {
		b.WriteString("{{ " + name + " := .Values }}")
	}
	return b.String() + part
}

var variableName = regexp.MustCompile(`\$[A-Za-z_]\w*`)

var (
	control = regexp.MustCompile(`\A(?:if|else|end|range|with|define|block|template|break|continue)\b|\A/\*`)
	// jinja is names with filters, calls and indexes, and operators between them.
	// https://jinja.palletsprojects.com/en/stable/templates/#expressions
	jinja = func() *regexp.Regexp {
		const call = `(?:\([^(){}]*(?:\([^(){}]*\)[^(){}]*)*\)|\[[^\[\]{}]*\]|\.\w+)*`
		const name = `[A-Za-z_$][\w]*` + call
		const filtered = name + `(?:\s*\|\s*` + name + `)*`
		return regexp.MustCompile(`(?s)\A` + filtered + `(?:\s+(?:[~+]|if|else|and|or|not|is)\s+` + filtered + `)*\z`)
	}()
)
