package scanner

import (
	"context"
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
	cut     bool  // a parent is not here: the commit cannot be compared
	named   bool  // it stands for a tag or ref that names a tree or blob
	when    int64 // committer date, seconds since 1970
	fact    int32 // plus one: the commit in the table of what is known, of which only the id is here
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

// interner gives equal texts one small number.
type interner struct {
	values []string
	index  map[string]int32
}

// grow makes room for so many texts in a new interner.
func (in *interner) grow(n int) {
	n += n / 16
	in.values, in.index = make([]string, 0, n), make(map[string]int32, n)
}

func (in *interner) add(v string) int32 {
	if n, ok := in.index[v]; ok {
		return n
	}
	if in.index == nil {
		in.index = map[string]int32{}
	}
	n := int32(len(in.values))
	in.values = append(in.values, v)
	in.index[v] = n
	return n
}

// seal ends the adding: the values stay, and the map, which takes more room than
// they do, goes.
func (in *interner) seal() {
	in.values, in.index = slices.Clone(in.values), nil
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
	search := func(c *gitrepo.Commit) error {
		select {
		case work <- c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	report, err := r.visit(ctx, search)
	close(work)
	if err := errors.Join(err, group.Wait()); err != nil {
		return fmt.Errorf("walk the commits: %w", err)
	}
	r.miss(report)
	return nil
}

// visit keeps every commit that the request reaches and has the unknown ones searched.
func (r *run) visit(ctx context.Context, search func(*gitrepo.Commit) error) (gitrepo.WalkReport, error) {
	if r.history != nil && len(r.history.Commits) > 0 {
		return r.walkKnown(ctx, search)
	}
	return r.repo.Walk(ctx, r.req.Tips, r.req.Hidden, func(c *gitrepo.Commit) error {
		r.keep(c)
		return search(c)
	})
}

func (r *run) keep(c *gitrepo.Commit) {
	r.coverage.commits.Add(1)
	r.trees[c.ID] = c.Tree
	r.commits = append(r.commits, commit{
		id: c.ID, tree: c.Tree, parents: c.Parents,
		author: c.Author.Name, email: c.Author.Email, date: c.Author.When, when: c.Committer.When.Unix(),
	})
	r.history.meet(c.ID)
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
					if r.commits[n].fact > 0 {
						continue
					}
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
	for n := range r.commits {
		part := &parts[n/slice]
		if r.commits[n].fact > 0 {
			r.recordKnown(int32(n))
		}
		mine := 0
		for mine < len(*part) && (*part)[mine].commit == int32(n) {
			mine++
		}
		r.record((*part)[:mine])
		if *part = (*part)[mine:]; len(*part) == 0 {
			*part = nil
		}
	}
	if r.history != nil {
		r.weigh()
	}
	r.changes = slices.Clone(r.changes)
	r.paths.seal()
	r.blobs.seal()
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
		link := fileType(f.mode) == typeGitlink
		if r.history == nil && r.leftOut(f.path, link) { // nobody will ask for its numbers
			continue
		}
		c := change{commit: f.commit, path: r.paths.add(f.path), blob: r.blobs.add(f.blob), old: r.old(f.olds[0])}
		var more []int32
		for _, old := range f.olds[1:] {
			more = append(more, r.old(old))
		}
		r.take(c, more, link)
	}
}

// take keeps a change, and reports whether its blob is to be read. more are its
// further old blobs.
func (r *run) take(c change, more []int32, link bool) bool {
	at := int32(len(r.changes))
	if r.leftOut(r.paths.values[c.path], link) {
		r.aside = append(r.aside, asideChange{c, more, link, at})
		return false
	}
	r.want(c.blob)
	if len(more) > 0 {
		r.more[at] = more
	}
	r.changes = append(r.changes, c)
	return true
}

// asideChange is a change that is not looked at, and the one that it stood before.
type asideChange struct {
	change
	more   []int32
	link   bool
	before int32
}

// leftOut names the changes that are not followed, and reports whether one is.
func (r *run) leftOut(path string, link bool) bool {
	reason := submodule
	if !link {
		known, ok := r.reasons[path]
		if !ok {
			known = r.s.opt.Exclude(path)
			r.reasons[path] = known
		}
		reason = known
	}
	if reason != "" {
		r.coverage.exclude(Skip{Path: path, Reason: reason})
	}
	return reason != ""
}

// want marks a blob that is to be read.
func (r *run) want(blob int32) {
	for int(blob) >= len(r.wanted) {
		r.wanted = append(r.wanted, false)
	}
	r.wanted[blob] = true
}

// old numbers a blob that something is compared with.
func (r *run) old(id gitrepo.ID) int32 {
	if id.IsZero() {
		return -1
	}
	return r.blobs.add(id)
}
