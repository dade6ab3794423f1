package manifest

import (
	"encoding/base64"
	"regexp"
)

// sopsSecrets is isindir.github.com/SopsSecret, whose templates become Secrets.
var sopsSecrets = family{
	name: "SopsSecret",
	has:  func(o object) bool { return o.kind == "SopsSecret" },
	read: func(path []step, text string) reading {
		switch {
		case under(path, "spec", "secretTemplates", "*", "data"):
			return decodeData(text)
		case under(path, "spec", "secretTemplates", "*", "stringData"):
			return reading{value: text, sensitive: true}
		}
		return reading{value: text}
	},
}

// sopsValue is anchored at its end, unlike the expression of sops itself, which
// accepts ciphertext with plain text behind it
// (https://github.com/getsops/sops/blob/main/aes/cipher.go).
var sopsValue = regexp.MustCompile(`\AENC\[AES256_GCM,data:([^,]*),iv:([^,]*),tag:([^,]*),type:(?:str|int|float|bool|bytes|time|comment)\]\z`)

// Sizes that sops gives to the initialisation vector and the tag, in bytes.
const (
	sopsIV  = 32
	sopsTag = 16
)

// wellFormedSOPS reports whether text is exactly one value encrypted by sops.
func wellFormedSOPS(text string) bool {
	m := sopsValue.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	data, err1 := base64.StdEncoding.Strict().DecodeString(m[1])
	iv, err2 := base64.StdEncoding.Strict().DecodeString(m[2])
	tag, err3 := base64.StdEncoding.Strict().DecodeString(m[3])
	readable := len(data) > longestPrintable && printableRun(data) >= longestPrintable
	return err1 == nil && err2 == nil && err3 == nil && len(iv) == sopsIV && len(tag) == sopsTag && len(data) > 0 && !readable
}
