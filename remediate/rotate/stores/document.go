package stores

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// document is the content of a store that keeps one text for a name: the value
// itself, or a JSON object with the value at a key.
type document struct{ text secret.Secret }

// errDocument is why a key of a text cannot be read or written.
var errDocument = errors.New("the store holds no JSON object, so there is no key in it: leave key out if the whole text is the value")

// values are the strings of the document by key, the whole text for "".
func (d document) values() map[string]secret.Secret {
	all := map[string]secret.Secret{"": d.text}
	fields, err := d.fields()
	if err != nil {
		return all
	}
	for key, raw := range fields {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			all[key] = secret.New(text)
		}
	}
	return all
}

func (d document) fields() (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(d.text.Reveal()), &fields) != nil || fields == nil { // what else is in it is kept as it is
		return nil, errDocument
	}
	return fields, nil
}

// with is the document with other values; all else stays.
func (d document) with(values map[string]secret.Secret) (document, error) {
	if whole, ok := values[""]; ok {
		return document{whole}, nil
	}
	fields, err := d.fields()
	if err != nil {
		return d, err
	}
	for key, value := range values {
		if fields[key], err = encode(value.Reveal()); err != nil { // it goes into the document
			return d, err
		}
	}
	text, err := encode(fields)
	return document{secret.New(string(text))}, err
}

// encode is JSON in which &, < and > stay.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}

// textOf takes a string of JSON into a secret.
func textOf(raw []byte) (secret.Secret, error) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return secret.Secret{}, errors.New("a value that is no text")
	}
	return secret.New(text), nil
}

// text keeps a value in a secret from the moment it is read.
type text struct{ secret.Secret }

// UnmarshalJSON takes the value in.
func (t *text) UnmarshalJSON(text []byte) error {
	value, err := textOf(text)
	t.Secret = value
	return err
}

// literal refuses values that a store would read as references to other secrets.
func literal(values map[string]secret.Secret) error {
	for _, value := range values {
		if strings.Contains(value.Reveal(), "${") { // only its form is judged
			return denied("the new value holds ${, which is a reference to another secret there")
		}
	}
	return nil
}

// sorted are the keys of values in one order.
func sorted(values map[string]secret.Secret) []string { return slices.Sorted(maps.Keys(values)) }
