package rewrite

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// form is one spelling of a value.
type form struct {
	text  []byte // as it stands in a file
	with  []byte // what stands in its place in text
	fixed []byte // what stands in its place where nothing may move; as long as text
	wide  bool   // it is UTF-16
	coded func(text []byte, at int) (from, to int, with []byte)
}

// minCoded is the shortest value, in bytes, of which encoded spellings are looked
// for: those of shorter ones are found by chance.
const minCoded = 6

// minWide is the same for UTF-16.
const minWide = 3

// forms lists the spellings of all values.
func forms(literals []Literal) []form {
	var out []form
	seen := map[string]bool{}
	add := func(f form) {
		if len(f.text) > 0 && !seen[string(f.text)] {
			seen[string(f.text)] = true
			out = append(out, f)
		}
	}
	for _, l := range literals { // as they are first: another value's encoding must not shadow one
		v := l.Value.Reveal() // it is searched for
		add(plain(v, l.With))
	}
	for _, l := range literals {
		for _, v := range lineEnds(l.Value.Reveal()) { // its spellings are searched for
			add(plain(v, l.With))
			if len(v) >= minWide && utf8.ValidString(v) {
				add(wide(v, l.With, false))
				add(wide(v, l.With, true))
			}
			if len(v) >= minCoded {
				for _, f := range codedForms(v, l.With) {
					add(f)
				}
			}
		}
	}
	return out
}

func plain(v, with string) form {
	return form{text: []byte(v), with: []byte(with), fixed: []byte(mask(len(v)))}
}

// lineEnds are a value as it is, and one of several lines with either end of line.
func lineEnds(v string) []string {
	if !strings.Contains(v, "\n") {
		return []string{v}
	}
	unix := strings.ReplaceAll(v, "\r\n", "\n")
	return []string{v, unix, strings.ReplaceAll(unix, "\n", "\r\n")}
}

// wide is a value in UTF-16.
func wide(v, with string, big bool) form {
	text := encodeWide(v, big)
	return form{wide: true, text: text, with: encodeWide(with, big), fixed: encodeWide(mask(len(text)/2), big)}
}

func encodeWide(text string, big bool) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if big {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

func codedForms(v, with string) []form {
	low, lowMask := hex.EncodeToString([]byte(v)), hex.EncodeToString([]byte(mask(len(v))))
	out := []form{
		{text: []byte(low), with: []byte(lowMask), fixed: []byte(lowMask)},
		{text: []byte(strings.ToUpper(low)), with: []byte(strings.ToUpper(lowMask)), fixed: []byte(strings.ToUpper(lowMask))},
		escaped(v, with, url.QueryEscape), escaped(v, with, url.PathEscape), escaped(v, with, jsonEscape), escaped(v, with, jsonPlain),
		escaped(v, with, lowerPercent),
	}
	for skip := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			out = append(out, aligned(enc, v, skip))
		}
	}
	return slices.DeleteFunc(out, func(f form) bool { return len(f.text) < minCoded })
}

func escaped(v, with string, by func(string) string) form {
	text := by(v)
	return form{text: []byte(text), with: []byte(by(with)), fixed: []byte(mask(len(text)))}
}

func lowerPercent(v string) string {
	text := []byte(url.QueryEscape(v))
	for i := 0; i+2 < len(text); i++ {
		if text[i] == '%' {
			copy(text[i+1:], strings.ToLower(string(text[i+1:i+3])))
		}
	}
	return string(text)
}

// jsonEscape is how Go writes a string in JSON, jsonPlain how most others do.
func jsonEscape(v string) string {
	text, _ := json.Marshal(v) // a string always has JSON
	return string(text[1 : len(text)-1])
}

func jsonPlain(v string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(jsonEscape(v))
}

// aligned is a value within base64: the characters that depend on it alone when
// skip bytes stand before it in its group of three. The characters at its edges
// are cleaned together with it.
func aligned(enc *base64.Encoding, v string, skip int) form {
	whole := enc.EncodeToString([]byte(strings.Repeat("\x00", skip) + v))
	first := []int{0, 2, 3}[skip]
	end := (skip + len(v)) / 3 * 4
	f := form{text: []byte(whole[min(first, end):end])}
	f.coded = func(text []byte, at int) (int, int, []byte) {
		from, to, with, ok := maskBase64(enc, text, at-first, len(whole), skip, len(v))
		if !ok { // it only looks like base64
			return at, at + len(f.text), []byte(mask(len(f.text)))
		}
		return from, to, with
	}
	return f
}

// maskBase64 puts asterisks over the n bytes that lie skip bytes after the group of
// characters that begins at from. size is how many characters hold them.
func maskBase64(enc *base64.Encoding, text []byte, from, size, skip, n int) (int, int, []byte, bool) {
	to := from + size
	if from < 0 || to > len(text) {
		return 0, 0, nil, false
	}
	for to < len(text) && (to-from)%4 != 0 && isBase64(enc, text[to]) {
		to++
	}
	raw, err := enc.DecodeString(string(text[from:to]))
	if err != nil || len(raw) < skip+n {
		return 0, 0, nil, false
	}
	copy(raw[skip:skip+n], mask(n))
	return from, to, []byte(enc.EncodeToString(raw)), true
}

func isBase64(enc *base64.Encoding, c byte) bool {
	_, err := enc.DecodeString(string([]byte{c, c, 'A', 'A'}))
	return err == nil
}
