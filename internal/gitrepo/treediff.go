package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Change is one path that differs between two trees. A zero Old was added, a
// zero New was deleted. Entries are files, symlinks or submodules, never trees;
// their Name is empty and their Mode one of the five git knows today.
type Change struct {
	Path     string // bytes as found, slashes between folders
	Old, New Entry
}

// TreeError says that the difference below one path could not be told.
type TreeError struct {
	Path string // "" is the whole tree
	ID   ID     // the tree that cannot be read
	Err  error
}

func (e *TreeError) Error() string { return fmt.Sprintf("tree %s at %q: %v", e.ID, e.Path, e.Err) }

// Unwrap gives ErrMissing or a *CorruptError.
func (e *TreeError) Unwrap() error { return e.Err }

// Bounds against trees made to be expensive: few distinct objects can nest to
// billions of paths.
const (
	maxTreeDepth = 2048
	maxTreeLines = 50_000_000
)

// DiffTrees visits every file that differs between two trees, in the order of
// paths, as `git diff-tree -r --raw --no-renames` does; the zero ID is the empty
// tree. Subtrees that cannot be read do not end the work: they come back as
// *TreeErrors, joined. An error of visit ends it and is returned.
func (rd *Reader) DiffTrees(old, new ID, visit func(Change) error) error {
	d := &treeDiff{rd: rd, visit: visit}
	if err := d.trees(old, new, 0); err != nil {
		return err
	}
	return errors.Join(d.unread...)
}

// treeDiff is one call of DiffTrees.
type treeDiff struct {
	rd     *Reader
	visit  func(Change) error
	path   []byte
	lines  int
	unread []error
}

func (d *treeDiff) trees(old, new ID, depth int) error {
	if old == new {
		return nil
	}
	a, errA := d.parse(old, depth)
	b, errB := d.parse(new, depth)
	d.note(old, errA)
	d.note(new, errB)
	defer d.rd.freeLines(a)
	defer d.rd.freeLines(b)
	if errA != nil || errB != nil {
		return nil
	}
	return d.merge(a, b, depth)
}

func (d *treeDiff) note(id ID, err error) {
	if err != nil {
		d.unread = append(d.unread, &TreeError{Path: string(bytes.TrimSuffix(d.path, []byte("/"))), ID: id, Err: err})
	}
}

// parse reads a tree's lines in git's order, sorting those of a tree that is not in it.
func (d *treeDiff) parse(id ID, depth int) ([]treeLine, error) {
	data, err := d.rd.treeData(id)
	if err != nil {
		return nil, err
	}
	if depth > maxTreeDepth || d.lines > maxTreeLines {
		return nil, &CorruptError{ID: id, Err: fmt.Errorf("%w: nested too deep or too wide", errTree)}
	}
	lines, sorted := d.rd.takeLines(), true
	for len(data) > 0 {
		e, rest, err := nextTreeLine(data, d.rd.repo.hash)
		if err != nil {
			return nil, &CorruptError{ID: id, Err: err}
		}
		e.mode = canonicalMode(e.mode)
		sorted = sorted && (len(lines) == 0 || compareLines(&lines[len(lines)-1], &e) < 0)
		lines = append(lines, e)
		data = rest
	}
	if !sorted {
		slices.SortStableFunc(lines, func(a, b treeLine) int { return compareLines(&a, &b) })
	}
	d.lines += len(lines)
	return lines, nil
}

// compareLines orders names as git does: a folder as if its name ended in a slash.
func compareLines(a, b *treeLine) int {
	n := min(len(a.name), len(b.name))
	if c := bytes.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return int(a.after(n)) - int(b.after(n))
}

func (e *treeLine) after(n int) byte {
	switch {
	case n < len(e.name):
		return e.name[n]
	case e.mode == ModeTree:
		return '/'
	}
	return 0
}

func (d *treeDiff) merge(a, b []treeLine, depth int) error {
	for len(a) > 0 || len(b) > 0 {
		var old, new treeLine
		c := 0
		switch {
		case len(a) == 0:
			c = 1
		case len(b) == 0:
			c = -1
		default:
			c = compareLines(&a[0], &b[0])
		}
		if c <= 0 {
			old, a = a[0], a[1:]
		}
		if c >= 0 {
			new, b = b[0], b[1:]
		}
		if old.mode == new.mode && bytes.Equal(old.id, new.id) {
			continue
		}
		if err := d.line(old, new, depth); err != nil {
			return err
		}
	}
	return nil
}

// line handles one name; an entry with mode 0 does not exist.
func (d *treeDiff) line(old, new treeLine, depth int) error {
	length := len(d.path)
	defer func() { d.path = d.path[:length] }()
	if old.mode != 0 {
		d.path = append(d.path, old.name...)
	} else {
		d.path = append(d.path, new.name...)
	}
	if old.mode == ModeTree || new.mode == ModeTree { // names of trees and files never compare equal
		d.path = append(d.path, '/')
		return d.trees(old.asID(), new.asID(), depth+1)
	}
	return d.visit(Change{Path: string(d.path), Old: Entry{Mode: old.mode, ID: old.asID()}, New: Entry{Mode: new.mode, ID: new.asID()}})
}

func (e *treeLine) asID() ID {
	if e.mode == 0 {
		return ID{}
	}
	id, _ := IDFromBytes(e.id)
	return id
}

func (rd *Reader) takeLines() []treeLine {
	if n := len(rd.lines); n > 0 {
		lines := rd.lines[n-1]
		rd.lines = rd.lines[:n-1]
		return lines[:0]
	}
	return make([]treeLine, 0, 64)
}

func (rd *Reader) freeLines(lines []treeLine) {
	if cap(lines) > 0 && cap(lines) <= 1<<16 {
		rd.lines = append(rd.lines, lines)
	}
}
