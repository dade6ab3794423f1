package gitrepo

import "strings"

// setClasses are the names that may stand in a set as [:name:], for ASCII.
var setClasses = map[string]func(c byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return c > ' ' && c < 0x7f },
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"print":  func(c byte) bool { return c >= ' ' && c < 0x7f },
	"punct":  func(c byte) bool { return c > ' ' && c < 0x7f && !isAlpha(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseSet reads "[…]" at the start of text and returns the bytes it stands for and
// its length. A "]" that comes first is one of the set; ok is false when it has no end.
func parseSet(text string) (set *[256]bool, n int, ok bool) {
	p := setParser{text: text, at: 1}
	negated := p.at < len(text) && (text[p.at] == '!' || text[p.at] == '^')
	if negated {
		p.at++
	}
	for first := true; ; first = false {
		if p.at >= len(text) {
			return nil, len(text), false
		}
		if text[p.at] == ']' && !first {
			break
		}
		if !p.next() {
			return nil, len(text), false
		}
	}
	set = &p.set
	set['/'] = false
	if negated {
		set = inverted(set)
	}
	return set, p.at + 1, true
}

// setParser consumes the items of a set. last is the character that a following
// "-" would make a range of; 0 is none.
type setParser struct {
	text string
	at   int
	last byte
	set  [256]bool
}

func (p *setParser) next() bool {
	rest := p.text[p.at:]
	switch {
	case strings.HasPrefix(rest, "[:"):
		return p.class(rest)
	case rest[0] == '-' && p.last != 0 && len(rest) > 1 && rest[1] != ']':
		from := p.last
		p.at++
		to, ok := p.char()
		for c := int(from); c <= int(to); c++ {
			p.set[c] = true
		}
		p.last = 0
		return ok
	}
	c, ok := p.char()
	p.set[c], p.last = true, c
	return ok
}

// char reads one character, with or without a backslash.
func (p *setParser) char() (c byte, ok bool) {
	if p.text[p.at] == '\\' {
		p.at++
	}
	if p.at >= len(p.text) {
		return 0, false
	}
	p.at++
	return p.text[p.at-1], true
}

// class reads "[:name:]". Without ":]" the "[" is a character like any other; an
// unknown name spoils the whole pattern.
func (p *setParser) class(rest string) bool {
	end := strings.IndexByte(rest[2:], ']')
	if end < 0 {
		return false
	}
	name, named := strings.CutSuffix(rest[2:2+end], ":")
	if !named {
		p.at, p.last = p.at+1, '['
		p.set['['] = true
		return true
	}
	is, known := setClasses[name]
	if !known {
		return false
	}
	for c := range p.set {
		p.set[c] = p.set[c] || is(byte(c))
	}
	p.at, p.last = p.at+2+end+1, 0
	return true
}
