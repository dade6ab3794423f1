package manifest

import (
	"regexp"
	"strings"
)

// filled are placeholders that are whole values, whose marks are of ordinary
// letters: a shell's $NAME, Replace Tokens' __NAME__ and #{NAME}#, Octopus'
// #{NAME}, Concourse's ((name)), and [[ .name ]] of templates that changed their
// delimiters, without a text in quotes.
var filled = regexp.MustCompile(`\A(?:` + strings.Join([]string{
	`\$[A-Z_][A-Z0-9_]{2,}`,
	`__[A-Za-z](?:_?[A-Za-z0-9])*__`,
	`#\{ *[A-Za-z_][A-Za-z0-9_.-]* *\}#?`,
	`\(\([A-Za-z_][A-Za-z0-9_./:-]*\)\)`,
	`\[\[-? *[.$][A-Za-z_][A-Za-z0-9_.]*(?: *\| *[A-Za-z0-9_]+)* *-?\]\]`,
	`\[\[-? +[A-Za-z_][A-Za-z0-9_.]* +-?\]\]`,
}, "|") + `)\z`)

// filledIn reports whether a value is one of those.
func filledIn(value string) bool {
	return value != "" && strings.IndexByte("$_#([", value[0]) >= 0 && filled.MatchString(value)
}

// publicBlock is what a PEM file may hold that everybody may read. The body is
// base64 of DER, or of OpenPGP's packets.
var publicBlock = regexp.MustCompile(`\A\s*-----BEGIN (CERTIFICATE|TRUSTED CERTIFICATE|X509 CERTIFICATE|CERTIFICATE REQUEST|NEW CERTIFICATE REQUEST|X509 CRL|PUBLIC KEY|RSA PUBLIC KEY|PKCS7)-----\r?\n\s*M[A-Za-z0-9+/=\s]*-----END (CERTIFICATE|TRUSTED CERTIFICATE|X509 CERTIFICATE|CERTIFICATE REQUEST|NEW CERTIFICATE REQUEST|X509 CRL|PUBLIC KEY|RSA PUBLIC KEY|PKCS7)-----\s*`)

var publicSSHKey = regexp.MustCompile(`\A(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA[A-Za-z0-9+/]+={0,2}(?: [A-Za-z0-9._@-]{1,64})?\s*\z`)

// public reports whether a value is made of certificates and public keys alone.
func public(value string) bool {
	if strings.HasPrefix(value, "ssh-") || strings.HasPrefix(value, "ecdsa-") || strings.HasPrefix(value, "sk-") {
		return publicSSHKey.MatchString(value)
	}
	found := false
	for strings.Contains(value, "-----BEGIN ") {
		m := publicBlock.FindStringSubmatchIndex(value)
		if m == nil || value[m[2]:m[3]] != value[m[4]:m[5]] {
			return false
		}
		value, found = value[m[1]:], true
	}
	return found && strings.TrimSpace(value) == ""
}
