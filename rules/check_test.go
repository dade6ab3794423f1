package rules

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// The vectors are those that providers publish for their own scanners; they
// are joined here so that no file holds one whole.
func TestChecksHoldForPublishedVectors(t *testing.T) {
	for _, c := range []struct{ check, value string }{
		// https://gist.github.com/coolaj86/eb8cddfd3e4251258712dfed03e1f86d (expired and revoked)
		{"github", "ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"},
		// https://github.com/secretlint/secretlint/issues/200 (a dummy)
		{"github", "npm_" + "qkJaB6MffYVzZXWqmcoF49yrUxP3wf" + "0LsakP"},
		// https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/satokengen_test.go
		{"grafana", "glsa_" + "iNValIdinValiDinvalidinvalidinva" + "_5b582697"},
		// https://github.com/microsoft/security-utilities (tests)
		{"azuresecret", "zzz8Q~" + strings.Repeat("z", 31) + "blP"},
		// https://github.com/C2SP/CCTV/tree/main/age (test vectors' identity)
		{"age", "AGE-SECRET-KEY-1" + "XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4Q" + "X3S7F6"},
		// https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki (test vector 1)
		{"base58check", "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPP" + "qjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
		// https://pkg.go.dev/github.com/0intro/stellar-keypairs
		{"stellar", "SB45IAMBKTMCWK2DOESPZ3TVESQTW2Q2" + "4YZYCNGE6ENUA4LPY4BD6DMV"},
		// https://github.com/nats-io/nkeys (README)
		{"nkey", "SUACSSL3UAHUDXKFSNVUZRF5" + "UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"},
	} {
		rule := Rule{Check: c.check, Confidence: Likely}
		if got := rule.Verify(secret.New(c.value)); got != Valid {
			t.Errorf("%s: a published vector of %d characters is %v", c.check, len(c.value), got)
		}
	}
}

// samples is the text before {check:NAME} in an example of each check.
var samples = map[string]string{
	"age":          "",
	"azure":        strings.Repeat("h", 52) + "JQQJ99AEAAAAAAAAAAAAAAAA" + "AZDO",
	"azuredevops":  "",
	"azuresecret":  "abc8Q~" + strings.Repeat("y", 31),
	"azurestorage": "",
	"kubernetes":   "",
	"pem64":        "",
	"base58check":  "",
	"basicauth":    "",
	"bedrock":      "ABSK",
	"der":          "",
	"nkey":         "",
	"discord":      "",
	"github":       "ghp_" + strings.Repeat("a", 30),
	"gitlab":       "glpat-" + strings.Repeat("a", 40),
	"grafana":      "glsa_" + strings.Repeat("a", 32) + "_",
	"jwt":          "",
	"mapbox":       "sk.",
	"pem":          "-----BEGIN " + "PRIVATE KEY-----\n",
	"pypi":         "pypi-",
	"sentry":       "sntrys_",
	"stellar":      "",
}

// suffixes follow the completed text where a value has an end of its own.
var suffixes = map[string]string{"pem": "\n-----END PRIVATE KEY-----\n"}

func TestEveryCheckAcceptsWhatItCompletesAndNoChangedCharacter(t *testing.T) {
	for _, name := range CheckNames() {
		prefix, ok := samples[name]
		if !ok {
			t.Errorf("%s has no sample", name)
			continue
		}
		rest, err := checksum(name, prefix)
		if err != nil {
			t.Fatal(err)
		}
		value := prefix + rest + suffixes[name]
		if name == "age" {
			value = "AGE-SECRET-KEY-1" + value
		}
		rule := Rule{Check: name}
		if got := rule.Verify(secret.New(value)); got != Valid {
			t.Errorf("%s: a completed value of %d characters is %v", name, len(value), got)
		}
		broken := flip(value, brokenAt(name, value))
		if got := rule.Verify(secret.New(broken)); got == Valid {
			t.Errorf("%s: a changed value is still valid", name)
		}
	}
}

// brokenAt is a place whose change must be noticed: the end of a checksum, or
// the beginning of a structure.
func brokenAt(name, value string) int {
	switch name {
	case "bedrock", "discord", "jwt", "basicauth", "kubernetes", "pem64", "der":
		return len("ABSK") + 1
	case "mapbox", "pypi", "sentry":
		return strings.IndexAny(value, ".-_") + 3
	case "pem":
		return len(samples[name])
	}
	return len(value) - 3
}

// flip changes one character into another of the same kind.
func flip(value string, at int) string {
	for _, c := range []byte{'Q', 'Z', 'b', 'c', '2', '3'} {
		old := value[at]
		same := old >= 'a' && c >= 'a' || old <= '9' && c <= '9' || old >= 'A' && old <= 'Z' && c >= 'A' && c <= 'Z'
		if same && c != old {
			return value[:at] + string(c) + value[at+1:]
		}
	}
	return ""
}

func TestVerifyIsUnknownWhereTheCheckSaysNothing(t *testing.T) {
	for _, c := range []struct{ check, value string }{
		{"", "anything"},
		{"no-such-check", "anything"},
		{"github", "github_pat_" + strings.Repeat("a", 82)},
		{"github", "ghr_" + strings.Repeat("a", 36)}, // the beginning of a longer refresh token
		{"gitlab", "glpat-" + strings.Repeat("a", 20)},
		{"azuresecret", "abc7Q~" + strings.Repeat("y", 31)},
		{"jwt", "not.a-token"},
		{"pem", "-----BEGIN " + "PRIVATE KEY-----"},
	} {
		rule := Rule{Check: c.check}
		if got := rule.Verify(secret.New(c.value)); got != Unknown {
			t.Errorf("%q on %d characters is %v, want unknown", c.check, len(c.value), got)
		}
	}
}

func TestInstallationTokensWithAJWTAreVerifiedByTheirHeader(t *testing.T) {
	jwt, err := completeJWT("x")
	if err != nil {
		t.Fatal(err)
	}
	rule := Rule{Check: "github"}
	if got := rule.Verify(secret.New("ghs_" + "123456_" + jwt)); got != Valid {
		t.Errorf("a stateless installation token is %v", got)
	}
	if got := rule.Verify(secret.New("ghs_" + "123456_" + "eyJhYmNk." + "eyJhYmNk." + "sig")); got != Invalid {
		t.Errorf("a token without a header is %v", got)
	}
}

func TestPrivateKeysOfEveryKindAreVerified(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	rule := Rule{Check: "pem"}
	for label, der := range map[string][]byte{
		"RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(rsaKey), "PRIVATE KEY": pkcs8, "EC PRIVATE KEY": ec,
	} {
		text := string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
		for form, value := range map[string]string{
			"as it is":     text,
			"indented":     strings.ReplaceAll(text, "\n", "\n    "),
			"in JSON":      strings.ReplaceAll(text, "\n", `\n`),
			"Windows ends": strings.ReplaceAll(text, "\n", "\r\n"),
			"joined in Go": `"` + strings.ReplaceAll(text, "\n", "\\n\" +\n\t\"") + `"`,
			"on one line":  strings.ReplaceAll(text, "\n", " "),
		} {
			if got := rule.Verify(secret.New(value)); got != Valid {
				t.Errorf("%s %s: %v", label, form, got)
			}
		}
	}
	old := "-----BEGIN RSA " + "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" +
		strings.Repeat("abcd", 40) + "\n-----END RSA PRIVATE KEY-----"
	if got := rule.Verify(secret.New(old)); got != Invalid {
		t.Errorf("an encrypted key is %v, want invalid", got)
	}
	fake := "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("abcd", 40) + "\n-----END RSA PRIVATE KEY-----"
	if got := rule.Verify(secret.New(fake)); got != Invalid {
		t.Errorf("text between markers is %v, want invalid", got)
	}
}

func TestConfidenceFollowsTheCheck(t *testing.T) {
	for _, c := range []struct {
		claimed Confidence
		found   Validity
		want    Confidence
	}{
		{Certain, Valid, Certain}, {Certain, Unknown, Likely}, {Certain, Invalid, Possible},
		{Likely, Valid, Certain}, {Likely, Unknown, Likely}, {Possible, Unknown, Possible},
	} {
		rule := Rule{Confidence: c.claimed}
		if got := rule.EffectiveConfidence(c.found); got != c.want {
			t.Errorf("%v with a check that is %v: %v, want %v", c.claimed, c.found, got, c.want)
		}
	}
}

func FuzzChecksNeverPanic(f *testing.F) {
	for name, prefix := range samples {
		f.Add(name, prefix)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		rule := Rule{Check: name}
		if v := rule.Verify(secret.New(value)); v == Valid && checks[name].verify == nil {
			t.Error("a check that does not exist said valid")
		}
		if rest, err := checksum(name, value); err == nil && name == "github" && verifyGitHub("ghp_"+lastRun(value, "")[len(lastRun(value, ""))-30:]+rest) != Valid {
			t.Error("a completed value is not valid")
		}
	})
}
