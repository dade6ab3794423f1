package rules

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"hash/crc32"
	"strings"
)

// openSSHMagic begins every key in OpenSSH's own format.
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
const openSSHMagic = "openssh-key-v1\x00"

// verifyPEM wants a private key's block whose body is what its label says: an
// ASN.1 sequence, OpenSSH's key format or an OpenPGP packet. Line breaks may
// be written as \n, as in JSON. A block without an end is Unknown: a rule may
// find only its beginning. An encrypted block is Invalid: without its
// passphrase it opens nothing.
func verifyPEM(value string) Validity {
	if len(value) > maxDecoded {
		return Unknown
	}
	text := strings.NewReplacer(`\r`, "", `\n`, "\n", "\r", "").Replace(value)
	begin := strings.Index(text, "-----BEGIN ")
	if begin < 0 || !strings.Contains(text[begin:], "-----END ") {
		return Unknown
	}
	label, body, ok := pemBody(text[begin:])
	if !ok || strings.HasPrefix(label, "ENCRYPTED") || strings.Contains(text, "4,ENCRYPTED") {
		return Invalid
	}
	return validIf(keyShaped(label, body))
}

// verifyPEM64 wants base64 of a private key's block, as in a kubeconfig.
func verifyPEM64(value string) Validity {
	if len(value) > maxDecoded {
		return Unknown
	}
	text, ok := decodeBase64(value)
	if !ok || !strings.Contains(text, "PRIVATE KEY") {
		return Invalid
	}
	return verifyPEM(text)
}

func completePEM64(prefix string) (string, error) {
	body, err := completePEM(prefix)
	if err != nil {
		return "", err
	}
	block := "-----BEGIN " + "PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n"
	return base64.StdEncoding.EncodeToString([]byte(block)), nil
}

// pemBody decodes one block leniently: indented lines and missing line breaks
// occur in YAML and in environment variables.
func pemBody(text string) (label string, body []byte, ok bool) {
	if block, _ := pem.Decode([]byte(unindent(text))); block != nil {
		return block.Type, block.Bytes, true
	}
	head, rest, ok := strings.Cut(strings.TrimPrefix(text, "-----BEGIN "), "-----")
	if !ok {
		return "", nil, false
	}
	inner, _, ok := strings.Cut(rest, "-----END ")
	if !ok {
		return "", nil, false
	}
	inner = joinedText().ReplaceAllString(inner, "\n")
	if strings.HasPrefix(head, "PGP") {
		inner, _, _ = strings.Cut(afterHeaders(inner), "\n=") // the armour's own checksum
	}
	body, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(onlyBase64(inner), "="))
	return head, body, err == nil
}

// joinedText stands between the lines of a key that code puts together:
//
//	"first line\n" +
//	"second line\n"
var joinedText = lazy("[\"'\x60]\\s*[+.,\\\\]?\\s*[\"'\x60]?")

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// afterHeaders drops armour headers such as "Version: …".
func afterHeaders(text string) string {
	lines := strings.Split(strings.TrimLeft(text, " \t\n"), "\n")
	for len(lines) > 0 && strings.Contains(lines[0], ": ") {
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}

func onlyBase64(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (isAlnum(byte(r)) || strings.ContainsRune("+/=", r)) {
			return r
		}
		return -1
	}, text)
}

// keyShaped looks at the outermost structure of a decoded body.
func keyShaped(label string, body []byte) bool {
	switch {
	case strings.HasPrefix(label, "PGP"):
		// secret key (tag 5) or secret subkey (tag 7): https://www.rfc-editor.org/rfc/rfc9580#section-5
		return len(body) > 64 && (body[0]&0xfc == 0x94 || body[0] == 0xc5 || body[0]&0xfc == 0x9c || body[0] == 0xc7)
	case strings.HasPrefix(label, "OPENSSH"):
		return bytes.HasPrefix(body, []byte(openSSHMagic)) && len(body) > 100
	case len(body) < 32:
		return false
	}
	var seq asn1.RawValue
	rest, err := asn1.Unmarshal(body, &seq)
	return err == nil && len(rest) == 0 && seq.Tag == asn1.TagSequence && seq.IsCompound
}

// verifyDER wants base64 of PKCS #1 or PKCS #8: a sequence that begins with
// its version, which is what tells a key from a certificate.
func verifyDER(value string) Validity {
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil || len(value) > maxDecoded {
		return Unknown
	}
	var key struct {
		Version int
		Next    asn1.RawValue
	}
	var seq asn1.RawValue
	rest, err := asn1.Unmarshal(data, &seq)
	if err != nil || len(rest) > 0 {
		return Invalid
	}
	inner, err := asn1.Unmarshal(seq.Bytes, &key.Version)
	if err != nil || key.Version > 1 {
		return Invalid
	}
	_, err = asn1.Unmarshal(inner, &key.Next)
	return validIf(err == nil && (key.Next.Tag == asn1.TagSequence || key.Next.Tag == asn1.TagInteger))
}

// completeDER is a whole PKCS #8 sequence with bytes that are no key.
func completeDER(prefix string) (string, error) {
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm struct{ ID asn1.ObjectIdentifier }
		Key       []byte
	}{0, struct{ ID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}}, []byte(filler(prefix, 600))})
	return base64.StdEncoding.EncodeToString(der), err
}

// completePEM is the body of a block: an ASN.1 sequence of a version and
// bytes, or OpenSSH's format where the prefix says so.
func completePEM(prefix string) (string, error) {
	var body []byte
	if i := strings.LastIndex(prefix, "BEGIN OPENSSH"); i >= 0 {
		body = append([]byte(openSSHMagic), []byte(filler(prefix, 240))...)
	} else if i := strings.LastIndex(prefix, "BEGIN PGP"); i >= 0 {
		body = append([]byte{0x95, 0x01, 0x00}, []byte(filler(prefix, 256))...)
	} else {
		octets := binary.BigEndian.AppendUint32([]byte(filler(prefix, 300)), crc32.ChecksumIEEE([]byte(prefix)))
		der, err := asn1.Marshal(struct {
			Version int
			Key     []byte
		}{0, octets})
		if err != nil {
			return "", err
		}
		body = der
	}
	return wrap64(base64.StdEncoding.EncodeToString(body)), nil
}

func wrap64(text string) string {
	var lines []string
	for len(text) > 64 {
		lines, text = append(lines, text[:64]), text[64:]
	}
	return strings.Join(append(lines, text), "\n")
}
