package rewrite

import (
	"bytes"
	"fmt"
	"strings"
)

// style is how programs write the bytes of a text as numbers, one after another.
type style struct {
	digits string // of one byte, for fmt
	behind string // what stands behind each but the last
	blank  string // and then
	before string // and before the next
	line   int    // the fewest numbers in a line, where there may be several lines; 0: one line
}

// styles are those of xxd and openssl, of bytes in source and in JSON, of escapes in strings, and of
// numbered characters in pages.
var styles = []style{
	{digits: "%02x", line: 30},
	{digits: "%02x", behind: ":", line: 15},
	{digits: "%02x", blank: " ", line: 16},
	{digits: "%02x", behind: ",", blank: " ", before: "0x", line: 12},
	{digits: "%02x", behind: ",", before: "0x"},
	{digits: "%02x", blank: " ", before: "0x"},
	{digits: "%02x", behind: "-"},
	{digits: "%02x", before: `\x`},
	{digits: "%02x", before: `\u00`},
	{digits: "%02x", behind: ";", before: "&#x"},
	{digits: "%03o", before: `\`},
	{digits: "%d", behind: ","},
	{digits: "%d", behind: ",", blank: " "},
	{digits: "%d", blank: " "},
	{digits: "%d", behind: ";", before: "&#"},
}

// minLines is the shortest value, in bytes, that is looked for in several lines of numbers.
const minLines = 12

// numberForms are a value as the numbers of its bytes.
func numberForms(v string) (out []form) {
	for _, s := range styles {
		out = append(out, newNumbers(s, v, []byte(mask(len(v)))).forms()...)
	}
	return out
}

// hexStyles are how many of the styles are hexadecimal digits, whatever is between them.
const hexStyles = 7

// hexadecimal is a value in hexadecimal.
func hexadecimal(v string, with []byte) (out []form) {
	for _, s := range styles[:hexStyles] {
		out = append(out, newNumbers(s, v, with).forms()...)
	}
	return out
}

// numbers is a value as the numbers of its bytes, and what stands in place of each.
type numbers struct {
	style
	each []string
	with []string
}

func newNumbers(s style, v string, with []byte) numbers {
	n := numbers{style: s}
	for i := range len(v) {
		each, other := fmt.Sprintf(s.digits, v[i]), fmt.Sprintf(s.digits, with[i])
		if len(other) != len(each) { // decimal: an x has as many digits, or a NUL
			other = map[int]string{1: "0", 3: "120"}[len(each)]
		}
		n.each, n.with = append(n.each, each), append(n.with, other)
	}
	return n
}

// forms find the value whole, or where lines may end in it by either half of what one line holds.
func (n numbers) forms() []form {
	if n.line == 0 || len(n.each) < minLines {
		return []form{n.form(0, len(n.each))}
	}
	first := min(len(n.each), n.line)
	half := (first + 1) / 2
	return []form{n.form(0, half), n.form(first-half, half)}
}

// form finds size numbers, of which skip are before them.
func (n numbers) form(skip, size int) form {
	text := strings.Join(n.each[skip:skip+size], n.behind+n.blank+n.before)
	other := []byte(text)
	for i, c := range other {
		if c >= 'a' && c <= 'f' { // no style has any between its numbers
			other[i] = c - 'a' + 'A'
		}
	}
	f := form{needle: needle{text: []byte(text), other: other}}
	f.judge = func(in []byte, found int) bool {
		_, ok := n.around(in, found, skip)
		return ok
	}
	f.coded = func(in []byte, found int) (from, to int, with []byte) {
		at, _ := n.around(in, found, skip) // the judge has seen it
		last := len(at) - 1
		from, to = at[0], at[last]+len(n.each[last])
		with = bytes.Clone(in[from:to])
		digits := strings.Join(n.with, "")
		if high := bytes.ToUpper(n.pick(in, at)); !bytes.Equal(high, bytes.ToLower(high)) && bytes.Equal(high, n.pick(in, at)) {
			digits = strings.ToUpper(digits)
		}
		for i, place := range at {
			digits = digits[copy(with[place-from:], digits[:len(n.each[i])]):]
		}
		return from, to, with
	}
	return f
}

// pick gives the digits of the numbers at places.
func (n numbers) pick(in []byte, at []int) (out []byte) {
	for i, place := range at {
		out = append(out, in[place:place+len(n.each[i])]...)
	}
	return out
}

func (n numbers) breaks() int {
	if n.line == 0 {
		return 0
	}
	return len(n.each)/n.line + 2
}

// around gives the places of all numbers when the one behind skip others stands at found.
func (n numbers) around(in []byte, found, skip int) ([]int, bool) {
	at, breaks := make([]int, len(n.each)), n.breaks()
	at[skip] = found
	for i := skip - 1; i >= 0; i-- {
		end, ok := n.backward(in, at[i+1], &breaks)
		if at[i] = end - len(n.each[i]); !ok || !n.is(in, at[i], i) {
			return nil, false
		}
	}
	for i := skip + 1; i < len(at); i++ {
		next, ok := n.forward(in, at[i-1]+len(n.each[i-1]), &breaks)
		if at[i] = next; !ok || !n.is(in, next, i) {
			return nil, false
		}
	}
	end := at[len(at)-1] + len(n.each[len(at)-1])
	if n.digits == "%d" && (at[0] > 0 && isDigit(in[at[0]-1]) || end < len(in) && isDigit(in[end])) {
		return nil, false // of another number
	}
	return at, true
}

func (n numbers) is(in []byte, at, i int) bool {
	return at >= 0 && at+len(n.each[i]) <= len(in) && strings.EqualFold(string(in[at:at+len(n.each[i])]), n.each[i])
}

// forward goes from the end of a number to the next.
func (n numbers) forward(in []byte, at int, breaks *int) (int, bool) {
	if !bytes.HasPrefix(in[at:], []byte(n.behind)) {
		return 0, false
	}
	at += len(n.behind)
	if size := breakBehind(in, at); size > 0 {
		at += size
		*breaks--
	} else if bytes.HasPrefix(in[at:], []byte(n.blank)) {
		at += len(n.blank)
	}
	ok := *breaks >= 0 && bytes.HasPrefix(in[at:], []byte(n.before))
	return at + len(n.before), ok
}

// backward goes from a number to the end of the one before.
func (n numbers) backward(in []byte, at int, breaks *int) (int, bool) {
	if !bytes.HasSuffix(in[:at], []byte(n.before)) {
		return 0, false
	}
	at -= len(n.before)
	if size := breakBefore(in, at); size > 0 {
		at -= size
		*breaks--
	} else if bytes.HasSuffix(in[:at], []byte(n.blank)) {
		at -= len(n.blank)
	}
	ok := *breaks >= 0 && bytes.HasSuffix(in[:at], []byte(n.behind))
	return at - len(n.behind), ok
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
