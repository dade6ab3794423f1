package detect

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// printable are the bytes that decoded text may consist of.
var printable = func() (t [256]bool) {
	for c := 0x09; c < 0x7f; c++ {
		t[c] = true
	}
	return t
}()

func allPrintable(text []byte) bool {
	for _, c := range text {
		if !printable[c] {
			return false
		}
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

func hexPair(text []byte) bool {
	return byteClass[text[0]]&byteClass[text[1]]&isHex != 0
}

// percent undoes %hh. gitleaks gives a line up at the first byte beyond ASCII;
// the extended decoder leaves such bytes encoded.
func (d *decoder) percent(text []byte) []byte {
	out := make([]byte, 0, len(text))
	skipped := false
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && hexPair(text[i+1:]) {
			b := nibble(text[i+1])<<4 | nibble(text[i+2])
			if printable[b] {
				out = append(out, b)
				i += 2
				continue
			}
			skipped = true
		}
		out = append(out, text[i])
	}
	if !skipped {
		return out
	}
	if !d.extended || len(out) == len(text) {
		return nil
	}
	d.used = true
	return out
}

// decodeHex undoes hexadecimal text that holds printable ASCII.
func decodeHex(text []byte) []byte {
	if len(text)%2 != 0 || !bytes.ContainsAny(text, "0123456789") {
		return nil
	}
	for i := 0; i < len(text); i += 2 {
		if !printable[nibble(text[i])<<4|nibble(text[i+1])] {
			return nil
		}
	}
	out := make([]byte, len(text)/2)
	for i := range out {
		out[i] = nibble(text[2*i])<<4 | nibble(text[2*i+1])
	}
	return out
}

// decodeUnicode undoes "U+hhhh U+hhhh " and \uhhhh. A stretch holds one of the
// two kinds only. Surrogates become U+FFFD one by one, as in gitleaks.
func decodeUnicode(text []byte) []byte {
	var out []byte
	if text[0] == 'U' {
		for i := 0; i+6 <= len(text); i += 7 {
			out = appendRune(out, text[i+2:i+6])
		}
		return out
	}
	for i := 0; i < len(text); {
		n := escapeLen(text[i:])
		if n == 0 {
			break
		}
		out = appendRune(out, text[i+n-4:i+n])
		i += n
	}
	return out
}

func appendRune(out, digits []byte) []byte {
	n, err := strconv.ParseUint(string(digits), 16, 32)
	if err != nil {
		return out
	}
	return utf8.AppendRune(out, rune(n))
}

// base64 undoes base64 of printable ASCII and, extended, of other text.
func (d *decoder) base64(text []byte) []byte {
	if !bytes.ContainsAny(text, "0123456789+/-_") {
		return nil
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if !plausible(enc, text) {
			continue
		}
		out := make([]byte, enc.DecodedLen(len(text)))
		n, err := enc.Decode(out, text)
		if err != nil {
			continue
		}
		if allPrintable(out[:n]) {
			return out[:n]
		}
		if plain := d.foreign(out[:n]); plain != nil {
			return plain
		}
	}
	return nil
}

// plausible rejects most stretches by their length.
func plausible(enc *base64.Encoding, text []byte) bool {
	if enc == base64.StdEncoding {
		return len(text)%4 == 0
	}
	return len(text)%4 != 1 && text[len(text)-1] != '='
}
