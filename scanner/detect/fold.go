package detect

import "unicode/utf8"

// specialRunes are the characters beyond ASCII that case folding joins with an
// ASCII letter: U+212A (Kelvin) and U+0130 become "k" and "i" in
// strings.ToLower, by which gitleaks finds keywords; U+017F (long s) and U+212A
// match "s" and "k" in a case-insensitive expression. Windows are not proven
// for texts with one of them, so those take the plain path.
var specialRunes = []string{"\u212a", "\u0130", "\u017f"}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
