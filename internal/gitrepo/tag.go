package gitrepo

import "fmt"

// Tag is one parsed annotated tag.
type Tag struct {
	ID, Target ID
	TargetType Type
	Name       string
	Tagger     Person
	Message    string // with its signature, if any
	Raw        []byte // the whole object; must not be changed
}

// ParseTag reads an annotated tag's content, as forgiving as ParseCommit.
func ParseTag(id ID, raw []byte) (*Tag, error) {
	t := &Tag{ID: id, Raw: raw}
	var bad error
	message := eachHeader(raw, func(key, value []byte) {
		switch string(key) {
		case "object":
			t.Target, bad = parseIDBytes(value)
		case "type":
			t.TargetType, _ = typeByName(string(value))
		case "tag":
			t.Name = string(value)
		case "tagger":
			t.Tagger = parsePerson(value)
		}
	})
	if bad == nil && t.Target.IsZero() {
		bad = fmt.Errorf("the tag names no object")
	}
	if bad != nil {
		return nil, &CorruptError{ID: id, Err: bad}
	}
	t.Message = string(message)
	return t, nil
}

// Peel follows tags to what they name. The id is the one that could not be read
// when there is an error.
func (rd *Reader) Peel(id ID) (ID, Type, error) {
	target, o, err := rd.peel(id)
	return target, o.Type, err
}

// maxPeel is how many tags may point to each other in a row.
const maxPeel = 64

// peel follows tags to what they name. Targets are read, so that the type is the true one.
func (rd *Reader) peel(id ID) (ID, Object, error) {
	for range maxPeel {
		o, err := rd.Object(id)
		if err != nil || o.Type != TypeTag {
			return id, o, err
		}
		tag, err := ParseTag(id, o.Data)
		if err != nil {
			return id, o, err
		}
		id = tag.Target
	}
	return id, Object{}, &CorruptError{ID: id, Err: fmt.Errorf("more than %d tags point to each other", maxPeel)}
}
