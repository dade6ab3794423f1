package scanner

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// commit is what is kept of each commit walked.
type commit struct {
	id      gitrepo.ID
	tree    gitrepo.ID
	parents []gitrepo.ID
	author  string
	email   string
	date    time.Time
	cut     bool // a parent is not here: the commit cannot be compared
}

func (c *commit) public() Commit {
	return Commit{ID: c.id.String(), Author: c.author, Email: c.email, Date: c.date}
}

// change is a path whose content one commit brought in: a blob that none of the
// commit's parents has there.
type change struct {
	commit int32
	path   int32
	blob   int32
	old    int32 // the blob of the first parent at the path, -1 for none
}

// interner gives equal values one small number.
type interner[T comparable] struct {
	values []T
	index  map[T]int32
}

func (in *interner[T]) add(v T) int32 {
	if n, ok := in.index[v]; ok {
		return n
	}
	if in.index == nil {
		in.index = map[T]int32{}
	}
	n := int32(len(in.values))
	in.values = append(in.values, v)
	in.index[v] = n
	return n
}

// seal ends the adding: the values stay, and the map, which takes more room than
// they do, goes.
func (in *interner[T]) seal() {
	in.values, in.index = slices.Clone(in.values), nil
}

// blobNumbers finds the number of a blob without a map.
type blobNumbers struct {
	ids   []gitrepo.ID
	order []int32 // of the ids by their bytes
}

func newBlobNumbers(ids []gitrepo.ID) blobNumbers {
	b := blobNumbers{ids, make([]int32, len(ids))}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	slices.SortFunc(b.order, func(x, y int32) int { return bytes.Compare(ids[x].Bytes(), ids[y].Bytes()) })
	return b
}

func (b blobNumbers) find(id gitrepo.ID) (int32, bool) {
	at, ok := slices.BinarySearchFunc(b.order, id, func(n int32, id gitrepo.ID) int { return bytes.Compare(b.ids[n].Bytes(), id.Bytes()) })
	if !ok {
		return 0, false
	}
	return b.order[at], true
}

// walk lists the commits and searches their messages.
func (r *run) walk() error {
	if len(r.req.Tips) == 0 {
		return nil
	}
	work := make(chan *gitrepo.Commit, 256)
	group, ctx := errgroup.WithContext(r.ctx)
	for range r.s.opt.Workers {
		group.Go(func() error { return r.searchMessages(work) })
	}
	report, err := r.repo.Walk(ctx, r.req.Tips, r.req.Hidden, func(c *gitrepo.Commit) error {
		r.keep(c)
		select {
		case work <- c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(work)
	if err := errors.Join(err, group.Wait()); err != nil {
		return fmt.Errorf("walk the commits: %w", err)
	}
	r.miss(report)
	return nil
}

func (r *run) keep(c *gitrepo.Commit) {
	r.coverage.commits.Add(1)
	r.trees[c.ID] = c.Tree
	r.commits = append(r.commits, commit{
		id: c.ID, tree: c.Tree, parents: c.Parents,
		author: c.Author.Name, email: c.Author.Email, date: c.Author.When,
	})
	if n := len(r.commits); n%1000 == 0 {
		r.s.opt.Progress(Progress{Stage: "commits", Done: n})
	}
}

// miss files what a walk could not reach, and marks the commits whose parents
// are not here.
func (r *run) miss(report gitrepo.WalkReport) {
	cut := map[gitrepo.ID]bool{}
	for _, m := range report.Missing {
		cut[m.Child] = true
		why := "commit cannot be read: " + reason(m.Reason)
		if errors.Is(m.Reason, gitrepo.ErrShallow) {
			why = "shallow clone: older commits are not here (git fetch --unshallow)"
		}
		r.coverage.miss(Skip{Commit: m.Child.String(), Reason: why})
	}
	for i := range r.commits {
		r.commits[i].cut = cut[r.commits[i].id]
	}
	for _, t := range report.Targets {
		r.target(t)
	}
}

// diff lists what each commit brought in, a slice of the commits to each worker.
func (r *run) diff() error {
	const slice = 64
	parts := make([][]fileChange, (len(r.commits)+slice-1)/slice)
	group, ctx := errgroup.WithContext(r.ctx)
	next := make(chan int)
	group.Go(func() error {
		defer close(next)
		for i := range parts {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range r.s.opt.Workers {
		group.Go(func() error {
			rd := r.repo.NewReader(readerCache)
			for i := range next {
				for n := i * slice; n < min((i+1)*slice, len(r.commits)); n++ {
					err := guarded(func() error {
						parts[i] = r.compare(rd, int32(n), parts[i])
						return nil
					})
					if err != nil {
						r.coverage.miss(Skip{Commit: r.commits[n].id.String(), Reason: reason(err)})
						rd = r.repo.NewReader(readerCache)
					}
				}
				r.s.opt.Progress(Progress{Stage: "changes", Done: i * slice, Total: len(r.commits)})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.trees = nil
	for i, part := range parts {
		r.record(part)
		parts[i] = nil
	}
	r.changes = slices.Clone(r.changes)
	r.paths.seal()
	r.blobs.seal()
	r.numbers = newBlobNumbers(r.blobs.values)
	return nil
}

// readerCache is the delta bases a worker's reader keeps, in bytes.
const readerCache = 16 << 20

// fileChange is a change before its names are numbered.
type fileChange struct {
	commit int32
	path   string
	mode   uint32
	blob   gitrepo.ID
	olds   []gitrepo.ID // one per parent, zero where the path is new or of another type
}

// compare lists the paths of a commit that differ from every parent.
func (r *run) compare(rd *gitrepo.Reader, n int32, out []fileChange) []fileChange {
	c := &r.commits[n]
	if len(c.parents) == 0 || c.cut {
		r.compareWith(rd, c, gitrepo.ID{}, func(ch gitrepo.Change) {
			out = append(out, newFileChange(n, ch))
		})
		return out
	}
	first := len(out)
	for i, parent := range c.parents {
		tree, err := r.treeOf(rd, parent)
		if err != nil {
			r.coverage.miss(Skip{Commit: c.id.String(), Reason: "parent cannot be read: " + reason(err)})
		}
		if i == 0 {
			r.compareWith(rd, c, tree, func(ch gitrepo.Change) { out = append(out, newFileChange(n, ch)) })
			continue
		}
		out = append(out[:first], r.both(rd, c, tree, out[first:])...)
	}
	return out
}

// both keeps of the changes known so far those that a further parent shows too.
func (r *run) both(rd *gitrepo.Reader, c *commit, tree gitrepo.ID, known []fileChange) []fileChange {
	if len(known) == 0 {
		return known
	}
	changed := map[string]gitrepo.ID{}
	r.compareWith(rd, c, tree, func(ch gitrepo.Change) { changed[ch.Path] = oldBlob(ch) })
	kept := known[:0]
	for _, k := range known {
		if old, ok := changed[k.path]; ok {
			k.olds = append(k.olds, old)
			kept = append(kept, k)
		}
	}
	return kept
}

// compareWith reports the files that a commit's tree has and another lacks or
// has differently.
func (r *run) compareWith(rd *gitrepo.Reader, c *commit, other gitrepo.ID, visit func(gitrepo.Change)) {
	paths := 0
	err := rd.DiffTrees(other, c.tree, func(ch gitrepo.Change) error {
		if paths++; paths > maxPaths {
			return errManyPaths
		}
		if !ch.New.ID.IsZero() && (ch.Old.ID != ch.New.ID || fileType(ch.Old.Mode) != fileType(ch.New.Mode)) {
			visit(ch)
		}
		return r.ctx.Err()
	})
	if err != nil && r.ctx.Err() == nil {
		r.coverage.miss(Skip{Commit: c.id.String(), Reason: "tree cannot be read: " + reason(err)})
	}
}

// maxPaths is how many changed paths of one commit are looked at. A tree may name
// itself again and again, and so stand for more paths than any disk holds.
const maxPaths = 1 << 21

var errManyPaths = fmt.Errorf("more than %d paths differ", maxPaths)

func newFileChange(n int32, ch gitrepo.Change) fileChange {
	return fileChange{commit: n, path: ch.Path, mode: ch.New.Mode, blob: ch.New.ID, olds: []gitrepo.ID{oldBlob(ch)}}
}

// oldBlob is the blob a change is compared with; a symbolic link that becomes a
// file, or the reverse, is compared with nothing.
func oldBlob(ch gitrepo.Change) gitrepo.ID {
	if fileType(ch.Old.Mode) != fileType(ch.New.Mode) {
		return gitrepo.ID{}
	}
	return ch.Old.ID
}

// The file types of a tree entry: the mode without its permission bits.
const (
	typeMask    = 0o170000
	typeGitlink = 0o160000
	typeTree    = 0o040000
)

func fileType(mode uint32) uint32 { return mode & typeMask }

// treeOf is the tree of a commit; it is zero, and no error, for one in the walk.
func (r *run) treeOf(rd *gitrepo.Reader, id gitrepo.ID) (gitrepo.ID, error) {
	if tree, ok := r.trees[id]; ok {
		return tree, nil
	}
	c, err := rd.Commit(id)
	if err != nil {
		return gitrepo.ID{}, err
	}
	return c.Tree, nil
}

// record numbers the names of changes and keeps those that are to be read.
func (r *run) record(part []fileChange) {
	for _, f := range part {
		if fileType(f.mode) == typeGitlink {
			r.coverage.exclude(Skip{Path: f.path, Reason: submodule})
			continue
		}
		if reason := r.s.opt.Exclude(f.path); reason != "" {
			r.coverage.exclude(Skip{Path: f.path, Reason: reason})
			continue
		}
		c := change{commit: f.commit, path: r.paths.add(f.path), blob: r.want(f.blob), old: r.old(f.olds[0])}
		for _, old := range f.olds[1:] {
			n := int32(len(r.changes))
			r.more[n] = append(r.more[n], r.old(old))
		}
		r.changes = append(r.changes, c)
	}
}

// want numbers a blob that is to be read.
func (r *run) want(id gitrepo.ID) int32 {
	n := r.blobs.add(id)
	for int(n) >= len(r.wanted) {
		r.wanted = append(r.wanted, false)
	}
	r.wanted[n] = true
	return n
}

// old numbers a blob that something is compared with.
func (r *run) old(id gitrepo.ID) int32 {
	if id.IsZero() {
		return -1
	}
	return r.blobs.add(id)
}
