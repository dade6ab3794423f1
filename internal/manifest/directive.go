package manifest

import (
	"bytes"
	"regexp"
)

// directive is a line in front of a document that speaks to its parser, and
// tagDirective one that the parser follows
// (https://yaml.org/spec/1.2.2/#68-directives).
var (
	directive    = regexp.MustCompile(`^%[A-Za-z]+(?:[ \t\r\n]|$)`)
	tagDirective = regexp.MustCompile(`^%TAG[ \t]+(!(?:[-\w]*!)?)[ \t]+[-\w;/?:@&=+$,.!~*'()]+[ \t]*(?:[ \t]#.*)?[\r\n]*$`)
)

// undirect makes comments of the directives in front of a document: the parser
// refuses every version but 1.1, a directive twice, and those it does not know,
// while others read on. A %TAG stays, as tags may need it.
func undirect(part []byte) []byte {
	out, handles := part, map[string]bool{}
	for i := 0; i < len(part); {
		end := lineEnd(part, i)
		line := part[i:end]
		if blank := bytes.TrimSpace(line); len(blank) > 0 && blank[0] != '#' && !directive.Match(line) {
			break
		}
		tag := tagDirective.FindSubmatch(line)
		if line[0] == '%' && (tag == nil || handles[string(tag[1])]) {
			if &out[0] == &part[0] {
				out = bytes.Clone(part)
			}
			out[i] = '#'
		}
		if tag != nil {
			handles[string(tag[1])] = true
		}
		i = end
	}
	return out
}

// undirectAll makes comments of all lines that the parser takes for directives,
// at the end of a document too.
func undirectAll(text []byte) {
	for _, i := range newYAMLRuler(text).lines {
		if i < len(text) && text[i] == '%' && !tagDirective.Match(text[i:lineEnd(text, i)]) {
			text[i] = '#'
		}
	}
}
