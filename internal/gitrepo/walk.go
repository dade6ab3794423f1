package gitrepo

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
)

// WalkReport says what a walk found and what it could not follow.
type WalkReport struct {
	Commits int             // visited
	Missing []MissingCommit // history that should be there and is not
	Targets []TagTarget     // tips that are no commits
}

// MissingCommit is a commit that a walk should have visited but could not read.
type MissingCommit struct {
	ID     ID
	Child  ID    // the commit that names it as a parent; zero for a tip
	Reason error // ErrShallow, ErrMissing or *CorruptError
}

// TagTarget is a tree or blob that was given as a tip, itself or through a tag.
type TagTarget struct {
	Tip, Target ID
	Type        Type
}

// walkCache is what a walk keeps of objects, in bytes; commits are rarely deltas.
const walkCache = 4 << 20

// Walk visits every commit that can be reached from tips and not from hidden,
// newest first by committer date, merges included. Tips may be tags. Dates only
// order the visits: what is hidden is found by following its history, as far as a
// commit-graph says that it can matter and else all of it, so wrong clocks hide nothing. A commit at the boundary of a shallow clone is
// visited without Parents, as git does. Missing history does not end the walk,
// it is in the report; a hidden id that cannot be read does.
func (r *Repo) Walk(ctx context.Context, tips, hidden []ID, visit func(*Commit) error) (WalkReport, error) {
	w := &walk{repo: r, rd: r.NewReader(walkCache), seen: r.newIDSet()}
	if err := w.hide(ctx, hidden); err != nil {
		return w.report, err
	}
	for _, tip := range tips {
		if err := w.tip(tip); err != nil {
			return w.report, err
		}
	}
	for len(w.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return w.report, err
		}
		c := heap.Pop(&w.queue).(*Commit)
		if err := visit(c); err != nil {
			return w.report, err
		}
		w.report.Commits++
		for _, parent := range c.Parents {
			if err := w.push(parent, c.ID); err != nil {
				return w.report, err
			}
		}
	}
	return w.report, w.dropReached()
}

// walk is one call of Walk.
type walk struct {
	repo   *Repo
	rd     *Reader
	hidden *ancestry // nil: nothing is
	seen   *idSet    // visited or queued
	queue  commitQueue
	report WalkReport
}

// hide finds the commits that the hidden ids name.
func (w *walk) hide(ctx context.Context, hidden []ID) error {
	var commits []ID
	for _, id := range hidden {
		commit, o, err := w.rd.peel(id)
		if err != nil {
			return fmt.Errorf("read hidden revision %s: %w", id, err)
		}
		if o.Type == TypeCommit {
			commits = append(commits, commit)
		}
	}
	if len(commits) > 0 {
		w.hidden = w.repo.ancestry(w.repo.NewReader(walkCache), commits, false)
		w.hidden.stop = ctx.Err
	}
	return nil
}

func (w *walk) isHidden(id ID) (bool, error) {
	if w.hidden == nil {
		return false, nil
	}
	return w.hidden.has(id)
}

func (w *walk) tip(tip ID) error {
	id, o, err := w.rd.peel(tip)
	switch {
	case err != nil:
		w.report.Missing = append(w.report.Missing, MissingCommit{ID: id, Reason: err})
	case o.Type == TypeCommit:
		return w.push(id, ID{})
	default:
		w.report.Targets = append(w.report.Targets, TagTarget{Tip: tip, Target: id, Type: o.Type})
	}
	return nil
}

// push queues a commit that was not seen yet and is not hidden.
func (w *walk) push(id, child ID) error {
	if !w.seen.add(id) {
		return nil
	}
	if hidden, err := w.isHidden(id); err != nil || hidden {
		return err
	}
	c, err := w.rd.Commit(id)
	if err != nil {
		w.report.Missing = append(w.report.Missing, MissingCommit{ID: id, Child: child, Reason: err})
		return nil
	}
	if w.repo.shallow[id] {
		for _, parent := range c.Parents {
			w.report.Missing = append(w.report.Missing, MissingCommit{ID: parent, Child: id, Reason: ErrShallow})
		}
		c.Parents = nil
	}
	heap.Push(&w.queue, c)
	return nil
}

// dropReached forgets parents cut off at a shallow boundary that the walk
// reached, or that are hidden, by another way.
func (w *walk) dropReached() error {
	kept := w.report.Missing[:0]
	for _, m := range w.report.Missing {
		reached := errors.Is(m.Reason, ErrShallow) && w.seen.has(m.ID)
		if !reached && errors.Is(m.Reason, ErrShallow) {
			var err error
			if reached, err = w.isHidden(m.ID); err != nil {
				return err
			}
		}
		if !reached {
			kept = append(kept, m)
		}
	}
	w.report.Missing = kept
	return nil
}

// commitQueue is a heap with the newest commit on top, ids deciding ties.
type commitQueue []*Commit

func (q commitQueue) Len() int { return len(q) }
func (q commitQueue) Less(i, j int) bool {
	a, b := q[i].Committer.When.Unix(), q[j].Committer.When.Unix()
	if a != b {
		return a > b
	}
	return string(q[i].ID.bytes[:]) < string(q[j].ID.bytes[:])
}
func (q commitQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *commitQueue) Push(x any)   { *q = append(*q, x.(*Commit)) }
func (q *commitQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return c
}
