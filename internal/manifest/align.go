package manifest

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// alignment maps a byte of a scalar's decoded text to the byte of the input it
// was read from. Each part holds from its decoded offset to the next part's.
type alignment []struct{ decoded, raw int }

func (a *alignment) add(decoded, raw int) {
	if n := len(*a); n > 0 && raw-decoded == (*a)[n-1].raw-(*a)[n-1].decoded {
		return
	}
	*a = append(*a, struct{ decoded, raw int }{decoded, raw})
}

// at is the input offset of the decoded byte i.
func (a alignment) at(i int) int {
	n := sort.Search(len(a), func(n int) bool { return a[n].decoded > i }) - 1
	if n < 0 {
		return a[0].raw
	}
	raw := a[n].raw + i - a[n].decoded
	if n+1 < len(a) {
		raw = min(raw, a[n+1].raw)
	}
	return raw
}

// align lays the decoded text of a scalar over the input from its token on. It
// gives the alignment and the span of the text without quotes; ok is false when
// the two differ, as for scalars with exotic line breaks.
func align(input []byte, token int, st style, text string) (a alignment, start, end int, ok bool) {
	if token >= len(input) {
		return nil, token, token, text == ""
	}
	if st == doubleQuoted {
		return alignQuoted(input, token+1, text)
	}
	from, doubled := token, false
	switch {
	case st == blockScalar:
		from = lineEnd(input, token)
	case input[token] == '\'':
		from, doubled = token+1, true
	}
	return alignSolid(input, from, text, doubled)
}

// alignSolid compares only what is no white space: folding and indentation
// change nothing else. doubled says that a quote is written twice.
func alignSolid(input []byte, from int, text string, doubled bool) (a alignment, start, end int, ok bool) {
	start, end = from, from
	if doubled {
		end = from + spaces(input[from:])
	}
	j := from
	for i := 0; i < len(text); i++ {
		if isSpace(text[i]) {
			continue
		}
		j += spaces(input[min(j, len(input)):])
		if j >= len(input) || input[j] != text[i] {
			return nil, start, lineStop(input, start), false
		}
		if len(a) == 0 {
			start = j
		}
		a.add(i, j)
		j++
		end = j
		if doubled && text[i] == '\'' {
			j++
			end = j
		}
	}
	if doubled {
		// Blanks before the text and after it belong to it.
		start, end = from, from+closing(input[from:])
	}
	if len(a) == 0 {
		a.add(0, start)
	}
	return a, start, end, true
}

// closing is the offset of the single quote that ends a scalar.
func closing(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 >= len(text) || text[i+1] != '\'' {
			return i
		}
		i++
	}
	return len(text)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func spaces(text []byte) int {
	return len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
}

func lineStop(input []byte, from int) int {
	if n := bytes.IndexAny(input[from:], "\r\n"); n >= 0 {
		return from + n
	}
	return len(input)
}

// alignQuoted undoes the escapes of a double-quoted scalar of YAML or a string
// of JSON, from after its first quote to its last.
func alignQuoted(input []byte, from int, text string) (a alignment, start, end int, ok bool) {
	i, j := 0, from
	for j < len(input) && input[j] != '"' {
		a.add(i, j)
		switch c := input[j]; {
		case c == '\\':
			raw, decoded := escape(input[j:])
			i, j = i+decoded, j+raw
		case isSpace(c):
			n := spaces(input[j:])
			i, j = i+folded(input[j:j+n]), j+n
		case i >= len(text) || text[i] != c:
			return nil, from, max(from, j), false
		default:
			i, j = i+1, j+1
		}
	}
	if len(a) == 0 {
		a.add(0, from)
	}
	return a, from, min(j, len(input)), i == len(text)
}

// folded is how many bytes of text a run of white space in quotes stands for.
func folded(run []byte) int {
	breaks := bytes.Count(run, []byte("\n")) + bytes.Count(run, []byte("\r")) - bytes.Count(run, []byte("\r\n"))
	switch breaks {
	case 0:
		return len(run)
	case 1:
		return 1
	}
	return breaks - 1
}

// escape is the length of the escape that text starts with, and of the text
// that it stands for.
func escape(text []byte) (raw, decoded int) {
	if len(text) < 2 {
		return len(text), 0
	}
	switch text[1] {
	case '\r', '\n':
		return 1 + spaces(text[1:]), 0
	case 'x':
		return hexEscape(text, 2)
	case 'u':
		return hexEscape(text, 4)
	case 'U':
		return hexEscape(text, 8)
	case 'N', '_':
		return 2, 2
	case 'L', 'P':
		return 2, 3
	}
	return 2, 1
}

func hexEscape(text []byte, digits int) (raw, decoded int) {
	r, n := hexRune(text[2:], digits)
	if 0xd800 <= r && r < 0xdc00 && bytes.HasPrefix(text[2+n:], []byte(`\u`)) {
		if low, m := hexRune(text[4+n:], 4); 0xdc00 <= low && low < 0xe000 {
			return 4 + n + m, 4
		}
	}
	return 2 + n, max(1, len(string(validRune(r))))
}

func validRune(r rune) rune {
	if !utf8.ValidRune(r) {
		return utf8.RuneError
	}
	return r
}

func hexRune(text []byte, digits int) (r rune, n int) {
	for n < digits && n < len(text) {
		d := strings.IndexByte("0123456789abcdef", text[n]|0x20)
		if d < 0 {
			break
		}
		r = r<<4 | rune(d)
		n++
	}
	return r, n
}
