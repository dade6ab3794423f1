package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// parseDocument parses one document of a YAML stream. The text of the tree is
// that document alone, as it was parsed. Text that is no YAML, or
// only by accident as an unquoted {{ action }} is, is parsed again with what a
// template engine would replace masked.
func parseDocument(text []byte, span [2]int) (tree, *fault) {
	part := text[span[0]:span[1]]
	t := tree{text: part, start: span[0], end: span[1]}
	if f := tooLarge(part); f != nil {
		f.at, f.looks = span[0], Looks(part)
		return t, f
	}
	part = undirect(part)
	t.text = part
	var beside *fault // that leaves the document readable
	root, odd, f := parseYAML(part)
	if f != nil || odd {
		for _, splice := range []bool{false, true} {
			masked, masks := tolerate(part, splice)
			if again, _, f2 := parseYAML(masked); f2 == nil {
				root, f = again, nil
				t.text, t.masks, t.template = masked, masks, true
				if i := forbidden(part); i >= 0 {
					beside = &fault{at: span[0] + i, reason: "a character that YAML forbids", looks: Looks(part)}
				}
				break
			}
		}
	}
	if f != nil {
		f.at, f.looks = f.at+span[0], Looks(part)
		return t, f
	}
	t.root = root
	t.shift(span[0])
	return t, beside
}

// shift moves the offsets of a tree from its document to the input.
func (t *tree) shift(by int) {
	for i := range t.masks {
		t.masks[i].start += by
		t.masks[i].end += by
	}
	seen := map[*node]bool{}
	var move func(*node)
	move = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		n.token, n.start, n.end = n.token+by, n.start+by, n.end+by
		for _, k := range n.kids {
			move(k)
		}
	}
	move(t.root)
}

// tooLarge estimates nodes from above before the parser spends memory on them.
func tooLarge(part []byte) *fault {
	if len(part) > maxDocument {
		return &fault{reason: fmt.Sprintf("a YAML document of more than %d MiB", maxDocument>>20), limit: true}
	}
	nodes := 0
	for _, c := range part {
		switch c {
		case '\n', ',', '[', '{', ':', '?':
			nodes++
		}
	}
	nodes += bytes.Count(part, []byte("- ")) + bytes.Count(part, []byte("-\t"))
	if nodes > maxNodes {
		return &fault{reason: fmt.Sprintf("a YAML document of more than %d nodes", maxNodes), limit: true}
	}
	return nil
}

// parseYAML parses one document; odd says that a key is no scalar. The parser
// reports malformed text by an error and its own mistakes by a panic.
func parseYAML(part []byte) (root *node, odd bool, f *fault) {
	defer func() {
		if recover() != nil {
			root, odd, f = nil, false, &fault{reason: "the YAML cannot be read"}
		}
	}()
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(part))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, yamlFault(part, err)
	}
	// Text behind the end of the document would otherwise go unread.
	if err := dec.Decode(&more); err == nil {
		return nil, false, &fault{at: newYAMLRuler(part).offset(more.Line, more.Column), reason: "text after the end of the document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, false, yamlFault(part, err)
	}
	if len(doc.Content) == 0 {
		return &node{kind: scalar, null: true}, false, nil
	}
	c := converter{part: part, scale: newYAMLRuler(part), anchors: map[*yaml.Node]*node{}}
	root = c.node(doc.Content[0], 0)
	return root, c.odd, c.fault
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlFault keeps of the parser's message what quotes nothing of the text.
func yamlFault(part []byte, err error) *fault {
	reason := yamlLine.ReplaceAllString(err.Error(), "")
	if strings.ContainsAny(reason, "'`\"") {
		reason = "an alias or a value is not defined"
	}
	f := &fault{reason: "not valid YAML: " + reason}
	var line int
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	if line > 0 {
		f.at = newYAMLRuler(part).offset(line, 1)
	}
	return f
}

var errTooDeep = errors.New("nested too deep")

// converter turns the parser's nodes into ours, with byte offsets.
type converter struct {
	part    []byte
	scale   *ruler
	anchors map[*yaml.Node]*node
	odd     bool
	fault   *fault
}

func (c *converter) node(y *yaml.Node, depth int) *node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	if known := c.anchors[y]; known != nil {
		return known
	}
	n := &node{}
	if y.Anchor != "" {
		c.anchors[y] = n
	}
	if depth > maxDepth {
		c.fault = &fault{at: c.scale.offset(y.Line, y.Column), reason: errTooDeep.Error(), limit: true}
		return n
	}
	n.start = c.scale.offset(y.Line, y.Column)
	n.end = n.start
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = mapping
		for i := 0; i+1 < len(y.Content); i += 2 {
			key := c.node(y.Content[i], depth+1)
			key.merge = merges(y.Content[i])
			c.odd = c.odd || key.kind != scalar
			n.kids = append(n.kids, key, c.node(y.Content[i+1], depth+1))
		}
	case yaml.SequenceNode:
		n.kind = sequence
		for _, y := range y.Content {
			n.kids = append(n.kids, c.node(y, depth+1))
		}
	default:
		c.scalar(n, y)
	}
	return n
}

// merges reports whether a key brings in the keys of its value: a tag makes no other
// key do so (https://github.com/kubernetes-sigs/yaml/blob/v1.6.0/goyaml.v2/decode.go).
func merges(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && (key.ShortTag() == "!!merge" || key.Tag == "!")
}

func (c *converter) scalar(n *node, y *yaml.Node) {
	n.text = y.Value
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.style = doubleQuoted
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.style = blockScalar
	case y.Tag == "!!null":
		n.null = len(y.Value) <= len("null") // with more behind the tag it is a text that somebody can read
	}
	n.token = c.afterProperties(n.start)
	_, n.start, n.end, _ = align(c.part, n.token, n.style, n.text)
	if y.ShortTag() == "!!binary" { // every key and value may be written so, kind included
		n.text, _ = decodeBase64(n.text)
	}
}

// afterProperties skips anchors and tags, where the parser says a scalar starts.
func (c *converter) afterProperties(at int) int {
	for at < len(c.part) && (c.part[at] == '&' || c.part[at] == '!') {
		at += property(c.part[at:])
		at += spaces(c.part[at:])
		for at < len(c.part) && c.part[at] == '#' {
			at = lineEnd(c.part, at)
			at += spaces(c.part[at:])
		}
	}
	return at
}

// property is the length of the anchor or tag that text starts with.
func property(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case isSpace(c):
			return i
		case text[0] == '&' && c != '_' && !simple(string(c)):
			return i
		}
	}
	return len(text)
}
