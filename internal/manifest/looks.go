package manifest

import (
	"bytes"
	"slices"
)

// Looks reports whether text could hold a document with values of Secrets. It
// only searches for words, so it is cheap, and it errs towards true: a word may
// also be spelled with escapes, or come from an alias or a template.
func Looks(text []byte) bool { return marksIn(text).Looks(text) }

// LooksJudged is [Marks.LooksJudged] for a text of which nothing is known.
func LooksJudged(text []byte) bool { return marksIn(text).LooksJudged(text) }

// Marks are the words in a text that show whether it can be of interest. Those
// of a text are the union of those of its parts.
type Marks uint8

const (
	hasGenerator Marks = 1 << iota
	hasKind
	hasEscape
	hasVersion
	hasSOPS
	hasBinary
	hasPatch
)

// Mark is a word whose presence is a mark. Holds, if it is not nil, looks at what
// stands behind the word, of which it needs no more than 500 bytes.
type Mark struct {
	Word  string
	Bit   Marks
	Holds func(behind []byte) bool
}

// AllMarks lists the words, for whoever looks for many words at once.
func AllMarks() []Mark {
	return []Mark{
		{Word: "secretGenerator", Bit: hasGenerator}, {Word: "kind", Bit: hasKind, Holds: namesSecret},
		{Word: `\u00`, Bit: hasEscape}, {Word: `\x`, Bit: hasEscape}, {Word: `\U0000`, Bit: hasEscape},
		{Word: "!!binary", Bit: hasEscape}, {Word: "yaml.org,2002:", Bit: hasEscape}, // the latter also by a %TAG
		{Word: "apiVersion", Bit: hasVersion, Holds: isKey}, {Word: "ENC[AES256_GCM,", Bit: hasSOPS},
		{Word: "lastmodified", Bit: hasSOPS, Holds: isTime}, {Word: "binaryData", Bit: hasBinary},
		{Word: "path", Bit: hasPatch, Holds: pointsIntoSecret},
	}
}

func marksIn(text []byte) (found Marks) {
	for _, m := range AllMarks() {
		for rest := text; ; {
			i := bytes.Index(rest, []byte(m.Word))
			if i < 0 {
				break
			}
			if rest = rest[i+len(m.Word):]; m.Holds == nil || m.Holds(rest) {
				found |= m.Bit
				break
			}
		}
	}
	return found
}

// Looks is [Looks] for a text with these marks.
func (m Marks) Looks(text []byte) bool {
	switch {
	case m&hasPatch != 0 && patchWords(text), m&hasBinary != 0 && m&hasVersion != 0:
		return true
	case m&hasGenerator != 0, m&hasEscape != 0 && m&(hasKind|hasVersion) != 0:
		return true
	}
	return m&hasKind != 0 && bytes.Contains(text, []byte("ata"))
}

// LooksJudged reports whether text, which has the marks, could hold a document
// whose form is judged, though it has no values of Secrets: a store, a workload
// with a variable whose name says secret, something that sops has encrypted.
func (m Marks) LooksJudged(text []byte) bool {
	if m&hasSOPS != 0 {
		return true
	}
	return m&hasVersion != 0 && (slices.ContainsFunc(judgedWords, func(word []byte) bool { return bytes.Contains(text, word) }) || packedText(text))
}

// judgedWords are in every document that a judge has a fault for; the last of
// them are what a key has to hold to name a secret.
var judgedWords = [][]byte{
	[]byte("sops"), []byte("external-secrets.io"), []byte("hashicorp.com"), []byte("cert-manager.io"), []byte("csi.x-k8s.io"),
	[]byte("ecret"), []byte("ECRET"), []byte("pass"), []byte("Pass"), []byte("PASS"), []byte("oken"), []byte("OKEN"), []byte("redential"), []byte("REDENTIAL"),
	[]byte("key"), []byte("Key"), []byte("KEY"), []byte("pwd"), []byte("Pwd"), []byte("PWD"), []byte("jwt"), []byte("JWT"), []byte("Jwt"), []byte("pat"), []byte("Pat"), []byte("PAT"),
}

// secretMarks is how many of judgedWords are parts of the names of secrets.
const secretMarks = 21

// escaped reports whether text holds an escape that can spell an ASCII letter.
func escaped(text []byte) bool {
	for _, e := range []string{`\u00`, `\x`, `\U0000`} {
		if bytes.Contains(text, []byte(e)) {
			return true
		}
	}
	return false
}

// pointsIntoSecret reports whether what stands behind a "path" is a colon and a
// pointer to a value of a Secret, as in a JSON patch, or what may turn out to be one:
// an alias, an anchor, a tag, a block, an escape, a comment without an end or nothing that is near.
func pointsIntoSecret(behind []byte) bool {
	value, ok := keyValue(behind[:min(len(behind), lookBehind)])
	if value = behindComments(value); !ok || len(value) == 0 {
		return ok
	}
	for _, start := range []string{"/data/", `/data\`, "/stringData", "u002", "x2", "U0000002"} { // escapes have lost their first backslash
		if bytes.HasPrefix(value, []byte(start)) {
			return true
		}
	}
	if all, ok := bytes.CutPrefix(value, []byte("/data")); ok && (len(all) == 0 || bytes.IndexByte([]byte(" ,}\"'\r\n"), all[0]) >= 0) {
		return true
	}
	return bytes.IndexByte([]byte("*&!|>#"), value[0]) >= 0
}

// isTime reports whether what stands behind a "lastmodified" is a colon and a
// time, as in the metadata of sops.
func isTime(behind []byte) bool {
	value, ok := keyValue(behind[:min(len(behind), 128)])
	return ok && len(value) > 0 && '0' <= value[0] && value[0] <= '9'
}

// namesSecret reports whether what stands behind a "kind" begins with a colon, as
// it does behind a key only, and a name with "ecret" in it, or what may stand for one.
func namesSecret(behind []byte) bool {
	value, ok := keyValue(behind[:min(len(behind), lookBehind)])
	return ok && secretKind(behindComments(value))
}

// lookBehind is how far a mark looks, in bytes.
const lookBehind = 500

// behindComments is what follows the comments that a value begins with, as in
// "kind: # a comment"; a comment itself where its end is not seen.
func behindComments(value []byte) []byte {
	for len(value) > 0 && value[0] == '#' {
		end := bytes.IndexByte(value, '\n')
		if end < 0 {
			break
		}
		value = bytes.TrimLeft(value[end:], " \t\r\n\"'")
	}
	return value
}

// isKey reports whether a word is a key, by what stands behind it.
func isKey(behind []byte) bool {
	_, ok := keyValue(behind[:min(len(behind), lookBehind)])
	return ok
}

// keyValue is what follows a key and its colon, without blanks and quotes.
func keyValue(after []byte) ([]byte, bool) {
	const around = " \t\r\n\"'\\"
	after, ok := bytes.CutPrefix(bytes.TrimLeft(after, around), []byte(":"))
	return bytes.TrimLeft(after, around), ok
}

// secretKind reports whether a value names a kind of Secret, or is an alias, an
// anchor, a tag, a block or a template, which may turn out to be such a name. What
// starts with "$(" is a rule of a Makefile, as in "delete-kind: $(KIND)".
func secretKind(value []byte) bool {
	if bytes.HasPrefix(value, []byte("$(")) {
		return false
	}
	if inner, ok := bytes.CutPrefix(value, []byte("{")); ok { // a mapping is no name, as in a schema that describes "kind"
		inner = bytes.TrimLeft(inner, " \t\r\n")
		return len(inner) == 0 || bytes.IndexByte([]byte(`"'}`), inner[0]) < 0
	}
	if len(value) == 0 || bytes.IndexByte([]byte("*&!|>{%@$#"), value[0]) >= 0 {
		return true
	}
	end := bytes.IndexAny(value, " \t\r\n\"',}")
	if end < 0 {
		end = len(value)
	}
	return bytes.Contains(value[:end], []byte("ecret"))
}
