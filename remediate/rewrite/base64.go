package rewrite

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// minHalf is the shortest half, in characters, by which a value is looked for in
// base64 that is broken into lines.
const minHalf = 7

// lineOf is the shortest line, in characters, at whose end base64 is broken: PEM has
// 64 and MIME 76 (https://www.rfc-editor.org/rfc/rfc2045#section-6.8).
const lineOf = 60

// base64Forms are a value within base64, whatever stands before and behind it: in
// both alphabets, and broken into lines. with takes its place, byte by byte.
func base64Forms(v, with []byte) (out []form) {
	for skip := range 3 {
		std, uri := newAligned(base64.RawStdEncoding, v, with, skip), newAligned(base64.RawURLEncoding, v, with, skip)
		out = append(append(out, std.whole()), std.halves()...)
		if !bytes.Equal(std.text, uri.text) {
			out = append(append(out, uri.whole()), uri.halves()...)
		}
	}
	return out
}

// aligned is a value of which skip bytes stand before it in its group of three.
// Then some characters depend on it alone; those at its edges are cleaned together
// with it.
type aligned struct {
	enc  *base64.Encoding
	text []byte // the characters that depend on it alone
	lead int    // characters of its first group before them
	size int    // characters that hold any bit of it, those before them included
	skip int
	with []byte
}

func newAligned(enc *base64.Encoding, v, with []byte, skip int) aligned {
	bits := enc.EncodeToString(append(bytes.Repeat([]byte{0}, skip), v...))
	lead, total := []int{0, 2, 3}[skip], skip+len(v)
	end := total / 3 * 4
	if end-lead < minCoded { // of the last group too what no byte behind it changes
		end += total % 3
	}
	return aligned{enc, []byte(bits[min(lead, end):end]), lead, len(bits), skip, with}
}

func (b aligned) whole() form {
	f := form{needle: needle{text: b.text}}
	f.coded = func(text []byte, at int) (int, int, []byte) {
		places, ok := b.around(text, at, 0)
		if !ok { // it only looks like base64
			return at, at + len(b.text), []byte(mask(len(b.text)))
		}
		return b.maskAt(text, places)
	}
	return f
}

// mask puts what takes the value's place into the characters that hold it.
func (b aligned) mask(chars []byte) ([]byte, bool) {
	raw, err := b.enc.DecodeString(string(chars))
	if err != nil || len(raw) < b.skip+len(b.with) {
		return nil, false
	}
	copy(raw[b.skip:], b.with)
	return []byte(b.enc.EncodeToString(raw)), true
}

// halves find a value that a line ends in: of its first characters, of which one line
// holds all but for one break, one half is whole.
func (b aligned) halves() (out []form) {
	first := min(len(b.text), lineOf)
	half := (first + 1) / 2
	if half < minHalf {
		return nil
	}
	for _, at := range []int{0, first - half} {
		f := form{needle: needle{text: b.text[at : at+half]}}
		f.judge = func(in []byte, found int) bool {
			_, ok := b.broken(in, found, at)
			return ok
		}
		f.coded = func(text []byte, found int) (int, int, []byte) {
			places, _ := b.broken(text, found, at) // the judge has seen it
			return b.maskAt(text, places)
		}
		out = append(out, f)
	}
	return out
}

// broken gives the places of the characters that hold the value, when a part of its
// text stands at found, skip characters behind the first, and a line ends in between.
func (b aligned) broken(in []byte, found, skip int) ([]int, bool) {
	places, ok := b.around(in, found, skip)
	if !ok || places[b.lead+len(b.text)-1]-places[b.lead] == len(b.text)-1 {
		return nil, false // it is not whole, or in one line, which is looked for elsewhere
	}
	return places, true
}

// around gives the places of the characters that hold the value and of the rest of
// their groups, whatever lines they are in.
func (b aligned) around(in []byte, found, skip int) (places []int, ok bool) {
	breaks := b.size/lineOf + 2
	for i := found; len(places) < skip+b.lead; {
		n := breakBefore(in, i)
		if i -= n; n > 0 {
			if breaks--; breaks < 0 {
				return nil, false
			}
		}
		if i--; i < 0 || !isBase64(b.enc, in[i]) {
			return nil, false
		}
		places = append(places, i)
	}
	slices.Reverse(places)
	for i := found; len(places) < b.size || len(places)%4 != 0; i++ {
		n := breakBehind(in, i)
		if i += n; n > 0 {
			if breaks--; breaks < 0 {
				return nil, false
			}
		}
		if i >= len(in) || !isBase64(b.enc, in[i]) {
			break
		}
		places = append(places, i)
	}
	if len(places) < b.size {
		return nil, false
	}
	for i, c := range b.text {
		if in[places[b.lead+i]] != c {
			return nil, false
		}
	}
	return places, true
}

func (b aligned) maskAt(text []byte, places []int) (int, int, []byte) {
	chars := pick(text, places)
	masked, ok := b.mask(chars)
	if !ok {
		masked = []byte(mask(len(chars)))
	}
	return put(text, places, masked)
}

// pick gives the bytes at places.
func pick(text []byte, places []int) []byte {
	out := make([]byte, len(places))
	for i, at := range places {
		out[i] = text[at]
	}
	return out
}

// put gives the stretch that all places are in, with other bytes there.
func put(text []byte, places []int, bytes []byte) (from, to int, with []byte) {
	from, to = places[0], places[len(places)-1]+1
	with = append(with, text[from:to]...)
	for i, at := range places {
		with[at-from] = bytes[i]
	}
	return from, to, with
}

// maxBreak is the longest break, in bytes, with the blanks of what it is indented by.
const maxBreak = 64

// ends are ends of lines, also as a string of JSON or a program has them.
var ends = [][]byte{[]byte("\r\n"), []byte("\n"), []byte(`\r\n`), []byte(`\n`)}

// breakBehind is the length of the break of a line that begins at a place; 0 for none.
func breakBehind(in []byte, at int) int {
	i := at
	for i < len(in) && isBlank(in[i]) && i-at < maxBreak/2 {
		i++
	}
	for _, end := range ends {
		if !bytes.HasPrefix(in[min(i, len(in)):], end) {
			continue
		}
		i += len(end)
		for i < len(in) && isBlank(in[i]) && i-at < maxBreak {
			i++
		}
		return i - at
	}
	return 0
}

// breakBefore is the length of the break that ends before a place; 0 for none.
func breakBefore(in []byte, at int) int {
	i := at
	for i > 0 && isBlank(in[i-1]) && at-i < maxBreak/2 {
		i--
	}
	for _, end := range ends {
		if !bytes.HasSuffix(in[:i], end) {
			continue
		}
		i -= len(end)
		for i > 0 && isBlank(in[i-1]) && at-i < maxBreak {
			i--
		}
		return at - i
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isBase64 reports whether a byte is a character of an alphabet. It is asked of each around what
// is found, so it looks it up.
func isBase64(enc *base64.Encoding, c byte) bool {
	if enc == base64.RawURLEncoding {
		return uriLetters[c]
	}
	return stdLetters[c]
}

var stdLetters, uriLetters = lettersOf(base64.RawStdEncoding), lettersOf(base64.RawURLEncoding)

func lettersOf(enc *base64.Encoding) (is [256]bool) {
	for i := range is {
		_, err := enc.DecodeString(string([]byte{byte(i), byte(i), 'A', 'A'}))
		is[i] = err == nil
	}
	return is
}
