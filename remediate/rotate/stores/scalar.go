package stores

import (
	"bytes"
	"reflect"

	"gopkg.in/yaml.v3"
)

// exchange puts a text where a scalar stands, on one line.
func exchange(content []byte, old yaml.Node, text string) ([]byte, error) {
	lines := bytes.SplitAfter(content, []byte("\n"))
	stuck := denied("the sealed value does not stand on one line, in plain or in quotes: write it so")
	if old.Kind != yaml.ScalarNode || old.Value == "" || old.Line < 1 || old.Line > len(lines) || old.Column < 1 {
		return nil, stuck
	}
	line := lines[old.Line-1]
	at := old.Column - 1
	if at < len(line) && (line[at] == '"' || line[at] == '\'') {
		at++
	}
	if at > len(line) || !bytes.HasPrefix(line[at:], []byte(old.Value)) {
		return nil, stuck
	}
	lines[old.Line-1] = append(append(append([]byte{}, line[:at]...), text...), line[at+len(old.Value):]...)
	next := bytes.Join(lines, nil)
	if !same(content, next, old.Value, text) {
		return nil, stuck
	}
	return next, nil
}

// same reports whether two streams differ in one scalar alone.
func same(before, after []byte, old, text string) bool {
	b, a := yaml.NewDecoder(bytes.NewReader(before)), yaml.NewDecoder(bytes.NewReader(after))
	changes := 0
	for {
		var x, y any
		endB, endA := b.Decode(&x) != nil, a.Decode(&y) != nil
		if endB || endA {
			return endB && endA && changes == 1
		}
		x = swap(x, old, text, &changes)
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
}

// swap puts the new text where the old one is, once.
func swap(node any, old, text string, count *int) any {
	switch n := node.(type) {
	case string:
		if n == old {
			*count++
			return text
		}
	case []any:
		for i := range n {
			n[i] = swap(n[i], old, text, count)
		}
	case map[string]any:
		for key := range n {
			n[key] = swap(n[key], old, text, count)
		}
	}
	return node
}
