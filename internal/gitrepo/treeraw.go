package gitrepo

import "bytes"

// RawEntry is one line of a tree as it stands there. Its slices point into the tree's content.
type RawEntry struct {
	Mode, Name, ID []byte
	At             int // where the line begins
}

// IsTree reports whether the entry is a folder, also one with a mode that old tools wrote.
func (e *RawEntry) IsTree() bool { return string(bytes.TrimLeft(e.Mode, "0")) == "40000" }

// IsSubmodule reports whether the entry names a commit of another repository.
func (e *RawEntry) IsSubmodule() bool { return string(bytes.TrimLeft(e.Mode, "0")) == "160000" }

// NextRaw reads the line of a tree that begins at an offset, and where the next one
// does; hash is the length of an id in bytes.
func NextRaw(tree []byte, at, hash int) (e RawEntry, next int, err error) {
	rest := tree[at:]
	space := bytes.IndexByte(rest[:min(len(rest), 9)], ' ')
	end := bytes.IndexByte(rest, 0)
	if space <= 0 || end <= space+1 || len(rest) < end+1+hash {
		return e, 0, errTree
	}
	return RawEntry{rest[:space], rest[space+1 : end], rest[end+1 : end+1+hash], at}, at + end + 1 + hash, nil
}
