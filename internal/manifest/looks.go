package manifest

import "bytes"

// Looks reports whether text could hold a document with values of Secrets. It
// only searches for words, so it is cheap, and it errs towards true: a word may
// also be spelled with escapes.
func Looks(text []byte) bool {
	if bytes.Contains(text, []byte("secretGenerator")) {
		return true
	}
	if hasKindKey(text) && bytes.Contains(text, []byte("ecret")) {
		return bytes.Contains(text, []byte("ata")) || escaped(text)
	}
	return bytes.Contains(text, []byte("apiVersion")) && escaped(text)
}

// escaped reports whether text holds an escape that can spell an ASCII letter.
func escaped(text []byte) bool {
	for _, e := range []string{`\u00`, `\x`, `\U0000`} {
		if bytes.Contains(text, []byte(e)) {
			return true
		}
	}
	return false
}

// hasKindKey searches for a "kind" that a colon, an alias or a quote follows,
// as only a key is followed.
func hasKindKey(text []byte) bool {
	word := []byte("kind")
	for {
		i := bytes.Index(text, word)
		if i < 0 {
			return false
		}
		text = text[i+len(word):]
		for _, c := range text[:min(len(text), 64)] {
			if c == ':' {
				return true
			}
			if !isSpace(c) && c != '"' && c != '\'' && c != '\\' {
				break
			}
		}
	}
}
