package manifest

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sort"
)

// block is how many bytes of text one count of a ruler covers. It bounds what
// a single position costs, also on a line of many megabytes.
const block = 1024

// ruler converts between byte offsets and lines and columns of a text.
type ruler struct {
	text  []byte
	lines []int // offset of the first byte of each line
	runes []int // characters before each block
}

// newRuler measures text as editors do: a line ends with "\n".
func newRuler(text []byte) *ruler {
	r := &ruler{text: text, lines: []int{0}}
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		r.lines = append(r.lines, i)
	}
	r.count()
	return r
}

// newYAMLRuler measures text as YAML 1.1 does: a line also ends with "\r",
// U+0085, U+2028 or U+2029 (https://yaml.org/spec/1.1/#b-char).
func newYAMLRuler(text []byte) *ruler {
	r := &ruler{text: text, lines: []int{0}}
	for i := 0; i < len(text); {
		if n := lineBreak(text[i:]); n > 0 {
			i += n
			r.lines = append(r.lines, i)
		} else {
			i++
		}
	}
	r.count()
	return r
}

// lineBreak is the length of the line break of YAML that text starts with, or 0.
func lineBreak(text []byte) int {
	switch c := text[0]; {
	case c == '\n':
		return 1
	case c == '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case c == 0xc2 && len(text) > 1 && text[1] == 0x85:
		return 2
	case c == 0xe2 && len(text) > 2 && text[1] == 0x80 && (text[2] == 0xa8 || text[2] == 0xa9):
		return 3
	}
	return 0
}

func (r *ruler) count() {
	n := 0
	for i := 0; i < len(r.text); i += block {
		r.runes = append(r.runes, n)
		n += characters(r.text[i:min(i+block, len(r.text))])
	}
	r.runes = append(r.runes, n)
}

// characters counts the bytes that start a character, so that counts of parts
// add up wherever the text was cut.
func characters(text []byte) int {
	n := len(text)
	for ; len(text) >= 8; text = text[8:] {
		x := binary.LittleEndian.Uint64(text)
		n -= bits.OnesCount64(x >> 7 &^ (x >> 6) & 0x0101010101010101) // bytes 10xxxxxx
	}
	for _, c := range text {
		if c&0xc0 == 0x80 {
			n--
		}
	}
	return n
}

func (r *ruler) before(offset int) int {
	b := offset / block
	return r.runes[b] + characters(r.text[b*block:offset])
}

// position is the line and column, 1-based, of a byte offset.
func (r *ruler) position(offset int) (line, column int) {
	offset = max(0, min(offset, len(r.text)))
	line = sort.SearchInts(r.lines, offset+1)
	start := r.lines[line-1]
	if offset-start < block {
		return line, characters(r.text[start:offset]) + 1
	}
	return line, r.before(offset) - r.before(start) + 1
}

// offset is the byte at a line and column, both 1-based.
func (r *ruler) offset(line, column int) int {
	if line < 1 || line > len(r.lines) {
		return len(r.text)
	}
	start := r.lines[line-1]
	if column <= block {
		return r.forward(start, column-1)
	}
	want := r.before(start) + column - 1
	b := max(sort.SearchInts(r.runes, want+1)-1, start/block)
	from := min(max(b*block, start), len(r.text))
	return r.forward(from, want-r.before(from))
}

// forward is the offset of the character n characters after i.
func (r *ruler) forward(i, n int) int {
	for ; i < len(r.text); i++ {
		if r.text[i]&0xc0 == 0x80 {
			continue
		}
		if n <= 0 {
			return i
		}
		n--
	}
	return len(r.text)
}
