package detect

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// special is a character beyond ASCII that case folding joins with a letter.
// U+212A (Kelvin) and U+017F (long s) match "k" and "s" in a case-insensitive
// expression; strings.ToLower, by which gitleaks finds keywords, makes U+0130
// an "i".
type special struct{ char, letter string }

var specials = []special{{"\u212a", "k"}, {"\u017f", "s"}, {"\u0130", "i"}}

// hasSpecial reports whether folding a text needs more than ASCII.
func hasSpecial(text []byte) bool {
	return slices.ContainsFunc(specials, func(s special) bool { return bytes.Contains(text, []byte(s.char)) })
}

// fold is a text in lower case, with every special character as its letter. It
// may be shorter or longer than the text.
func fold(text []byte) []byte {
	out, _ := foldPlaces(text)
	return out
}

// shift says that from an offset of a folded text on, the original is that much ahead.
type shift struct{ at, by int }

// foldPlaces is fold with what it takes to find offsets again.
func foldPlaces(text []byte) ([]byte, []shift) {
	if !hasSpecial(text) {
		return lowered(text), nil
	}
	out := make([]byte, 0, len(text)+16)
	var shifts []shift
	for at := 0; at < len(text); {
		c := text[at]
		if c >= utf8.RuneSelf {
			if s, ok := specialAt(text[at:]); ok {
				out = append(out, s.letter...)
				at += len(s.char)
				shifts = append(shifts, shift{len(out), at - len(out)})
				continue
			}
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
		at++
	}
	return out, shifts
}

// lowered is a text with its ASCII letters in lower case.
func lowered(text []byte) []byte {
	out := make([]byte, len(text))
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

func specialAt(text []byte) (special, bool) {
	for _, s := range specials {
		if bytes.HasPrefix(text, []byte(s.char)) {
			return s, true
		}
	}
	return special{}, false
}

// unfold gives the offset in the original of one in the folded text.
func unfold(shifts []shift, at int) int {
	n, found := slices.BinarySearchFunc(shifts, at, func(s shift, at int) int { return s.at - at })
	if found {
		n++
	}
	if n == 0 {
		return at
	}
	return at + shifts[n-1].by
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
