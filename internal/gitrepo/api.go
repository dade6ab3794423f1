package gitrepo

import (
	"context"
	"errors"
)

var errSoon = errors.ErrUnsupported

// Commit reads and parses a commit.
func (rd *Reader) Commit(id ID) (*Commit, error) { return nil, errSoon }

// Tree reads and parses a tree.
func (rd *Reader) Tree(id ID) ([]Entry, error) { return nil, errSoon }

// DiffTrees visits the files that differ.
func (rd *Reader) DiffTrees(old, new ID, visit func(Change) error) error { return errSoon }

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
