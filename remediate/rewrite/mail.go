package rewrite

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// minSoft is the shortest value, in bytes, that is looked for across the end of a line of a mail.
const minSoft = 12

// soft ends of lines are none of the text, see https://www.rfc-editor.org/rfc/rfc2045#section-6.7.
// Lines have 76 characters at most, and only as many fewer as a word or an escape has.
var soft = [][]byte{[]byte("=\r\n"), []byte("=\n")}

// mailed is a value as mails and cards write it: byte by byte as it is or as =3D.
type mailed struct {
	units []string // as it is written by most
	value string
	with  string
}

// mailForms find a value in mails, also where a line ends in it.
func mailForms(v, with string) (out []form) {
	seen := map[string]bool{}
	for _, by := range []func(string) string{quotedPrintable, quotedAll} {
		m := mailed{value: v, with: by(with)}
		for i := range len(v) {
			m.units = append(m.units, by(v[i:i+1]))
		}
		text := strings.Join(m.units, "")
		if seen[text] {
			continue
		}
		seen[text] = true
		out = append(out, escaped(v, with, by, isQuoted))
		if len(v) >= minSoft {
			out = append(out, m.broken(text)...)
		}
	}
	return out
}

// broken finds a value of which one line holds all but for one end: one of two parts is
// whole, or the end is in the middle. So no part need be shorter than what is searched for anyway.
func (m mailed) broken(text string) (out []form) {
	first := min(len(text), lineOf)
	size := min(max((first+1)/2, (len(m.value)/3*4+1)/2), lineOf/2)
	var left, right int // where the parts end and begin
	for at, i := 0, 0; i < len(m.units) && at < first; i++ {
		if at < size {
			left = at + len(m.units[i])
		}
		if first-at >= size {
			right = at
		}
		at += len(m.units[i])
	}
	out = append(out, m.form(text[:left], 0))
	for at, i := 0, 0; i < len(m.units) && at < first; i++ {
		switch {
		case at == right && at > 0:
			out = append(out, m.form(text[right:first], i))
		case at > right && at < left:
			for _, end := range soft {
				out = append(out, m.form(text[:at]+string(end)+text[at:first], 0))
			}
		}
		at += len(m.units[i])
	}
	return out
}

func (m mailed) form(text string, skip int) form {
	f := form{needle: withDigits(text, isQuoted)}
	f.judge = func(in []byte, found int) bool {
		_, ok := m.around(in, found, skip)
		return ok
	}
	f.coded = func(in []byte, found int) (int, int, []byte) {
		runs, _ := m.around(in, found, skip) // the judge has seen it
		return starred(in, runs)
	}
	f.loose = func(in []byte, found int) (int, int, []byte) {
		runs, _ := m.around(in, found, skip)
		with := []byte(m.with)
		if len(runs) > 1 { // a line that goes on stays one
			with = append(with, in[runs[0].to:runs[1].from]...)
		}
		return runs[0].from, runs[len(runs)-1].to, with
	}
	return f
}

// around gives the stretches of all bytes when the one behind skip others stands at found.
func (m mailed) around(in []byte, found, skip int) ([]run, bool) {
	at, ends := found, len(m.value) // as many as there may be
	for i := skip - 1; i >= 0; {
		if n := softBefore(in, at); n > 0 && ends > 0 {
			at -= n
			ends--
			continue
		}
		n := quotedBefore(in, at, m.value[i])
		if n == 0 {
			return nil, false
		}
		at -= n
		i--
	}
	runs := []run{{at, at}}
	for i := 0; i < len(m.value); {
		last := &runs[len(runs)-1]
		if n := softBehind(in, last.to); n > 0 && i > 0 && ends > 0 {
			ends--
			runs = append(runs, run{last.to + n, last.to + n})
			continue
		}
		n := quotedAt(in[last.to:], m.value[i])
		if n == 0 {
			return nil, false
		}
		last.to += n
		i++
	}
	return runs, true
}

func softBehind(in []byte, at int) int {
	for _, end := range soft {
		if bytes.HasPrefix(in[at:], end) {
			return len(end)
		}
	}
	return 0
}

func softBefore(in []byte, at int) int {
	for _, end := range soft {
		if bytes.HasSuffix(in[:at], end) {
			return len(end)
		}
	}
	return 0
}

// quotedAt is how many bytes stand for one, as it is or escaped; 0 where it is another.
func quotedAt(in []byte, c byte) int {
	if len(in) > 0 && in[0] == c && c != '=' {
		return 1
	}
	if len(in) >= 3 && in[0] == '=' {
		if n, err := strconv.ParseUint(string(in[1:3]), 16, 8); err == nil && byte(n) == c {
			return 3
		}
	}
	return 0
}

func quotedBefore(in []byte, at int, c byte) int {
	if at >= 3 && quotedAt(in[at-3:at], c) == 3 {
		return 3
	}
	if at >= 1 && quotedAt(in[at-1:at], c) == 1 {
		return 1
	}
	return 0
}

// quotedPrintable is how most mails write a text: what is no ASCII, and =.
func quotedPrintable(v string) string {
	return beyondASCII("=%02X")(strings.ReplaceAll(v, "=", "=3D"))
}

// quotedAll escapes all but letters and digits, as cards and careful senders do.
func quotedAll(v string) string {
	var out strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '\r', c == '\n':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "=%02X", c)
		}
	}
	return out.String()
}

// isQuoted reports whether a byte is a digit of an escape like =3D.
func isQuoted(text string, i int) bool {
	return i >= 1 && text[i-1] == '=' || i >= 2 && text[i-2] == '='
}
