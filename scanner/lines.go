package scanner

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lineIndex finds lines and columns in a text. Lines end at "\n".
type lineIndex struct {
	text   []byte
	starts []int // byte offset of the start of each line

	from, columns int // an offset and the characters before it in its line
}

func newLineIndex(text []byte) *lineIndex {
	x := &lineIndex{text: text, starts: make([]int, 1, 1+bytes.Count(text, newline))}
	for at := 0; ; {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return x
		}
		at += n + 1
		x.starts = append(x.starts, at)
	}
}

var newline = []byte{'\n'}

// line is the 0-based line that holds the byte at offset.
func (x *lineIndex) line(offset int) int {
	return sort.SearchInts(x.starts, offset+1) - 1
}

// column is the 1-based column of the byte at offset, counted in characters;
// a byte that is no valid UTF-8 counts as one.
// An offset inside a character has the column of that character.
func (x *lineIndex) column(offset int) int {
	for back := 1; back < utf8.UTFMax && back <= offset && offset < len(x.text); back++ {
		if _, size := utf8.DecodeRune(x.text[offset-back:]); size > back {
			offset -= back
		}
	}
	start := x.starts[x.line(offset)]
	if start <= x.from && x.from <= offset {
		return x.columns + utf8.RuneCount(x.text[x.from:offset]) + 1
	}
	return utf8.RuneCount(x.text[start:offset]) + 1
}

// mark keeps the column of an offset, from which later ones in a long line are
// counted.
func (x *lineIndex) mark(offset, column int) int {
	if offset < len(x.text) && utf8.RuneStart(x.text[offset]) {
		x.from, x.columns = offset, column-1
	}
	return column
}

// span is the byte range of the 0-based lines first to last, without the last newline.
func (x *lineIndex) span(first, last int) (int, int) {
	end := len(x.text)
	if last+1 < len(x.starts) {
		end = x.starts[last+1] - 1
	}
	return x.starts[first], end
}

// place fills the lines and columns of a byte range. A range that starts with
// newlines is placed where its first other byte is, which is what a reader
// looks for; an empty range is placed at its start.
func (x *lineIndex) place(p *Place, start, end int) {
	for start < end-1 && x.text[start] == '\n' {
		start++
	}
	last := max(start, end-1)
	p.StartLine, p.EndLine = x.line(start)+1, x.line(last)+1
	p.StartColumn = x.mark(start, x.column(start))
	p.EndColumn = x.column(end)
	if x.line(end)+1 != p.EndLine { // the range ends with its line's newline
		_, lineEnd := x.span(p.EndLine-1, p.EndLine-1)
		p.EndColumn = x.column(lineEnd)
	}
}
