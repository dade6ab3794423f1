package manifest

import (
	"encoding/json"
	"fmt"
)

// parseJSON parses one JSON value after the other. It is a parser of our own
// because encoding/json gives no positions and drops duplicate keys, and YAML
// refuses the surrogate pairs of JSON.
func parseJSON(text []byte) ([]tree, *fault) {
	p := jsonParser{text: text}
	if len(text) >= len(bom) && string(text[:len(bom)]) == string(bom) {
		p.at = len(bom)
	}
	var trees []tree
	for p.space(); p.at < len(text); p.space() {
		p.nodes = 0
		start := p.at
		root, fault := p.value(0)
		if fault != nil {
			return trees, fault
		}
		trees = append(trees, tree{root: root, text: text[start:p.at], start: start, end: p.at})
	}
	return trees, nil
}

type jsonParser struct {
	text  []byte
	at    int
	nodes int
}

func (p *jsonParser) fail(reason string) *fault { return &fault{at: p.at, reason: reason} }

func (p *jsonParser) space() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

// next skips white space and takes c if it is there.
func (p *jsonParser) next(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) value(depth int) (*node, *fault) {
	p.nodes++
	if depth > maxDepth || p.nodes > maxNodes {
		return nil, &fault{at: p.at, reason: fmt.Sprintf("a JSON document of more than %d levels or %d nodes", maxDepth, maxNodes), limit: true}
	}
	p.space()
	if p.at >= len(p.text) {
		return nil, p.fail("the JSON ends too early")
	}
	switch p.text[p.at] {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		return p.string()
	}
	return p.literal()
}

func (p *jsonParser) object(depth int) (*node, *fault) {
	n := &node{kind: mapping, start: p.at}
	p.at++
	for first := true; !p.next('}'); first = false {
		if !first && !p.next(',') {
			return nil, p.fail("a comma is missing in a JSON object")
		}
		p.space()
		if p.at >= len(p.text) || p.text[p.at] != '"' {
			return nil, p.fail("a key is missing in a JSON object")
		}
		key, fault := p.string()
		if fault != nil {
			return nil, fault
		}
		if !p.next(':') {
			return nil, p.fail("a colon is missing in a JSON object")
		}
		value, fault := p.value(depth + 1)
		if fault != nil {
			return nil, fault
		}
		n.kids = append(n.kids, key, value)
	}
	n.end = p.at
	return n, nil
}

func (p *jsonParser) array(depth int) (*node, *fault) {
	n := &node{kind: sequence, start: p.at}
	p.at++
	for first := true; !p.next(']'); first = false {
		if !first && !p.next(',') {
			return nil, p.fail("a comma is missing in a JSON array")
		}
		value, fault := p.value(depth + 1)
		if fault != nil {
			return nil, fault
		}
		n.kids = append(n.kids, value)
	}
	n.end = p.at
	return n, nil
}

func (p *jsonParser) string() (*node, *fault) {
	n := &node{kind: scalar, style: doubleQuoted, token: p.at, start: p.at + 1}
	for i := p.at + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '"':
			if inner := p.text[p.at+1 : i]; simpleString(inner) {
				n.text = string(inner)
			} else if err := json.Unmarshal(p.text[p.at:i+1], &n.text); err != nil {
				return nil, p.fail("a JSON string is malformed")
			}
			n.end, p.at = i, i+1
			return n, nil
		}
	}
	return nil, p.fail("a JSON string does not end")
}

// simpleString reports whether a string stands for itself: printable ASCII
// without escapes.
func simpleString(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

func (p *jsonParser) literal() (*node, *fault) {
	n := &node{kind: scalar, token: p.at, start: p.at}
	i := p.at
	for i < len(p.text) && !isSpace(p.text[i]) && p.text[i] != ',' && p.text[i] != '}' && p.text[i] != ']' {
		i++
	}
	if !json.Valid(p.text[p.at:i]) {
		return nil, p.fail("a JSON value is malformed")
	}
	n.text, n.end, p.at = string(p.text[p.at:i]), i, i
	n.null = n.text == "null"
	return n, nil
}
