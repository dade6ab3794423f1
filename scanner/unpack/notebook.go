package unpack

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// isNotebook recognises a Jupyter notebook
// (https://nbformat.readthedocs.io/en/latest/format_description.html).
func isNotebook(data []byte) bool {
	first := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 256)], []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(first) > 0 && first[0] == '{' && bytes.Contains(data, []byte(`"nbformat"`)) &&
		(bytes.Contains(data, []byte(`"cells"`)) || bytes.Contains(data, []byte(`"worksheets"`)))
}

// notebook shows the strings of a notebook as the texts they stand for. In the
// JSON an escaped quote hides a value from rules that expect a plain one.
func (o *opener) notebook(m member) error {
	if int64(len(m.data)) > min(o.limits.Member, 1<<30) {
		o.skip(m.name, fmt.Sprintf("a notebook of more than %d bytes was read as plain JSON only", min(o.limits.Member, 1<<30)), true)
		return nil
	}
	n := notebook{data: m.data}
	n.read()
	if err := o.ctx.Err(); err != nil {
		return err
	}
	return o.visit(View{Name: m.name, Text: n.text, Offset: m.offsets(n.at), Via: with(m.via, "notebook")})
}

// notebook collects the strings of a JSON text with their places.
type notebook struct {
	data []byte
	text []byte
	runs []run
}

// run maps part of the text: byte by byte, or all of it to one escape.
type run struct {
	text, raw int32
	fixed     bool
}

// read collects every string that is no key and no picture. The strings of an
// array are the lines of one text and join as they are. JSON that is broken
// gives what can be read.
func (n *notebook) read() {
	lines, media := false, false
	for i := 0; i < len(n.data); {
		switch n.data[i] {
		case '[':
			lines = true
		case ']', '{', '}':
			lines = false
			n.newline(i)
		case '"':
			end := stringEnd(n.data, i+1)
			switch after := afterSpace(n.data, end+1); {
			case after == ':':
				media = isMedia(n.data[i+1 : end])
				n.newline(i)
			case !media:
				n.decode(i+1, end)
				if !lines {
					n.newline(end)
				}
			}
			i = end
		}
		i++
	}
}

// stringEnd is the offset of the quote that ends a string.
func stringEnd(data []byte, i int) int {
	for i < len(data) && data[i] != '"' {
		if data[i] == '\\' {
			i++
		}
		i++
	}
	return min(i, len(data))
}

func afterSpace(data []byte, i int) byte {
	for ; i < len(data); i++ {
		if strings.IndexByte(" \t\r\n", data[i]) < 0 {
			return data[i]
		}
	}
	return 0
}

// isMedia recognises the keys of outputs that are base64 of pictures and sound.
func isMedia(key []byte) bool {
	for _, kind := range []string{"image/png", "image/jpeg", "image/gif", "audio/", "video/", "application/pdf"} {
		if bytes.HasPrefix(key, []byte(kind)) {
			return true
		}
	}
	return false
}

func (n *notebook) newline(raw int) {
	if len(n.text) > 0 && n.text[len(n.text)-1] != '\n' {
		n.add([]byte{'\n'}, min(raw, len(n.data)-1), true)
	}
}

func (n *notebook) add(text []byte, raw int, fixed bool) {
	n.runs = append(n.runs, run{int32(len(n.text)), int32(raw), fixed})
	n.text = append(n.text, text...)
}

// decode adds the string between i and end.
func (n *notebook) decode(i, end int) {
	for i < end {
		plain := bytes.IndexByte(n.data[i:end], '\\')
		if plain < 0 {
			plain = end - i
		}
		if plain > 0 {
			n.add(n.data[i:i+plain], i, false)
			i += plain
			continue
		}
		text, size := unescape(n.data[i:end])
		n.add(text, i, true)
		i += size
	}
}

// unescape decodes the escape of JSON that b starts with.
func unescape(b []byte) (text []byte, size int) {
	if len(b) < 2 {
		return b, len(b)
	}
	if b[1] != 'u' {
		if i := strings.IndexByte("nrtbf", b[1]); i >= 0 {
			return []byte{"\n\r\t\b\f"[i]}, 2
		}
		return b[1:2], 2
	}
	r, ok := unit(b)
	if !ok {
		return b[:2], 2
	}
	if utf16.IsSurrogate(r) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := unit(b[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return utf8.AppendRune(nil, utf16.DecodeRune(r, low)), 12
		}
	}
	return utf8.AppendRune(nil, r), 6
}

// unit is the number of a "\uXXXX".
func unit(b []byte) (rune, bool) {
	if len(b) < 6 {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// at is the place in the JSON of byte i of the text.
func (n *notebook) at(i int) int {
	k := sort.Search(len(n.runs), func(k int) bool { return int(n.runs[k].text) > i }) - 1
	if k < 0 {
		return 0
	}
	r := n.runs[k]
	if r.fixed {
		return int(r.raw)
	}
	return int(r.raw) + i - int(r.text)
}
