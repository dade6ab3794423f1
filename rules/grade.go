package rules

import (
	"slices"
	"strings"
)

var (
	severityNames   = []string{"low", "medium", "high", "critical"}
	confidenceNames = []string{"possible", "likely", "certain"}
)

// String is the lower-case name, as configuration files write it.
func (s Severity) String() string { return nameOf(severityNames, int(s)) }

// String is the lower-case name, as configuration files write it.
func (c Confidence) String() string { return nameOf(confidenceNames, int(c)) }

// ParseSeverity reads a name in any case.
func ParseSeverity(name string) (Severity, bool) {
	i := slices.Index(severityNames, strings.ToLower(name))
	return Severity(max(i, 0)), i >= 0
}

// ParseConfidence reads a name in any case.
func ParseConfidence(name string) (Confidence, bool) {
	i := slices.Index(confidenceNames, strings.ToLower(name))
	return Confidence(max(i, 0)), i >= 0
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}
