package manifest

import "bytes"

// Looks reports whether text could hold a document with values of Secrets. It
// only searches for words, so it is cheap, and it errs towards true: a word may
// also be spelled with escapes, or come from an alias or a template.
func Looks(text []byte) bool {
	if bytes.Contains(text, []byte("secretGenerator")) {
		return true
	}
	if hasSecretKind(text) && (bytes.Contains(text, []byte("ata")) || escaped(text)) {
		return true
	}
	return bytes.Contains(text, []byte("apiVersion")) && escaped(text)
}

// LooksJudged reports whether text could hold a document whose form is judged,
// though it has no values of Secrets: a store, a workload with a variable whose
// name says secret, something that sops has encrypted. It is as cheap as [Looks].
func LooksJudged(text []byte) bool {
	if !bytes.Contains(text, []byte("apiVersion")) {
		return bytes.Contains(text, []byte("ENC[AES256_GCM,"))
	}
	for _, word := range judgedWords {
		if bytes.Contains(text, word) {
			return true
		}
	}
	return false
}

// judgedWords are in every document that a judge has a fault for; the last of
// them are what a key has to hold to name a secret.
var judgedWords = [][]byte{
	[]byte("ENC[AES256_GCM,"), []byte("external-secrets.io"), []byte("hashicorp.com"), []byte("cert-manager.io"), []byte("csi.x-k8s.io"),
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

// hasSecretKind searches for a "kind" that a colon follows, as only a key is
// followed, and behind it a name with "ecret" in it, or what may stand for one.
func hasSecretKind(text []byte) bool {
	word := []byte("kind")
	for {
		i := bytes.Index(text, word)
		if i < 0 {
			return false
		}
		text = text[i+len(word):]
		if value, ok := keyValue(text[:min(len(text), 128)]); ok && secretKind(value) {
			return true
		}
	}
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
