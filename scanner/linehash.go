package scanner

import (
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The figures of GitHub's line hash, see [LineHashes].
const (
	lineHashWindow     = 100
	lineHashMultiplier = 37
	lineHashEOF        = 0xFFFF
)

// LineHashes computes what GitHub calls primaryLocationLineHash for the given
// 1-based lines of text; lines that the text does not have are left out. The
// hash of a line covers the first 100 UTF-16 units from its start, line ends as
// LF, spaces and tabs left out, and continues into the lines below; the number
// after the colon counts the lines so far with the same hash. The work is
// proportional to the text up to the last line asked for.
//
// https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
func LineHashes(text []byte, lines []int) map[int]string {
	if len(lines) == 0 {
		return nil
	}
	h := lineHasher{
		wanted: make(map[int]bool, len(lines)),
		seen:   map[uint64]int{},
		hashes: make(map[int]string, len(lines)),
		last:   slices.Max(lines),
		atLine: true,
	}
	for _, n := range lines {
		h.wanted[n] = true
	}
	h.text(text)
	for range lineHashWindow {
		h.push(0)
	}
	return h.hashes
}

// lineHasher keeps a rolling hash of the last 100 units, and for each of them
// the number of the line that starts there, or 0.
type lineHasher struct {
	hash   uint64
	units  [lineHashWindow]uint16
	starts [lineHashWindow]int
	next   int // where the next unit goes, and the oldest one stands

	line   int  // lines begun so far
	last   int  // the last line asked for
	atLine bool // the next unit begins a line
	afterC bool // the unit before was a CR

	done   int // lines hashed so far
	wanted map[int]bool
	seen   map[uint64]int
	hashes map[int]string
}

// lineHashDrop is 37 to the power 100 modulo 2^64: the weight of the unit that leaves the window.
var lineHashDrop = func() uint64 {
	weight := uint64(1)
	for range lineHashWindow {
		weight *= lineHashMultiplier
	}
	return weight
}()

// text feeds every unit of the text and the end marker, and stops early once
// the last line asked for is hashed.
func (h *lineHasher) text(text []byte) {
	for len(text) > 0 && h.done < h.last {
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = decodeRune(text)
		}
		text = text[size:]
		if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
			h.unit(uint16(r1))
			h.unit(uint16(r2))
		} else {
			h.unit(uint16(r))
		}
	}
	h.unit(lineHashEOF)
}

// unit takes one UTF-16 unit of the text.
func (h *lineHasher) unit(u uint16) {
	if u == ' ' || u == '\t' || (h.afterC && u == '\n') {
		h.afterC = false
		return
	}
	if h.afterC = u == '\r'; h.afterC {
		u = '\n'
	}
	begins := h.atLine
	h.atLine = u == '\n'
	at := h.next
	h.push(u)
	if begins {
		h.line++
		h.starts[at] = h.line
	}
}

// push moves the window on by one unit. When the unit that leaves began a
// line, the window held exactly the 100 units of that line's hash.
func (h *lineHasher) push(u uint16) {
	if line := h.starts[h.next]; line != 0 {
		h.finish(line)
		h.starts[h.next] = 0
	}
	h.hash = h.hash*lineHashMultiplier + uint64(u) - lineHashDrop*uint64(h.units[h.next])
	h.units[h.next] = u
	h.next = (h.next + 1) % lineHashWindow
}

func (h *lineHasher) finish(line int) {
	h.done = line
	h.seen[h.hash]++
	if h.wanted[line] {
		h.hashes[line] = strconv.FormatUint(h.hash, 16) + ":" + strconv.Itoa(h.seen[h.hash])
	}
}

// decodeRune reads one character as the WHATWG decoder does, which GitHub's
// implementation reads files with: the longest beginning of a valid sequence
// becomes one replacement character, where Go counts each byte for itself.
// https://encoding.spec.whatwg.org/#utf-8-decoder
func decodeRune(text []byte) (rune, int) {
	r, size := utf8.DecodeRune(text)
	if r != utf8.RuneError || size > 1 {
		return r, size
	}
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch lead := text[0]; {
	case lead >= 0xC2 && lead <= 0xDF:
		need = 1
	case lead >= 0xE0 && lead <= 0xEF:
		need = 2
	case lead >= 0xF0 && lead <= 0xF4:
		need = 3
	}
	switch text[0] {
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	size = 1
	for size < len(text) && size <= need && text[size] >= low && text[size] <= high {
		size, low, high = size+1, 0x80, 0xBF
	}
	return utf8.RuneError, size
}
