package gate

import (
	"maps"
	"slices"
	"strconv"

	"github.com/leakgate/leakgate/rules"
)

// The words of a policy file, in the order of the values they stand for.
var (
	severityWords    = []string{"low", "medium", "high", "critical"}
	confidenceWords  = []string{"possible", "likely", "certain"}
	environmentWords = []string{"prod", "staging", "dev"} // the strictest first
	shiftWords       = append([]string{"raise", "lower", "keep"}, severityWords...)
)

// Shift moves a severity: "raise" or "lower" by one step, "keep" it, or name
// the severity that everything gets. The zero Shift keeps.
type Shift string

// Apply is the severity after the shift, never beyond low and critical.
func (s Shift) Apply(severity rules.Severity) rules.Severity {
	switch s {
	case "raise":
		severity++
	case "lower":
		severity--
	case "", "keep":
	default:
		severity = rules.Severity(slices.Index(severityWords, string(s)))
	}
	return min(max(severity, rules.Low), rules.Critical)
}

// usualShift is what an environment does to a severity when its policy does not say.
func usualShift(environment string) Shift {
	switch environment {
	case "prod":
		return "raise"
	case "dev":
		return "lower"
	}
	return "keep"
}

// words names each value of a list of severities or confidences.
func words[T ~int](values []T, names []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = names[v]
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// quote adds a name that was written by others, cut where it is long.
func quote(text, name string) string {
	const longest = 120
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest]) + "…"
	}
	return text + strconv.Quote(name)
}
