package purge

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Change is what becomes of a ref. No New: it is deleted.
type Change struct {
	Name string // as git has it: any bytes
	Old  string
	New  string
}

// kept is a Change as JSON has it, which knows only UTF-8: of another name the
// bytes are kept beside what people read.
type kept struct {
	Name  string `json:"name"`
	Bytes []byte `json:"name_bytes,omitempty"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

func readable(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// MarshalJSON keeps every byte of the name.
func (c Change) MarshalJSON() ([]byte, error) {
	k := kept{Name: c.Name, Old: c.Old, New: c.New}
	if !utf8.ValidString(c.Name) {
		k.Name, k.Bytes = readable(c.Name), []byte(c.Name)
	}
	return json.Marshal(k)
}

// UnmarshalJSON refuses two names for one ref, and keys that it does not know.
func (c *Change) UnmarshalJSON(text []byte) error {
	var k kept
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&k); err != nil {
		return err
	}
	*c = Change{Name: k.Name, Old: k.Old, New: k.New}
	if k.Bytes != nil {
		if c.Name = string(k.Bytes); utf8.ValidString(c.Name) || readable(c.Name) != k.Name {
			return errors.New("a ref has two names")
		}
	}
	return nil
}
