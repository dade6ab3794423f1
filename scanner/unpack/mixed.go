package unpack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
)

// Lengths of stretches of UTF-16, in characters: one that tells them from
// chance, and one that is converted once there is such.
const (
	tellingRun = 16
	leastRun   = 8
)

// nextRun finds, from i on, the next stretch of ASCII characters that a NUL
// follows each, and its end; start is len(data) when there is none. Both byte
// orders look alike, but for a NUL in front or behind.
func nextRun(data []byte, i, least int) (start, end int) {
	for i < len(data) {
		n := bytes.IndexByte(data[i:], 0)
		if n < 0 {
			break
		}
		start, end = i+n-1, i+n+1
		if n == 0 || !printed(data[start]) {
			i += n + 1
			continue
		}
		for end+1 < len(data) && data[end+1] == 0 && printed(data[end]) {
			end += 2
		}
		if end-start >= 2*least {
			return start, end
		}
		i = end
	}
	return len(data), len(data)
}

// letters reports whether the front of text, up to some length, is ASCII text.
func letters(text []byte) bool {
	return bytes.IndexFunc(text[:min(len(text), 256)], func(r rune) bool { return r > '~' || !printed(byte(r)) }) < 0
}

func printed(c byte) bool {
	return ' ' <= c && c <= '~' || c == '\t' || c == '\n' || c == '\r'
}

// hasRun reports whether data holds UTF-16 that reading all of it as w, or as
// it is for nil, does not show. An odd number of ASCII letters in front makes
// one byte order look like the other.
func hasRun(data []byte, w *wide) bool {
	if w != nil && w.size != 2 {
		return false
	}
	for start, end := nextRun(data, 0, tellingRun); start < len(data); start, end = nextRun(data, end, tellingRun) {
		if w == nil || w.bom == 0 && start&1 == 1 && letters(data[:start]) || (start&1 == 0) != (w.order == binary.LittleEndian) {
			return true
		}
	}
	return false
}

// pieces maps offsets in partly converted text to data. They alternate between
// bytes as they are, at first, and stretches of UTF-16.
type pieces struct{ text, raw []int }

func (p *pieces) at(i int) int {
	n := sort.SearchInts(p.text, i+1) - 1
	return p.raw[n] + (i-p.text[n])*(1+n&1)
}

// mixed shows data of more than one encoding, as shells make it that append to
// a file in UTF-16 whatever it was in before.
func (o *opener) mixed(m member) error {
	data := m.data
	if most := o.limits.Bytes; int64(len(data)) > most {
		o.skip(m.name, fmt.Sprintf("only the first %d bytes were read as utf-16 in part", most), true)
		data = data[:most]
	}
	var p pieces
	text := make([]byte, 0, len(data))
	for pos := 0; pos < len(data); {
		start, end := nextRun(data, pos, leastRun)
		p.text, p.raw = append(p.text, len(text), len(text)+start-pos), append(p.raw, pos, start)
		text = append(text, data[pos:start]...)
		for ; start < end; start += 2 {
			text = append(text, data[start])
		}
		pos = end
	}
	if err := o.ctx.Err(); err != nil {
		return err
	}
	return o.visit(View{Name: m.name, Text: text, Offset: m.offsets(p.at), Via: with(m.via, "utf-16 in part")})
}
