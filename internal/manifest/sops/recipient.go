package sops

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"

	"filippo.io/age/armor"
)

// Mismatch says why the encrypted key of a recipient cannot be one that is
// encrypted for that recipient and for nobody else, or "". The names of
// recipients are not authenticated: whoever writes the file can write any.
func (r Recipient) Mismatch() string {
	if r.Enc == "" {
		return "the document's key is not encrypted for it"
	}
	switch r.Kind {
	case "age":
		return r.ageMismatch()
	case "pgp":
		if !strings.HasPrefix(r.Enc, "-----BEGIN PGP MESSAGE-----") {
			return "its encrypted key is no PGP message"
		}
	case "kms":
		if !strings.HasPrefix(r.Name, "arn:") || strings.Count(r.Name, ":") < 5 || !strings.Contains(r.Name, ":kms:") {
			return "its name is no ARN of a KMS key"
		}
	case "hc_vault":
		if !strings.HasPrefix(r.Enc, "vault:v") {
			return "its encrypted key is no ciphertext of Vault's transit engine"
		}
	}
	return ""
}

func (r Recipient) ageMismatch() string {
	stanzas, err := ageStanzas(r.Enc)
	if err != nil || len(stanzas) == 0 {
		return "its encrypted key is no age file"
	}
	if len(stanzas) > 1 {
		return "its encrypted key opens for more than one recipient"
	}
	want := stanzaOf(r.Name)
	if want == "" {
		return "" // a plugin's: only the plugin knows
	}
	if stanzas[0][0] != want {
		return "its encrypted key is for a recipient of another kind (" + printable(stanzas[0][0]) + ")"
	}
	if tag, ok := sshTag(r.Name); ok && (len(stanzas[0]) < 2 || stanzas[0][1] != tag) {
		return "its encrypted key is for another SSH key"
	}
	return ""
}

func printable(word string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x21 || r > 0x7e {
			return '?'
		}
		return r
	}, word[:min(len(word), 40)])
}

// stanzaOf is the type of stanza of a kind of recipient, "" for a plugin's
// (https://github.com/C2SP/C2SP/blob/main/age.md).
func stanzaOf(recipient string) string {
	switch {
	case strings.HasPrefix(recipient, "ssh-rsa "):
		return "ssh-rsa"
	case strings.HasPrefix(recipient, "ssh-ed25519 "):
		return "ssh-ed25519"
	case strings.HasPrefix(recipient, "age1pq1"):
		return "mlkem768x25519"
	case strings.HasPrefix(recipient, "age1tag"):
		return ""
	case strings.HasPrefix(recipient, "age1") && !strings.Contains(recipient[4:], "1"):
		return "X25519"
	}
	return ""
}

// sshTag is what a stanza says of the SSH key that it is for.
func sshTag(recipient string) (string, bool) {
	fields := strings.Fields(recipient)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "ssh-") {
		return "", false
	}
	wire, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", false
	}
	sum := sha256.Sum256(wire)
	return base64.RawStdEncoding.EncodeToString(sum[:4]), true
}

// maxEnc is the largest encrypted key that is read, in bytes.
const maxEnc = 64 << 10

// ageStanzas are the words of the recipient stanzas of an armored age file,
// without those that hold nothing (grease).
func ageStanzas(text string) (stanzas [][]string, err error) {
	raw, err := io.ReadAll(io.LimitReader(armor.NewReader(strings.NewReader(text)), maxEnc))
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "---") {
			return stanzas, nil
		}
		if words := strings.Fields(line); len(words) > 1 && words[0] == "->" && !strings.HasSuffix(words[1], "-grease") {
			stanzas = append(stanzas, words[1:])
		}
	}
	return nil, io.ErrUnexpectedEOF
}
