package gitrepo

import (
	"context"
	"errors"
)

var errSoon = errors.ErrUnsupported

// Repo is an open repository.
type Repo struct{}

// Open opens the repository at path or above it.
func Open(path string) (*Repo, error) { return nil, errSoon }

// Close releases the mapped packs.
func (r *Repo) Close() error { return nil }

// GitDir is the folder that holds HEAD.
func (r *Repo) GitDir() string { return "" }

// CommonDir is the folder that holds objects and refs.
func (r *Repo) CommonDir() string { return "" }

// WorkDir is the top of the work tree, "" for a bare repository.
func (r *Repo) WorkDir() string { return "" }

// Name is a short name for messages.
func (r *Repo) Name() string { return "" }

// HashSize is 20 or 32.
func (r *Repo) HashSize() int { return 20 }

// Shallow is the set of commits whose parents were cut off.
func (r *Repo) Shallow() map[ID]bool { return nil }

// Promisor reports a partial clone.
func (r *Repo) Promisor() bool { return false }

// NewReader makes a reader with its own cache.
func (r *Repo) NewReader(cacheBytes int) *Reader { return nil }

// Reader reads single objects; not for concurrent use.
type Reader struct{}

// Object reads a whole object.
func (rd *Reader) Object(id ID) (Object, error) { return Object{}, errSoon }

// ObjectWithin is Object with a size limit in bytes.
func (rd *Reader) ObjectWithin(id ID, limit int64) (Object, error) { return Object{}, errSoon }

// Header tells type and size.
func (rd *Reader) Header(id ID) (Type, int64, error) { return 0, 0, errSoon }

// Commit reads and parses a commit.
func (rd *Reader) Commit(id ID) (*Commit, error) { return nil, errSoon }

// Tree reads and parses a tree.
func (rd *Reader) Tree(id ID) ([]Entry, error) { return nil, errSoon }

// DiffTrees visits the files that differ.
func (rd *Reader) DiffTrees(old, new ID, visit func(Change) error) error { return errSoon }

// Scan visits objects in the fastest order.
func (r *Repo) Scan(ctx context.Context, ids []ID, opts ScanOptions, visit func(worker int, o Packed) error) error {
	return errSoon
}

// Refs lists every ref.
func (r *Repo) Refs() ([]Ref, error) { return nil, errSoon }

// Resolve finds the commit that a revision names.
func (r *Repo) Resolve(rev string) (ID, error) { return ID{}, errSoon }

// Walk visits the commits reachable from tips and not from hidden.
func (r *Repo) Walk(ctx context.Context, tips, hidden []ID, visit func(*Commit) error) (WalkReport, error) {
	return WalkReport{}, errSoon
}

// MergeBases are the best common ancestors of two commits.
func (r *Repo) MergeBases(a, b ID) ([]ID, error) { return nil, errSoon }
