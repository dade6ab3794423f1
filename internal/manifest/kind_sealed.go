package manifest

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// sealedSecrets is bitnami.com/SealedSecret.
var sealedSecrets = family{
	name: "SealedSecret",
	has:  func(o object) bool { return o.kind == "SealedSecret" },
	read: func(path []step, text string) reading {
		if !under(path, "spec", "encryptedData") && !(under(path, "spec", "data") && len(path) == 2) {
			return reading{value: text}
		}
		r := reading{value: text, sensitive: true}
		if wellFormedSealed(text) {
			r.kept = Sealed
		}
		return r
	},
}

// longestPrintable is how many printable characters in a row ciphertext may
// hold: 32 of them come about by chance once in 10^13 positions.
const longestPrintable = 32

// wellFormedSealed reports whether text has the structure of a sealed value:
// strict base64 of a 16-bit length, an RSA block of that length and AES-GCM
// ciphertext with its 16-byte tag, nothing of it readable
// (https://github.com/bitnami-labs/sealed-secrets/blob/main/pkg/crypto/crypto.go).
func wellFormedSealed(text string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) < 2 {
		return false
	}
	size := int(binary.BigEndian.Uint16(raw))
	switch size {
	case 256, 384, 512: // RSA-2048, 3072, 4096
	default:
		return false
	}
	return len(raw) >= 2+size+16 && printableRun(raw) < longestPrintable
}

// printableRun is the longest run of printable ASCII in raw.
func printableRun(raw []byte) int {
	longest, run := 0, 0
	for _, c := range raw {
		if c < 0x20 || c > 0x7e {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
