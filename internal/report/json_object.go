package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"unicode"
	"unicode/utf16"
)

// object writes one JSON object field by field, an array element by element,
// so that a long report never stands in memory whole. Strings that are not
// valid UTF-8 get U+FFFD in the place of the bad bytes.
type object struct {
	w      io.Writer
	fields int
	err    error
}

func (o *object) raw(text string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.w, text)
	}
}

func (o *object) value(v any) {
	text, err := json.Marshal(v)
	if o.err == nil {
		o.err = err
	}
	o.raw(string(disarmJSON(text)))
}

// disarmJSON spells a [commandMark] and what does not print, which JSON has only
// within strings, in another way that means the same: a report is shown by
// terminals too.
func disarmJSON(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(commandMark), []byte(`#\u0023`))
	if bytes.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var out bytes.Buffer
	for _, r := range string(text) { // Marshal gives valid UTF-8
		switch {
		case !unprintable(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

// unprintable spares line ends, which stand between values only.
func unprintable(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

func (o *object) name(name string) {
	if o.fields++; o.fields == 1 {
		o.raw("{")
	} else {
		o.raw(",")
	}
	o.raw("\n  ")
	o.value(name)
	o.raw(": ")
}

// field writes one field on one line.
func (o *object) field(name string, v any) {
	o.name(name)
	o.value(v)
}

// list writes an array, one element a line.
func list[T any](o *object, name string, items iter.Seq[T]) {
	o.name(name)
	o.raw("[")
	n := 0
	for item := range items {
		if o.err != nil {
			return
		}
		if n++; n > 1 {
			o.raw(",")
		}
		o.raw("\n    ")
		o.value(item)
	}
	if n > 0 {
		o.raw("\n  ")
	}
	o.raw("]")
}

// close ends the object and returns the first error of all that was written.
func (o *object) close() error {
	o.raw("\n}\n")
	return o.err
}
