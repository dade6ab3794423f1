package detect

import "strings"

// maxSpecific is how many values of one line are compared: a line with more is
// no text of a person, and keeping a generic match is the safe side.
const maxSpecific = 256

// Filter drops each match of a generic rule whose value a match of another rule
// on the same line contains, as gitleaks does (detect/utils.go, filter). The
// matches must come from one text.
func Filter(found []Match) []Match {
	specific := map[int][]string{}
	for _, m := range found {
		if !generic(m) && len(specific[m.Line]) < maxSpecific {
			// The values are compared here and go no further.
			specific[m.Line] = append(specific[m.Line], m.Secret.Reveal())
		}
	}
	out := make([]Match, 0, len(found))
	for _, m := range found {
		if !generic(m) || !containedIn(m.Secret.Reveal(), specific[m.Line]) {
			out = append(out, m)
		}
	}
	return out
}

func generic(m Match) bool { return strings.Contains(strings.ToLower(m.Rule.ID), "generic") }

func containedIn(value string, others []string) bool {
	for _, o := range others {
		if strings.Contains(o, value) {
			return true
		}
	}
	return false
}
