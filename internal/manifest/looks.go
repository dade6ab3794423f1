package manifest

import (
	"bytes"
	"slices"
)

// Looks reports whether text could hold a document with values of Secrets. It
// only searches for words, so it is cheap, and it errs towards true: a word may
// also be spelled with escapes, or come from an alias or a template.
func Looks(text []byte) bool { return MarksIn(text, 0, len(text)).Looks() }

// Marks are the words of a text that [Looks] and [LooksJudged] go by. Those of
// a text are the union of those of its parts.
type Marks uint8

const (
	hasGenerator Marks = 1 << iota
	hasKind            // see hasSecretKind
	hasData
	hasEscape
	hasVersion
	hasSOPS
)

// MarkReach is how many bytes behind its first one a mark can depend on.
const MarkReach = 256

// MarksIn gives the marks that begin in a part of a text. What stands behind the
// part belongs to them, up to MarkReach bytes.
func MarksIn(text []byte, from, to int) Marks {
	var m Marks
	text = text[from:]
	to -= from
	for _, w := range [...]struct {
		word string
		mark Marks
	}{
		{"secretGenerator", hasGenerator}, {"ata", hasData}, {`\u00`, hasEscape}, {`\x`, hasEscape}, {`\U0000`, hasEscape},
		{"apiVersion", hasVersion}, {"ENC[AES256_GCM,", hasSOPS},
	} {
		if bytes.Contains(text[:min(len(text), to+len(w.word)-1)], []byte(w.word)) {
			m |= w.mark
		}
	}
	if hasSecretKind(text, to) {
		m |= hasKind
	}
	return m
}

// Looks is [Looks] for a text with these marks.
func (m Marks) Looks() bool {
	return m&hasGenerator != 0 || m&hasKind != 0 && m&(hasData|hasEscape) != 0 || m&hasVersion != 0 && m&hasEscape != 0
}

// LooksJudged reports whether text, which has the marks, could hold a document
// whose form is judged, though it has no values of Secrets: a store, a workload
// with a variable whose name says secret, something that sops has encrypted.
func (m Marks) LooksJudged(text []byte) bool {
	if m&hasSOPS != 0 {
		return true
	}
	return m&hasVersion != 0 && slices.ContainsFunc(judgedWords, func(word []byte) bool { return bytes.Contains(text, word) })
}

// LooksJudged is [Marks.LooksJudged] for a text of which nothing is known.
func LooksJudged(text []byte) bool { return MarksIn(text, 0, len(text)).LooksJudged(text) }

// judgedWords are in every document that a judge has a fault for.
var judgedWords = [][]byte{
	[]byte("ENC[AES256_GCM,"), []byte("external-secrets.io"), []byte("hashicorp.com"), []byte("cert-manager.io"), []byte("csi.x-k8s.io"),
	[]byte("ecret"), []byte("ECRET"), []byte("assw"), []byte("ASSW"), []byte("oken"), []byte("OKEN"), []byte("redential"), []byte("REDENTIAL"),
	[]byte("_KEY"), []byte("Key"), []byte("-key"), []byte("_key"), []byte("PWD"),
}

// hasSecretKind searches for a "kind" that a colon follows, as only a key is
// followed, and behind it a name with "ecret" in it, or what may stand for one.
// The "kind" begins before an offset.
func hasSecretKind(text []byte, before int) bool {
	word := []byte("kind")
	for before > 0 {
		i := bytes.Index(text[:min(len(text), before+len(word)-1)], word)
		if i < 0 {
			return false
		}
		text, before = text[i+len(word):], before-i-len(word)
		if value, ok := keyValue(text[:min(len(text), 128)]); ok && secretKind(value) {
			return true
		}
	}
	return false
}

// keyValue is what follows a key and its colon, without blanks and quotes.
func keyValue(after []byte) ([]byte, bool) {
	const around = " \t\r\n\"'\\"
	after, ok := bytes.CutPrefix(bytes.TrimLeft(after, around), []byte(":"))
	return bytes.TrimLeft(after, around), ok
}

// secretKind reports whether a value names a kind of Secret, or is an alias, an
// anchor, a tag, a block or a template, which may turn out to be such a name.
func secretKind(value []byte) bool {
	if len(value) == 0 || bytes.IndexByte([]byte("*&!|>{%@$#"), value[0]) >= 0 {
		return true
	}
	end := bytes.IndexAny(value, " \t\r\n\"',}")
	if end < 0 {
		end = len(value)
	}
	return bytes.Contains(value[:end], []byte("ecret"))
}
