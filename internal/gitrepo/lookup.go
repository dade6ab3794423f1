package gitrepo

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoPath: the tree has nothing at the path.
var ErrNoPath = errors.New("no such path in the tree")

// Lookup gives the entry at a "/"-separated path below a tree. The error is
// ErrNoPath where there is none, also below a file.
func (rd *Reader) Lookup(tree ID, path string) (Entry, error) {
	at := Entry{Mode: 0o040000, ID: tree}
	for _, name := range strings.Split(path, "/") {
		if at.Mode != 0o040000 || at.ID.IsZero() {
			return Entry{}, fmt.Errorf("%s: %w", path, ErrNoPath)
		}
		entries, err := rd.Tree(at.ID)
		if err != nil {
			return Entry{}, err
		}
		at = Entry{}
		for _, e := range entries {
			if e.Name == name {
				at = e
				break
			}
		}
	}
	if at.ID.IsZero() {
		return Entry{}, fmt.Errorf("%s: %w", path, ErrNoPath)
	}
	return at, nil
}
