package unpack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
	"unicode/utf16"
	"unicode/utf8"
)

// texts shows data as UTF-8 when it is text in another encoding, all of it or
// in part, and the strings of a notebook.
func (o *opener) texts(m member) error {
	w := sniffWide(m.data)
	if w != nil {
		if err := o.wide(m, w); err != nil {
			return err
		}
	}
	if hasRun(m.data, w) {
		if err := o.mixed(m); err != nil {
			return err
		}
	}
	if w != nil {
		return nil
	}
	if isNotebook(m.data) {
		return o.notebook(m)
	}
	return nil
}

// wide is an encoding with units of more than one byte.
type wide struct {
	name  string
	order binary.ByteOrder
	size  int // bytes of a unit
	bom   int // bytes of the mark in front
}

// sniffWide tells a wide encoding by its byte order mark or, for UTF-16, by
// where its NUL bytes are.
func sniffWide(data []byte) *wide {
	for _, w := range []struct {
		bom string
		wide
	}{
		{"\xff\xfe\x00\x00", wide{"utf-32le", binary.LittleEndian, 4, 4}},
		{"\x00\x00\xfe\xff", wide{"utf-32be", binary.BigEndian, 4, 4}},
		{"\xff\xfe", wide{"utf-16le", binary.LittleEndian, 2, 2}},
		{"\xfe\xff", wide{"utf-16be", binary.BigEndian, 2, 2}},
	} {
		if bytes.HasPrefix(data, []byte(w.bom)) {
			return &w.wide
		}
	}
	return sniffUTF16(data)
}

// sample is how many bytes tell whether data is UTF-16.
const sample = 1 << 20

// sniffUTF16 recognises UTF-16 without a mark: a fifth of its units or more are
// ASCII, and next to none are control characters or halves of a pair.
func sniffUTF16(data []byte) *wide {
	part := data[:min(len(data), sample)&^1]
	if len(part) < 4 || bytes.IndexByte(part, 0) < 0 {
		return nil
	}
	var zeros [2]int
	for i, c := range part {
		if c == 0 {
			zeros[i&1]++
		}
	}
	units := len(part) / 2
	w := &wide{"utf-16le", binary.LittleEndian, 2, 0}
	if zeros[0] > zeros[1] {
		w = &wide{"utf-16be", binary.BigEndian, 2, 0}
	}
	high, low := max(zeros[0], zeros[1]), min(zeros[0], zeros[1])
	if high < (units+4)/5 || low > units/64 || strange(part, w.order) > units/32 {
		return nil
	}
	return w
}

// strange counts the units of UTF-16 that text does not hold.
func strange(part []byte, order binary.ByteOrder) int {
	n := 0
	for i := 0; i+1 < len(part); i += 2 {
		u := rune(order.Uint16(part[i:]))
		switch {
		case u < 0x20 && u != '\t' && u != '\n' && u != '\r' || u >= 0xfffe:
			n++
		case utf16.IsSurrogate(u):
			next := rune(utf8.RuneError)
			if i+3 < len(part) {
				next = rune(order.Uint16(part[i+2:]))
			}
			if utf16.DecodeRune(u, next) == utf8.RuneError {
				n++
			}
			i += 2
		}
	}
	return n
}

// next decodes the character at i and gives its size in data. Half a pair is
// one unit and reads as U+FFFD.
func (w *wide) next(data []byte, i int) (rune, int) {
	if w.size == 4 {
		r := rune(w.order.Uint32(data[i:]))
		if !utf8.ValidRune(r) {
			r = utf8.RuneError
		}
		return r, 4
	}
	r := rune(w.order.Uint16(data[i:]))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if i+4 <= len(data) {
		if pair := utf16.DecodeRune(r, rune(w.order.Uint16(data[i+2:]))); pair != utf8.RuneError {
			return pair, 4
		}
	}
	return utf8.RuneError, 2
}

// stride is the distance of the known places in converted text, in bytes of it.
const stride = 4096

// places maps offsets in converted text to data. Only every few thousand bytes
// a place is kept, from which the others are found by converting again.
type places struct {
	w         *wide
	data      []byte
	text, raw []int
}

func (o *opener) wide(m member, w *wide) error {
	data := m.data
	if most := o.limits.Bytes &^ 3; int64(len(data)) > most {
		o.skip(m.name, fmt.Sprintf("only the first %d bytes were read as %s", most, w.name), true)
		data = data[:most]
	}
	p := places{w: w, data: data}
	text := make([]byte, 0, len(data)/w.size+len(data)/8)
	for i := w.bom; i+w.size <= len(data); {
		if len(p.text) == 0 || len(text) >= p.text[len(p.text)-1]+stride {
			p.text, p.raw = append(p.text, len(text)), append(p.raw, i)
		}
		r, n := w.next(data, i)
		text = utf8.AppendRune(text, r)
		i += n
	}
	if err := o.ctx.Err(); err != nil {
		return err
	}
	return o.visit(View{Name: m.name, Text: text, Offset: m.offsets(p.at), Via: with(m.via, w.name)})
}

// offsets carries a map into a member on into the blob, where the member has a
// place in it.
func (m member) offsets(within func(int) int) func(int) int {
	if m.at < 0 {
		return nil
	}
	return func(i int) int { return m.at + within(i) }
}

// at is the place in data of the character that the byte i of the text is of.
func (p *places) at(i int) int {
	n := sort.SearchInts(p.text, i+1) - 1
	if n < 0 {
		return p.w.bom
	}
	text, raw := p.text[n], p.raw[n]
	for raw+p.w.size <= len(p.data) {
		r, size := p.w.next(p.data, raw)
		if text += utf8.RuneLen(r); text > i {
			break
		}
		raw += size
	}
	return raw
}
