// Package gitrepo reads what git holds: objects of either hash in packs and
// loose files, refs, revisions, commits, trees, the index and the working tree.
// It knows nothing of secrets. It never runs git and never writes.
package gitrepo

import (
	"encoding/hex"
	"fmt"
)

// ID names an object: 20 bytes of SHA-1 or 32 of SHA-256. The zero ID is no object.
type ID struct {
	size  uint8
	bytes [32]byte
}

// IDFromBytes takes the 20 or 32 bytes of a hash.
func IDFromBytes(raw []byte) (ID, error) {
	if len(raw) != 20 && len(raw) != 32 {
		return ID{}, fmt.Errorf("an object id has 20 or 32 bytes, not %d", len(raw))
	}
	id := ID{size: uint8(len(raw))}
	copy(id.bytes[:], raw)
	return id, nil
}

// ParseID reads a whole id of 40 or 64 hexadecimal digits.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 40 && len(text) != 64 {
		return ID{}, fmt.Errorf("%q is not an object id: it has %d characters, not 40 or 64", text, len(text))
	}
	for i := range len(text) / 2 {
		high, low := hexDigits[text[2*i]], hexDigits[text[2*i+1]]
		if high|low > 15 {
			return ID{}, fmt.Errorf("%q is not an object id", text)
		}
		id.bytes[i] = high<<4 | low
	}
	id.size = uint8(len(text) / 2)
	return id, nil
}

// hexDigits are the values of hexadecimal digits, 255 for all other bytes.
var hexDigits = func() (table [256]uint8) {
	for i := range table {
		table[i] = 255
	}
	for i := range 16 {
		table["0123456789abcdef"[i]], table["0123456789ABCDEF"[i]] = uint8(i), uint8(i)
	}
	return table
}()

// Bytes is the hash; it must not be changed.
func (id *ID) Bytes() []byte { return id.bytes[:id.size] }

// IsZero reports whether id names no object: the zero ID and git's all-zero hash.
func (id ID) IsZero() bool { return id.bytes == [32]byte{} }

// String is the id in hexadecimal, "" for the zero ID.
func (id ID) String() string { return hex.EncodeToString(id.bytes[:id.size]) }
