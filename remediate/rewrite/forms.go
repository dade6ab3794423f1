package rewrite

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// form is one spelling of a value.
type form struct {
	needle        // as it stands in a file
	with   []byte // what stands in its place in text
	fixed  []byte // what stands in its place where nothing may move; as long as text
	wide   bool   // it is UTF-16
	coded  func(text []byte, at int) (from, to int, with []byte)
	loose  func(text []byte, at int) (from, to int, with []byte) // in text, where coded keeps the length
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
		switch {
		case len(f.text) == 0:
		case f.judge != nil: // the same text may be a part of two values
			out = append(out, f)
		case !seen[string(f.text)]:
			seen[string(f.text)] = true
			out = append(out, f)
		}
	}
	for _, l := range literals { // as they are first: another value's encoding must not shadow one
		v := l.Value.Reveal() // it is searched for
		add(plain(v, l.With))
	}
	for _, l := range literals {
		for _, f := range armoredForms(l.Value.Reveal(), l.With) { // its letters are searched for
			add(f)
		}
		for _, v := range lineEnds(l.Value.Reveal()) { // its spellings are searched for
			for _, f := range spelled(v, l.With) {
				add(f)
			}
		}
	}
	return out
}

// spelled are the spellings of a value with one kind of end of line.
func spelled(v, with string) []form {
	out := []form{plain(v, with)}
	old, narrow := latin1(v)
	if narrow {
		f := plain(old, with)
		if w, ok := latin1(with); ok {
			f.with = []byte(w)
		}
		out = append(out, f)
	}
	wides := []string{}
	if len(v) >= minWide && utf8.ValidString(v) {
		for _, big := range []bool{false, true} {
			out = append(out, wide(v, with, big))
			wides = append(wides, string(encodeWide(v, big)))
		}
	}
	if len(v) < minCoded {
		return out
	}
	out = append(out, codedForms(v, with)...)
	for i, w := range wides {
		out = append(out, base64Forms([]byte(w), encodeWide(mask(len(w)/2), i == 1))...)
		out = append(out, hexadecimal(w, encodeWide(mask(len(w)/2), i == 1))...)
	}
	if narrow {
		out = append(out, codedForms(old, with)...)
	}
	return out
}

// latin1 is a value in ISO 8859-1, if it has any letter that is another byte there.
func latin1(v string) (string, bool) {
	var out []byte
	for _, r := range v {
		if r > 0xff || r == utf8.RuneError {
			return "", false
		}
		out = append(out, byte(r))
	}
	return string(out), len(out) < len(v)
}

func plain(v, with string) form {
	return form{needle: needle{text: []byte(v)}, with: []byte(with), fixed: []byte(mask(len(v)))}
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
	return form{wide: true, needle: needle{text: text}, with: encodeWide(with, big), fixed: encodeWide(mask(len(text)/2), big)}
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
	out := numberForms(v)
	for _, by := range percentings() {
		out = append(out, escaped(v, with, by, isPercent))
		for _, again := range []func(string) string{percentAgain, url.QueryEscape} {
			twice := func(v string) string { return again(by(v)) }
			out = append(out, escaped(v, with, twice, isPercent))
		}
	}
	for _, by := range []func(string) string{jsonEscape, jsonPlain, jsonASCII, jsonSlashed} {
		out = append(out, escaped(v, with, by, isJSONEscape))
		for _, again := range []func(string) string{jsonPlain, jsonEscape} {
			twice := func(v string) string { return again(by(v)) }
			out = append(out, escaped(v, with, twice, isJSONEscape))
		}
	}
	for _, format := range []string{`\x%02x`, `\%03o`} {
		out = append(out, escaped(v, with, beyondASCII(format), isHexEscape))
	}
	for _, by := range quotings {
		out = append(out, escaped(v, with, by.Replace, noDigits))
	}
	out = append(out, mailForms(v, with)...)
	out = append(out, base64Forms([]byte(v), []byte(mask(len(v))))...)
	out = append(append(out, escapedForms([]byte(v))...), nested([]byte(v))...)
	return slices.DeleteFunc(out, func(f form) bool { return len(f.text) < minCoded })
}

// escaped is a value in which some letters are escaped. digits says where the
// digits of an escape are, which may be capitals or not.
func escaped(v, with string, by func(string) string, digits func(text string, i int) bool) form {
	n := withDigits(by(v), digits)
	return form{needle: n, with: []byte(by(with)), fixed: []byte(mask(len(n.text)))}
}

// withDigits is a text in which digits of escapes may be capitals or not.
func withDigits(text string, digits func(text string, i int) bool) needle {
	other := []byte(text)
	for i, c := range other {
		if digits(text, i) && c >= 'A' && c <= 'F' {
			other[i] = c - 'A' + 'a'
		} else if digits(text, i) && c >= 'a' && c <= 'f' {
			other[i] = c - 'a' + 'A'
		}
	}
	return needle{text: []byte(text), other: other}
}

// quotings are how pages, mails and programs write the characters that mean something to
// them: as text of HTML; in attributes by Go, by Python, by XML and by PHP
// (https://html.spec.whatwg.org/#character-references); in quotes of YAML and SQL; in quotes of a
// shell, also by Python; in Compose and Makefiles; in double quotes of a shell, and in single ones of
// programs; without quotes by Bash and by Ruby.
var quotings = []*strings.Replacer{
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;"),
	strings.NewReplacer("'", "''"),
	strings.NewReplacer("'", `'\''`),
	strings.NewReplacer("'", `'"'"'`),
	strings.NewReplacer("$", "$$"),
	backslashed("\"$`\\"),
	backslashed(`'\`),
	backslashed(" !\"$&'()*,;<>?[\\]^`{|}"),
	backslashed(" !\"#$%&'()*;<=>?[\\]^`{|}~"),
}

// backslashed puts a backslash before each of some characters.
func backslashed(chars string) *strings.Replacer {
	var pairs []string
	for _, c := range chars {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	return strings.NewReplacer(pairs...)
}

func noDigits(string, int) bool { return false }

// isPercent reports whether a byte is a digit of an escape like %2F, or %252F.
func isPercent(text string, i int) bool {
	for _, start := range []string{"%", "%25"} {
		if head := text[:i]; strings.HasSuffix(head, start) || i > 0 && strings.HasSuffix(head[:i-1], start) {
			return true
		}
	}
	return false
}

// isHexEscape reports whether a byte is a digit of an escape like \xe9.
func isHexEscape(text string, i int) bool {
	return i >= 2 && text[i-2:i] == `\x` || i >= 3 && text[i-3:i-1] == `\x`
}

// beyondASCII escapes what ASCII does not have byte by byte, as Python and C do it.
func beyondASCII(format string) func(string) string {
	return func(v string) string {
		var out strings.Builder
		for i := range len(v) {
			if v[i] < utf8.RuneSelf {
				out.WriteByte(v[i])
			} else {
				fmt.Fprintf(&out, format, v[i])
			}
		}
		return out.String()
	}
}

// isJSONEscape reports whether a byte is a digit of an escape like \u00e9.
func isJSONEscape(text string, i int) bool {
	at := strings.LastIndex(text[:i], `\u`)
	return at >= 0 && i < at+6
}

// percentings are how addresses escape a text as a whole, as a part, as a path, or as the password in them.
func percentings() []func(string) string {
	out := []func(string) string{url.QueryEscape, url.PathEscape, percentSpace, component, formEncoded, slashed, percentAll}
	for _, keep := range []string{
		"-_.~$&+,;=",                   // the password, by Go: https://pkg.go.dev/net/url#Userinfo
		"-_.~$&+,/:;=@",                // the path, by Go
		"-_.~!*'();/?:@&=+$,#",         // encodeURI of JavaScript
		"-_.~!$%&'()*+,",               // the password, by browsers: https://url.spec.whatwg.org/#percent-encoded-bytes
		"-_.~!$%&'()*+,/:;=@[\\]|",     // their path
		"-_.~!$%&()*+,/:;=?@[\\]^`{|}", // their query
	} {
		out = append(out, func(v string) string { return percentBut(v, keep) })
	}
	return out
}

// percentBut escapes every byte that is no letter, no digit, and not to be kept.
func percentBut(v, keep string) string {
	var out strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(keep, c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// percentSpace is how most libraries escape a part of an address: %20, not +.
func percentSpace(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "+", "%20") }

// component is encodeURIComponent of JavaScript.
func component(v string) string {
	return strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(percentSpace(v))
}

// formEncoded is what forms of browsers send, see https://url.spec.whatwg.org/#urlencoded-serializing.
func formEncoded(v string) string {
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(v))
}

// slashed is quote of Python's urllib.
func slashed(v string) string { return strings.ReplaceAll(percentSpace(v), "%2F", "/") }

// percentAll escapes every byte.
func percentAll(v string) string {
	var out strings.Builder
	for i := range len(v) {
		fmt.Fprintf(&out, "%%%02X", v[i])
	}
	return out.String()
}

// percentAgain escapes what is escaped already.
func percentAgain(v string) string { return strings.ReplaceAll(v, "%", "%25") }

// jsonASCII is how Python writes a string in JSON, jsonSlashed how PHP does.
func jsonASCII(v string) string {
	var out strings.Builder
	for _, r := range jsonPlain(v) {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

func jsonSlashed(v string) string { return strings.ReplaceAll(jsonASCII(v), "/", `\/`) }

// jsonEscape is how Go writes a string in JSON, jsonPlain how most others do.
func jsonEscape(v string) string {
	text, _ := json.Marshal(v) // a string always has JSON
	return string(text[1 : len(text)-1])
}

func jsonPlain(v string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a string always has JSON
	return strings.TrimSuffix(out.String()[1:], "\"\n")
}
