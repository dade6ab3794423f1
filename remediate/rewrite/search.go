package rewrite

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// survey is what a search found in a repository.
type survey struct {
	repo    *gitrepo.Repo
	numbers *gitrepo.Numbers
	editor  *editor
	workers int
	plans   gitrepo.Plans

	blobs   bits // tainted blobs, by number
	found   []gitrepo.ID
	commits []node
	index   map[gitrepo.ID]int32 // of commits
	tags    map[gitrepo.ID]*tagNode

	archives Archives
	pointers map[gitrepo.ID]string // files that stand for objects of LFS
}

func newSurvey(repo *gitrepo.Repo, e *editor) (*survey, error) {
	numbers, err := repo.Numbers()
	if err != nil {
		return nil, err
	}
	return &survey{repo: repo, numbers: numbers, editor: e, workers: runtime.GOMAXPROCS(0),
		blobs: newBits(numbers.Len()), tags: map[gitrepo.ID]*tagNode{}, pointers: map[gitrepo.ID]string{}}, nil
}

// damaged is the error for an object that cannot be read: what is in it is not
// known, so nothing is rewritten.
func damaged(o *gitrepo.Packed) error {
	return fmt.Errorf("%w; git fsck tells what is damaged, a fresh clone may be whole", o.Err)
}

// each visits every object of the types that opts names.
func (s *survey) each(ctx context.Context, opts gitrepo.ScanOptions, visit func(worker int, o *gitrepo.Packed) (any, error)) error {
	opts.All, opts.Workers, opts.Plans = true, s.workers, &s.plans
	return s.repo.Scan(ctx, nil, opts, func(worker int, o gitrepo.Packed) (any, error) {
		if o.Err != nil {
			return nil, damaged(&o)
		}
		return visit(worker, &o)
	})
}

// search finds the blobs that hold a value, and reads every commit and tag.
func (s *survey) search(ctx context.Context) error {
	searchers := make([]searcher, s.workers)
	for i := range searchers {
		searchers[i].stretches.editor = s.editor
	}
	err := s.each(ctx, gitrepo.ScanOptions{Except: gitrepo.TypeTree}, func(worker int, o *gitrepo.Packed) (any, error) {
		return searchers[worker].visit(ctx, o)
	})
	if err != nil {
		return err
	}
	for i := range searchers {
		s.found, s.commits = append(s.found, searchers[i].blobs...), append(s.commits, searchers[i].commits...)
		s.archives.add(searchers[i].archives)
		maps.Copy(s.pointers, searchers[i].pointers)
		for id, tag := range searchers[i].tags {
			s.tags[id] = tag
		}
		searchers[i] = searcher{}
	}
	s.archives.sort()
	slices.SortFunc(s.found, gitrepo.ID.Compare)
	for _, id := range s.found {
		s.blobs.add(s.numbers.Of(id))
	}
	slices.SortFunc(s.commits, func(a, b node) int { return a.id.Compare(b.id) })
	s.index = make(map[gitrepo.ID]int32, len(s.commits))
	for i := range s.commits {
		s.index[s.commits[i].id] = int32(i)
	}
	return nil
}

// searcher is one worker of search.
type searcher struct {
	stretches stretches
	blobs     []gitrepo.ID
	commits   []node
	tags      map[gitrepo.ID]*tagNode
	archives  Archives
	pointers  map[gitrepo.ID]string
}

func (s *searcher) visit(ctx context.Context, o *gitrepo.Packed) (any, error) {
	tainted, note := s.stretches.look(o)
	switch o.Type {
	case gitrepo.TypeBlob:
		if tainted {
			s.blobs = append(s.blobs, o.ID)
		}
		if oid := oidOf(o.Data); oid != "" {
			if s.pointers == nil {
				s.pointers = map[gitrepo.ID]string{}
			}
			s.pointers[o.ID] = oid
		}
		if err := s.archives.look(ctx, s.stretches.editor, o.ID, o.Data, s.stretches.traits); err != nil {
			return nil, err
		}
	case gitrepo.TypeCommit:
		c, err := gitrepo.ParseCommit(o.ID, o.Data)
		if err != nil {
			return nil, err
		}
		s.commits = append(s.commits, node{id: o.ID, tree: c.Tree, parents: c.Parents, date: c.Committer.When.Unix(), tainted: tainted})
	case gitrepo.TypeTag:
		t, err := gitrepo.ParseTag(o.ID, o.Data)
		if err != nil {
			return nil, err
		}
		if s.tags == nil {
			s.tags = map[gitrepo.ID]*tagNode{}
		}
		s.tags[o.ID] = &tagNode{t.Target, tainted}
	}
	return note, nil
}

// node is one commit of the history.
type node struct {
	id, tree gitrepo.ID
	parents  []gitrepo.ID
	date     int64
	tainted  bool // by its own bytes
	reached  reached
}

// reached says from where a commit can be reached; the zero value is nowhere.
type reached uint8

const (
	byRefs  reached = 1
	byNotes reached = 2 // and by nothing else
)

// tagNode is one annotated tag.
type tagNode struct {
	target  gitrepo.ID
	tainted bool
}

// reach marks the commits that tips reach and that are not marked yet. A parent
// that is not there is an error.
func (s *survey) reach(tips []gitrepo.ID, mark reached) error {
	queue := slices.Clone(tips)
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		i, ok := s.index[id]
		if !ok {
			return fmt.Errorf("commit %s: %w", id, gitrepo.ErrMissing)
		}
		if n := &s.commits[i]; n.reached == 0 {
			n.reached = mark
			queue = append(queue, n.parents...)
		}
	}
	return nil
}
