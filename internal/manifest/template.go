package manifest

import (
	"bytes"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/dfa"
)

// mask is a template action that stands in the parsed text as a placeholder
// of the same length, so that every offset stays what it is in the input.
type mask struct {
	start, end int
	action     string
}

// maskRune starts a placeholder, maskFill continues it. They are private-use
// characters of three bytes, which no manifest needs.
const (
	maskRune = "\ue001"
	maskFill = "\ue000"
)

// action finds the actions of Go templates (Helm), Jinja and Liquid, and the
// %NAME% and @NAME@ of simpler tools, which YAML takes for syntax.
var action = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|%[A-Z][A-Z0-9_]*%|@[A-Z][A-Z0-9_]*@`)

// actionProgram is the same, for a machine that is faster on texts without any.
var actionProgram = sync.OnceValue(func() *dfa.Program {
	p, err := dfa.Compile(action.String())
	if err != nil {
		return nil
	}
	return p
})

func actions(text []byte) [][2]int {
	if p := actionProgram(); p != nil {
		if found, _, ok := dfa.New(p).All(text, 0, -1, len(text), nil); ok {
			return found
		}
	}
	var found [][2]int
	for _, m := range action.FindAllIndex(text, -1) {
		found = append(found, [2]int{m[0], m[1]})
	}
	return found
}

// tolerate makes YAML of text that is YAML but for its template actions, tabs
// in the indentation, misplaced directives, control characters and bytes that are no UTF-8. Of an
// action that is a whole list item, splice says that it stands for keys, which
// more keys below it belong to.
func tolerate(part []byte, splice bool) ([]byte, []mask) {
	out := bytes.Clone(part)
	var masks []mask
	for _, m := range actions(part) {
		if alone(part, m[0], m[1]) && !printsInBlock(part, m[0], m[1]) {
			// The blanks around go too: in a block scalar they would count.
			fill(out[m[0]-blanksBefore(part[:m[0]]):m[1]+blanksAfter(part[m[1]:])], '\n')
			continue
		}
		if before := blanksBefore(part[:m[0]]); splice && before > 0 && part[m[0]-before-1] == '-' {
			fill(out[m[0]:m[1]], '\n')
			continue
		}
		masks = append(masks, mask{m[0], m[1], string(part[m[0]:m[1]])})
		copy(out[m[0]:m[1]], placeholder(m[1]-m[0]))
	}
	undirectAll(out)
	unTab(out)
	return scrub(out), masks
}

// alone reports whether actions and blanks are all there is on the lines of an
// action: it then controls the template and prints no value.
func alone(part []byte, start, end int) bool {
	// A longer line is taken for one with a value, to bound the search.
	from, to := max(0, start-block), min(end+block, len(part))
	first := bytes.LastIndexByte(part[from:start], '\n')
	last := bytes.IndexByte(part[end:to], '\n')
	if first < 0 && from > 0 || last < 0 && to < len(part) {
		return false
	}
	if last >= 0 {
		to = end + last
	}
	around := append(bytes.Clone(part[from+first+1:start]), part[end:to]...)
	return len(bytes.TrimSpace(action.ReplaceAll(around, nil))) == 0
}

// printsInBlock reports whether an action that is alone on its line prints a value
// there: it is in a block scalar, and no control of the template.
func printsInBlock(part []byte, start, end int) bool {
	if !bytes.HasPrefix(part[start:end], []byte("{{")) || end-start < len("{{}}") {
		return false // a placeholder of another kind, as @NAME@
	}
	inner := strings.Trim(string(part[start+2:end-2]), "- \t\r\n")
	if control.MatchString(inner) || declares.MatchString(inner) {
		return false
	}
	indent := blanksBefore(part[:start])
	from := max(0, start-block)
	lines := bytes.Split(part[from:start-indent], []byte("\n"))
	for _, line := range slices.Backward(lines) {
		trimmed := bytes.TrimLeft(line, " \t")
		if len(bytes.TrimSpace(trimmed)) > 0 && len(line)-len(trimmed) < indent {
			return blockHeader.Match(line)
		}
	}
	return false
}

var (
	declares    = regexp.MustCompile(`\A\$\w*(?:\s*,\s*\$\w+)?\s*:?=`)
	blockHeader = regexp.MustCompile(`[:-][ \t]+(?:![^\s]*[ \t]+|&[^\s]+[ \t]+)?[|>][-+0-9]*[ \t]*(?:#.*)?\r?\z`)
)

// blanksBefore counts the blanks at the end of text, unless they start it.
func blanksBefore(text []byte) int {
	n := len(text) - len(bytes.TrimRight(text, " \t"))
	return min(n, max(0, len(text)-1))
}

func blanksAfter(text []byte) int {
	return len(text) - len(bytes.TrimLeft(text, " \t"))
}

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

func placeholder(size int) string {
	n := size - len(maskRune)
	return maskRune + strings.Repeat(maskFill, n/len(maskFill)) + strings.Repeat("_", n%len(maskFill))
}

// unTab makes each tab of an indentation one blank.
func unTab(text []byte) {
	indent := true
	for i, c := range text {
		switch {
		case c == '\n' || c == '\r':
			indent = true
		case indent && c == '\t':
			text[i] = ' '
		case c != ' ':
			indent = false
		}
	}
}

// scrub replaces, byte by byte, what the YAML parser refuses to read.
func scrub(text []byte) []byte {
	for i := 0; i < len(text); {
		n, bad := refused(text[i:])
		if bad {
			fill(text[i:i+n], '?')
		}
		i += n
	}
	return text
}

// refused reports whether YAML forbids the character that text starts with, and
// gives its length.
func refused(text []byte) (n int, bad bool) {
	r, n := utf8.DecodeRune(text)
	return n, r == utf8.RuneError && n == 1 || r < 0x20 && !isSpace(byte(r)) || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
}

// forbidden is where text has a character that YAML forbids, or -1.
func forbidden(text []byte) int {
	for i := 0; i < len(text); {
		n, bad := refused(text[i:])
		if bad {
			return i
		}
		i += n
	}
	return -1
}

// unmask puts the actions back into the text of a scalar.
func (t *tree) unmask(n *node) string {
	if !strings.Contains(n.text, maskRune) {
		return n.text
	}
	var out strings.Builder
	rest := n.text
	first := sort.Search(len(t.masks), func(i int) bool { return t.masks[i].start >= n.start })
	for _, m := range t.masks[first:] {
		if m.end > n.end {
			break
		}
		before, after, ok := strings.Cut(rest, placeholder(m.end-m.start))
		if !ok {
			break
		}
		out.WriteString(before)
		out.WriteString(m.action)
		rest = after
	}
	out.WriteString(rest)
	return out.String()
}

// pairs tells every scalar of a template that makes YAML, with the key that it
// stands below. An alias is told once.
func (t *tree) pairs(n *node, key string, told map[*node]bool, tell func(key, value string)) {
	if told[n] {
		return
	}
	told[n] = true
	switch n.kind {
	case scalar:
		if !n.null {
			tell(key, t.unmask(n))
		}
	case sequence:
		for _, kid := range n.kids {
			t.pairs(kid, key, told, tell)
		}
	case mapping:
		for i := 0; i+1 < len(n.kids); i += 2 {
			t.pairs(n.kids[i+1], t.unmask(n.kids[i]), told, tell)
		}
	}
}
