package detect

import "unicode/utf8"

// specialRunes are the characters beyond ASCII that case folding joins with an
// ASCII letter. U+0130 comes first: strings.ToLower, by which gitleaks finds
// keywords, makes it "i", but no expression takes it for one. U+212A (Kelvin)
// and U+017F (long s) match "k" and "s" in a case-insensitive expression, so a
// match may hold no keyword as written: texts with one take the plain path.
var specialRunes = []string{"\u0130", "\u212a", "\u017f"}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
