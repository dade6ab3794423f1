// Package sops reads what sops leaves in a document (https://getsops.io): the
// encrypted values, the rule that says which leaves are encrypted, the keys
// that they are encrypted for, and the MAC over them. Everything but the MAC is
// verified without a key. It reads no environment, runs no command and asks no
// network, all of which the library of sops does.
package sops

import (
	"encoding/base64"
	"strings"
)

// Sizes that sops gives to the initialisation vector and the tag, in bytes.
const (
	ivSize  = 32
	tagSize = 16
)

// longestPrintable is how many printable characters in a row ciphertext may
// hold: 32 of them come about by chance once in 10^13 positions.
const longestPrintable = 32

// Value is one encrypted value.
type Value struct {
	Type string // str, int, float, bool, bytes, time or comment
	Size int    // of the plain text, in bytes

	data, iv, tag []byte
}

// Claims reports whether text starts as an encrypted value does.
func Claims(text string) bool { return strings.HasPrefix(text, "ENC[AES256_GCM") }

// ParseValue reads text that is exactly one encrypted value. Unlike the
// expression of sops itself it is anchored at its end: sops accepts ciphertext
// with plain text behind it
// (https://github.com/getsops/sops/blob/main/aes/cipher.go).
func ParseValue(text string) (Value, bool) {
	rest, ok := strings.CutPrefix(text, "ENC[AES256_GCM,data:")
	if !ok {
		return Value{}, false
	}
	data, rest, ok1 := strings.Cut(rest, ",iv:")
	iv, rest, ok2 := strings.Cut(rest, ",tag:")
	tag, rest, ok3 := strings.Cut(rest, ",type:")
	kind, end, ok4 := strings.Cut(rest, "]")
	if !ok1 || !ok2 || !ok3 || !ok4 || end != "" || !types[kind] {
		return Value{}, false
	}
	v := Value{Type: kind}
	for _, part := range []struct {
		to   *[]byte
		text string
	}{{&v.data, data}, {&v.iv, iv}, {&v.tag, tag}} {
		raw, err := base64.StdEncoding.Strict().DecodeString(part.text)
		if err != nil || len(raw) == 0 || strings.ContainsAny(part.text, "\r\n") {
			return Value{}, false
		}
		*part.to = raw
	}
	v.Size = len(v.data)
	return v, len(v.iv) == ivSize && len(v.tag) == tagSize && !readable(v.data)
}

var types = map[string]bool{"str": true, "int": true, "float": true, "bool": true, "bytes": true, "time": true, "comment": true}

// readable reports whether data is no ciphertext: it holds text.
func readable(data []byte) bool {
	run := 0
	for _, c := range data {
		if c < 0x20 || c > 0x7e {
			run = 0
		} else if run++; run >= longestPrintable {
			return true
		}
	}
	return false
}
