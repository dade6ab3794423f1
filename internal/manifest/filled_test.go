package manifest

import (
	"strconv"
	"strings"
	"testing"
)

// pemBlock is a block with a body that nobody can use.
func pemBlock(kind, body string) string {
	return "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n"
}

func TestPlaceholdersOfOtherToolsAreWholeValues(t *testing.T) {
	for _, v := range []string{
		"$DB_PASSWORD", "__DB_PASSWORD__", "__DbPassword__", "#{DbPassword}#", "#{Db.Password}", "[[ .Password ]]", "[[.Password | quote]]", "[[ password ]]",
		"((db-password))", "((vault:db/password))", "${.secrets.token}", "${var.CAMO_KEY }", "${ secrets.a }",
	} {
		if !Placeholder(v) {
			t.Errorf("%q is a placeholder", v)
		}
	}
	for _, v := range []string{
		"$ecret1", "$db", "$A", "$PASS!", "x$DB_PASSWORD", "$DB_PASSWORD-x", "__a__b!", "x__DB_PASSWORD__", "__DB_PASSWORD__1", "#{a}b", "#a{b}#", "[[hunter2]]", `[[ "value" ]]`,
		"[[ .a ]]b", "((a b))", "((a)", "x((a))", "((a))x", "${var.a }x", "${a b}", "${.a:-value}", "${A-value}", "$", "__", "((", "[[",
	} {
		if Placeholder(v) {
			t.Errorf("%q is no placeholder", v)
		}
	}
}

// A key in the clothes of a placeholder is none, wherever it stands in it.
func TestKeysInMarksAreNoPlaceholders(t *testing.T) {
	mixed, hex := "xK9fQ2mZ7pL4vB8n"+"R3tY6wA1sD5gH0jC", strings.Repeat("5f4dcc3b", 5)
	for _, v := range []string{
		"{{ " + mixed + " }}", "{{ " + strings.Repeat(strings.Repeat("a", 16)+" ", 16) + mixed + " }}",
		"{{ " + hex + " }}", "${A" + strings.ToUpper(hex) + "}", "<path:" + hex + "#a>",
	} {
		if Placeholder(v) {
			t.Errorf("%q is no placeholder", v)
		}
	}
}

// An action that writes down a text of its own fills nothing in.
func TestActionsThatPrintTextsAreValues(t *testing.T) {
	const text = "not-a-real-password"
	for _, v := range []string{
		`{{ print "` + text + `" }}`, "{{- print `" + text + "` | trim -}}", `{{ printf "%s%s" "` + text + `" "1" }}`, `{{ ("` + text + `" | quote) }}`,
		`{{ list "` + text + `" "" | join "" }}`,
	} {
		if Placeholder(v) || !literal(v) {
			t.Errorf("%q is a value", v)
		}
	}
	for _, v := range []string{
		`{{ print .user ":" .password }}`, `{{ printf "%s" .password }}`, `{{ env "DB_PASSWORD" | quote }}`, `{{ .password | quote }}`, `{{ printf "%s" (randAlphaNum 16) }}`,
		`{{ index .data "password" | b64dec }}`, `{{ $x | quote }}`, `{{ print "" }}`, `{{ trim }}`,
	} {
		if !Placeholder(v) || literal(v) {
			t.Errorf("%q is a placeholder", v)
		}
	}
}

func TestCertificatesAndPublicKeysAreNoSecrets(t *testing.T) {
	certificate, key := pemBlock("CERTIFICATE", "MIIBszCCAVmgAwIBAgIUJ\nAAAA=="), pemBlock("PRIVATE"+" KEY", "MIIB")
	for value, want := range map[string]bool{
		certificate: true, certificate + certificate: true, strings.TrimSpace(certificate): true, strings.ReplaceAll(certificate, "\n", "\r\n"): true,
		pemBlock("PUBLIC KEY", "MFkw"): true, "ssh-ed25519 AAAAC3NzaC1 ada@example": true,
		key: false, certificate + key: false, key + certificate: false, certificate + "hunter2": false, "hunter2 " + certificate: false,
		pemBlock("CERTIFICATE", "hunter2"): false, pemBlock("CERTIFICATE", "M hunter#2"): false, "-----BEGIN CERTIFICATE-----\nMIIB": false,
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END PUBLIC KEY-----": false, "": false, "ssh-ed25519 AAAA hunter 2": false, "ssh-password": false,
	} {
		docs, err := Parse("in.yaml", []byte("kind: Secret\nstringData:\n  k: "+strconv.Quote(value)+"\n"))
		if err != nil || public(value) != want || value != "" && (len(PlainSecrets(docs)) == 0) != want {
			t.Errorf("%q: %v, %v", value, !want, err)
		}
	}
}

// The suffixes by which sops chooses keys say nothing of what a value is.
func TestSuffixesOfSopsAreNoNames(t *testing.T) {
	for key, want := range map[string]bool{"db_password_unencrypted": true, "token_encrypted": true, "DB_PW": true, "note_unencrypted": false, "unencrypted": false} {
		if secretName(key) != want {
			t.Errorf("%s: %t", key, !want)
		}
	}
}
