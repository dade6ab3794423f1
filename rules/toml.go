package rules

import (
	"cmp"
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Bounds of a document: no walk over it is deep, and no table is large,
// because go-toml compares each key of a table with all the others.
const (
	maxKeyParts  = 32
	maxTableKeys = 200
)

// value is one TOML value with the place it was written at.
type value struct {
	name  string        // of its key, as written
	kind  unstable.Kind // String, Bool, Float, Integer, a date kind, Array or Table
	at    int
	text  string
	items []*value          // of an Array
	keys  map[string]*value // of a Table, by lower-case name: gitleaks ignores the case of keys
}

func newTable(at int) *value {
	return &value{kind: unstable.Table, at: at, keys: map[string]*value{}}
}

// parseTOML reads a document. Unless the text is trusted, go-toml's own
// decoder judges it too: it knows every rule on redefined tables.
func parseTOML(src *source, trusted bool) (*value, error) {
	root := newTable(0)
	table := root
	var p unstable.Parser
	p.Reset(src.text)
	for p.NextExpression() {
		var err error
		if table, err = place(src, root, table, p.Expression()); err != nil {
			return nil, err
		}
	}
	if err := p.Error(); err != nil {
		return nil, syntaxError(src, &p, err)
	}
	if trusted {
		return root, nil
	}
	return root, judgeTOML(src)
}

func syntaxError(src *source, p *unstable.Parser, err error) error {
	if decode := judgeTOML(src); decode != nil {
		return decode
	}
	var parse *unstable.ParserError
	if errors.As(err, &parse) {
		return src.errorAt(int(p.Range(parse.Highlight).Offset), "", "%s", parse.Message)
	}
	return src.errorAt(0, "", "not TOML: %v", err)
}

func judgeTOML(src *source) error {
	var anything map[string]any
	err := toml.Unmarshal(src.text, &anything)
	if err == nil {
		return nil
	}
	message := strings.TrimPrefix(err.Error(), "toml: ")
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, column := decode.Position()
		return &ConfigError{File: src.name, Line: line, Column: column, Msg: "not TOML: " + message}
	}
	return src.errorAt(0, "", "not TOML: %s", message)
}

// place puts one top-level expression into the tree and returns the table
// that the following key-value pairs belong to.
func place(src *source, root, table *value, e *unstable.Node) (*value, error) {
	switch e.Kind {
	case unstable.Table:
		parent, last, err := descend(src, root, e.Key())
		if err != nil {
			return nil, err
		}
		return step(src, parent, last)
	case unstable.ArrayTable:
		return appendTable(src, root, e)
	case unstable.KeyValue:
		return table, placePair(src, table, e)
	default:
		return table, nil
	}
}

// key is one part of a dotted key.
type key struct {
	written string
	at      int
}

func (k key) folded() string { return strings.ToLower(k.written) }

// put adds a value under a key that the table does not have yet.
func (t *value) put(src *source, k key, v *value) error {
	if len(t.keys) == maxTableKeys {
		return src.errorAt(k.at, "", "more than %d keys in one table", maxTableKeys)
	}
	v.name = k.written
	t.keys[k.folded()] = v
	return nil
}

// get returns the value of a key, or nil. One key written in two cases is an
// error: gitleaks takes either by chance.
func (t *value) get(src *source, k key) (*value, error) {
	v := t.keys[k.folded()]
	if v != nil && v.name != k.written {
		return nil, src.errorAt(k.at, "", "key %q is also written %q (upper and lower case are one key)", k.written, v.name)
	}
	return v, nil
}

// descend walks all but the last part of a key, making tables as needed.
func descend(src *source, from *value, parts unstable.Iterator) (*value, key, error) {
	var last key
	for n := 0; parts.Next(); n++ {
		if n == maxKeyParts {
			return nil, last, src.errorAt(last.at, "", "a key of more than %d parts", maxKeyParts)
		}
		if n > 0 {
			var err error
			if from, err = step(src, from, last); err != nil {
				return nil, last, err
			}
		}
		node := parts.Node()
		last = key{string(node.Data), int(node.Raw.Offset)}
	}
	return from, last, nil
}

// step enters a table, or the latest table of an array.
func step(src *source, from *value, k key) (*value, error) {
	next, err := from.get(src, k)
	if err != nil {
		return nil, err
	}
	if next == nil {
		next = newTable(k.at)
		if err := from.put(src, k, next); err != nil {
			return nil, err
		}
	}
	if next.kind == unstable.Array && len(next.items) > 0 {
		next = next.items[len(next.items)-1]
	}
	if next.kind != unstable.Table {
		return nil, src.errorAt(k.at, "", "%q is not a table", k.written)
	}
	return next, nil
}

func appendTable(src *source, root *value, e *unstable.Node) (*value, error) {
	parent, last, err := descend(src, root, e.Key())
	if err != nil {
		return nil, err
	}
	list, err := parent.get(src, last)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = &value{kind: unstable.Array, at: last.at}
		if err := parent.put(src, last, list); err != nil {
			return nil, err
		}
	}
	if list.kind != unstable.Array {
		return nil, src.errorAt(last.at, "", "%q is both a table and a list of tables", last.written)
	}
	table := newTable(last.at)
	list.items = append(list.items, table)
	return table, nil
}

func placePair(src *source, table *value, e *unstable.Node) error {
	parent, last, err := descend(src, table, e.Key())
	if err != nil {
		return err
	}
	if before, err := parent.get(src, last); err != nil || before != nil {
		return cmp.Or(err, error(src.errorAt(last.at, "", "key %q is written twice", last.written)))
	}
	v, err := readValue(src, e.Value(), last.at)
	if err != nil {
		return err
	}
	return parent.put(src, last, v)
}

// readValue copies a value out of the parser; go-toml bounds the nesting.
func readValue(src *source, n *unstable.Node, at int) (*value, error) {
	switch n.Kind {
	case unstable.Array:
		return readArray(src, n, at)
	case unstable.InlineTable:
		table := newTable(at)
		for it := n.Children(); it.Next(); {
			if err := placePair(src, table, it.Node()); err != nil {
				return nil, err
			}
		}
		return table, nil
	default:
		if n.Raw.Length > 0 {
			at = int(n.Raw.Offset)
		}
		return &value{kind: n.Kind, at: at, text: string(n.Data)}, nil
	}
}

func readArray(src *source, n *unstable.Node, at int) (*value, error) {
	list := &value{kind: unstable.Array, at: at}
	for it := n.Children(); it.Next(); {
		if it.Node().Kind == unstable.Comment {
			continue
		}
		item, err := readValue(src, it.Node(), at)
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, item)
	}
	return list, nil
}
