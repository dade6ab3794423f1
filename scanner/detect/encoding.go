package detect

import "bytes"

// encoding is one way of writing text as other text. A higher one wins where
// two touch (gitleaks, detect/codec/encodings.go).
type encoding int

const (
	base64Text encoding = iota
	hexText
	unicodeText
	percentText
)

func (e encoding) String() string {
	return [...]string{"base64", "hex", "unicode", "percent"}[e]
}

// encoded is a stretch of text that looks encoded.
type encoded struct {
	extent
	kind encoding
}

// Shortest runs that count as encoded.
const (
	minHex    = 32
	minBase64 = 16
)

// Classes of bytes.
const (
	isHex = 1 << iota
	isBase64
)

var byteClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			t[c] = isHex | isBase64
		case c >= 'g' && c <= 'z', c >= 'G' && c <= 'Z', c == '_', c == '/', c == '+', c == '-':
			t[c] = isBase64
		}
	}
	return t
}()

// finder walks over the encoded stretches of a text, leftmost first, as the expression
//
//	%hh(?:.*%hh)?|(?:U\+hhhh(?:\s|$))+|(?i:\\{1,2}uhhhh)+|h{32,}|[\w/+-]{16,}={0,2}
//
// would (h: a hexadecimal digit).
type finder struct {
	text []byte
	at   int // everything before is done
	// Next places of the rare beginnings, len(text) when there is none.
	percent, slash, point int
}

func newFinder(text []byte) *finder {
	return &finder{text: text, percent: -1, slash: -1, point: -1}
}

// next returns the next stretch.
func (f *finder) next() (encoded, bool) {
	for f.at < len(f.text) {
		f.look()
		rare := min(f.percent, f.slash, f.point)
		if e, ok := f.run(rare); ok {
			f.at = e.end
			return e, true
		}
		if rare >= len(f.text) {
			f.at = rare
			break
		}
		if e, ok := f.rare(rare); ok {
			f.at = e.end
			return e, true
		}
		if e, ok := f.runAt(rare); ok {
			f.at = e.end
			return e, true
		}
		f.at = rare + 1
	}
	return encoded{}, false
}

// runAt reads a run that begins with a "U+" which is no code point.
func (f *finder) runAt(at int) (encoded, bool) {
	end := at
	for end < len(f.text) && byteClass[f.text[end]] != 0 {
		end++
	}
	if end-at < minBase64 {
		return encoded{}, false
	}
	return f.kindOfRun(at, end), true
}

// look brings the places of the rare beginnings up to date.
func (f *finder) look() {
	f.percent = f.seek(f.percent, "%")
	f.slash = f.seek(f.slash, `\`)
	f.point = f.seek(f.point, "U+")
}

func (f *finder) seek(known int, what string) int {
	if known >= f.at {
		return known
	}
	i := bytes.Index(f.text[f.at:], []byte(what))
	if i < 0 {
		return len(f.text)
	}
	return f.at + i
}

// run finds a run of base64 or hexadecimal characters that begins before limit.
// The next 16 bytes are read backwards: where one of them is no such character,
// the run begins behind it or later, and those before it are never looked at.
func (f *finder) run(limit int) (encoded, bool) {
	text := f.text
	known := f.at - 1 // the last byte that was read and is such a character
	for at := f.at; at < limit; {
		end := at + minBase64
		if end > len(text) {
			return encoded{}, false
		}
		first := end
		for first > at && first-1 != known && byteClass[text[first-1]] != 0 {
			first--
		}
		if first-1 == known || first == at {
			for end < len(text) && byteClass[text[end]] != 0 {
				end++
			}
			return f.kindOfRun(at, end), true
		}
		if at = first; first < end {
			known = end - 1
		}
	}
	return encoded{}, false
}

func (f *finder) kindOfRun(start, end int) encoded {
	digits := start
	for digits < end && byteClass[f.text[digits]]&isHex != 0 {
		digits++
	}
	if digits-start >= minHex {
		return encoded{extent{start, digits}, hexText}
	}
	for range 2 {
		if end < len(f.text) && f.text[end] == '=' {
			end++
		}
	}
	return encoded{extent{start, end}, base64Text}
}

// rare reads what begins with a percent sign, a backslash or "U+".
func (f *finder) rare(at int) (encoded, bool) {
	switch f.text[at] {
	case '%':
		return f.percents(at)
	case '\\':
		return f.escapes(at)
	}
	return f.points(at)
}

func (f *finder) percents(at int) (encoded, bool) {
	if !f.percentAt(at) {
		return encoded{}, false
	}
	line := len(f.text)
	if i := bytes.IndexByte(f.text[at:], '\n'); i >= 0 {
		line = at + i
	}
	for line > at+3 {
		i := bytes.LastIndexByte(f.text[at+3:line], '%')
		if i < 0 {
			break
		}
		if last := at + 3 + i; f.percentAt(last) {
			return encoded{extent{at, last + 3}, percentText}, true
		}
		line = at + 3 + i
	}
	return encoded{extent{at, at + 3}, percentText}, true
}

func (f *finder) percentAt(at int) bool {
	return at+2 < len(f.text) && f.text[at] == '%' && f.hexAt(at+1, 2)
}

func (f *finder) hexAt(at, n int) bool {
	if at+n > len(f.text) {
		return false
	}
	for _, c := range f.text[at : at+n] {
		if byteClass[c]&isHex == 0 {
			return false
		}
	}
	return true
}

// escapes reads \uhhhh, \\uhhhh and so on, as many as follow each other.
func (f *finder) escapes(at int) (encoded, bool) {
	end := at
	for {
		n := escapeLen(f.text[end:])
		if n == 0 {
			break
		}
		end += n
	}
	return encoded{extent{at, end}, unicodeText}, end > at
}

// escapeLen is the length of the escape at the front of text, 0 for none.
func escapeLen(text []byte) int {
	n := 0
	for n < 2 && n < len(text) && text[n] == '\\' {
		n++
	}
	if n == 0 || n+5 > len(text) || text[n]|0x20 != 'u' {
		return 0
	}
	for _, c := range text[n+1 : n+5] {
		if byteClass[c]&isHex == 0 {
			return 0
		}
	}
	return n + 5
}

// points reads "U+hhhh" followed by a space or the end, as many as follow each other.
func (f *finder) points(at int) (encoded, bool) {
	end := at
	for end+6 <= len(f.text) && f.text[end] == 'U' && f.text[end+1] == '+' && f.hexAt(end+2, 4) {
		if end+6 == len(f.text) {
			end += 6
			break
		}
		if !isSpace(f.text[end+6]) {
			break
		}
		end += 7
	}
	return encoded{extent{at, end}, unicodeText}, end > at
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'
}
