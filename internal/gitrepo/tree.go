package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
)

// Entry is one line of a tree.
type Entry struct {
	Mode uint32 // as stored: 0o100644, 0o100755, ModeSymlink, ModeSubmodule, ModeTree
	Name string // bytes as found
	ID   ID
}

// Modes of entries that are not plain files.
const (
	ModeTree      = 0o040000
	ModeSymlink   = 0o120000
	ModeSubmodule = 0o160000
)

var errTree = errors.New("invalid tree")

// Tree reads and parses a tree.
func (rd *Reader) Tree(id ID) ([]Entry, error) {
	data, err := rd.treeData(id)
	if err != nil {
		return nil, err
	}
	return ParseTree(id, data, rd.repo.hash)
}

// treeData is a tree's content; the zero ID is the empty tree.
func (rd *Reader) treeData(id ID) ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	o, err := rd.Object(id)
	if err != nil {
		return nil, err
	}
	if o.Type != TypeTree {
		return nil, &CorruptError{ID: id, Err: fmt.Errorf("it is a %s where a tree belongs", o.Type)}
	}
	return o.Data, nil
}

// ParseTree reads a tree's content; hash is the length of an id in bytes.
func ParseTree(id ID, data []byte, hash int) ([]Entry, error) {
	var entries []Entry
	for len(data) > 0 {
		e, rest, err := nextTreeLine(data, hash)
		if err != nil {
			return nil, &CorruptError{ID: id, Err: err}
		}
		of, _ := IDFromBytes(e.id)
		entries = append(entries, Entry{Mode: e.mode, Name: string(e.name), ID: of})
		data = rest
	}
	return entries, nil
}

// treeLine is an entry that points into the tree's content.
type treeLine struct {
	mode     uint32
	name, id []byte
}

func nextTreeLine(data []byte, hash int) (e treeLine, rest []byte, err error) {
	i := 0
	for ; i < len(data) && i < 8 && data[i] >= '0' && data[i] <= '7'; i++ {
		e.mode = e.mode<<3 | uint32(data[i]-'0')
	}
	if i == 0 || i >= len(data) || data[i] != ' ' {
		return e, nil, fmt.Errorf("%w: no mode", errTree)
	}
	data = data[i+1:]
	end := bytes.IndexByte(data, 0)
	if end <= 0 || len(data) < end+1+hash {
		return e, nil, fmt.Errorf("%w: cut off", errTree)
	}
	e.name, e.id = data[:end], data[end+1:end+1+hash]
	return e, data[end+1+hash:], nil
}

// canonicalMode maps the modes that old tools wrote to those git knows today.
func canonicalMode(mode uint32) uint32 {
	switch mode & 0o170000 {
	case 0o100000:
		return 0o100644 | mode&0o100>>6*0o111
	case ModeSymlink, ModeTree:
		return mode & 0o170000
	}
	return ModeSubmodule
}
