package rewrite

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// order lists the commits with a mark: parents first, then the oldest first, then by id.
func (s *survey) order(mark reached) []int32 {
	children := make([][]int32, len(s.commits))
	waits := make([]int, len(s.commits))
	q := &oldest{commits: s.commits}
	for i := range s.commits {
		if s.commits[i].reached != mark {
			continue
		}
		for _, parent := range s.commits[i].parents {
			p := s.index[parent]
			if s.commits[p].reached != mark {
				continue
			}
			children[p] = append(children[p], int32(i))
			waits[i]++
		}
		if waits[i] == 0 {
			q.list = append(q.list, int32(i))
		}
	}
	heap.Init(q)
	var order []int32
	for len(q.list) > 0 {
		i := heap.Pop(q).(int32)
		order = append(order, i)
		for _, child := range children[i] {
			if waits[child]--; waits[child] == 0 {
				heap.Push(q, child)
			}
		}
	}
	return order
}

// oldest is a heap of commits. Their positions are in the order of their ids.
type oldest struct {
	commits []node
	list    []int32
}

func (q *oldest) Len() int { return len(q.list) }
func (q *oldest) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	if x, y := q.commits[a].date, q.commits[b].date; x != y {
		return x < y
	}
	return a < b
}
func (q *oldest) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *oldest) Push(x any)    { q.list = append(q.list, x.(int32)) }
func (q *oldest) Pop() any {
	last := len(q.list) - 1
	i := q.list[last]
	q.list = q.list[:last]
	return i
}

// candidates are those of a list of commits that may change, in its order.
func (w *writer) candidates(order []int32) ([]int32, error) {
	var out []int32
	may := make([]bool, len(w.commits))
	for _, i := range order {
		n := &w.commits[i]
		tree, err := w.newTree(n.tree)
		if err != nil {
			return nil, fmt.Errorf("commit %s: %w", n.id, err)
		}
		may[i] = n.tainted || tree != n.tree
		for _, parent := range n.parents {
			to, ok := w.quotes.moved[parent]
			may[i] = may[i] || may[w.index[parent]] || ok && to != parent
		}
		if may[i] {
			out = append(out, i)
		}
	}
	return out, nil
}

// plainTree is what stands in place of a commit's tree.
func (w *writer) plainTree(tree gitrepo.ID) (gitrepo.ID, error) {
	if w.drop != nil {
		return w.drop.root(tree)
	}
	id, _ := w.changed(tree)
	return id, nil
}

// draft is a commit being rewritten.
type draft struct {
	at    int32
	raw   []byte // as it was
	parts parts  // its texts already edited
	out   []byte
}

// chunk is how many commits are read, edited and compressed at a time.
const chunk = 512

// rewriteCommits rewrites commits, parents first. Only the ids of parents tie
// them together, so that reading and writing is done by all workers.
func (w *writer) rewriteCommits(ctx context.Context, list []int32) error {
	waiting := make(map[gitrepo.ID]bool, len(list))
	for _, i := range list {
		waiting[w.commits[i].id] = true
	}
	w.quotes.future = func(id gitrepo.ID) bool { return waiting[id] }
	encoders := make([]*gitrepo.PackEncoder, w.workers)
	readers := make([]*gitrepo.Reader, w.workers)
	for i := range encoders {
		encoders[i], readers[i] = w.pack.Encoder(), w.repo.NewReader(4<<20)
	}
	for len(list) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		drafts := make([]draft, min(chunk, len(list)))
		for i := range drafts {
			drafts[i].at = list[i]
		}
		list = list[len(drafts):]
		err := w.share(len(drafts), func(worker, i int) error { return w.read(readers[worker], &drafts[i]) })
		if err != nil {
			return err
		}
		for i := range drafts {
			if err := w.tie(&drafts[i]); err != nil {
				return fmt.Errorf("commit %s: %w", w.commits[drafts[i].at].id, err)
			}
		}
		err = w.share(len(drafts), func(worker, i int) error {
			_, err := encoders[worker].Add(gitrepo.TypeCommit, drafts[i].out, nil)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// share does n pieces of work with all workers.
func (w *writer) share(n int, work func(worker, i int) error) error {
	var group errgroup.Group
	for worker := range w.workers {
		group.Go(func() error {
			for i := worker; i < n; i += w.workers {
				if err := work(worker, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// read takes a commit apart and edits its texts.
func (w *writer) read(rd *gitrepo.Reader, d *draft) error {
	id := w.commits[d.at].id
	o, err := rd.Object(id)
	if err != nil {
		return err
	}
	d.raw, d.parts = o.Data, split(o.Data)
	if err := w.editor.texts(&d.parts); err != nil {
		return fmt.Errorf("commit %s: %w", id, err)
	}
	return nil
}

// tie gives a commit its new tree, parents and quoted ids.
func (w *writer) tie(d *draft) error {
	n := &w.commits[d.at]
	tree, err := w.newTree(n.tree)
	if err != nil {
		return err
	}
	w.relink(&d.parts, tree)
	if err := w.mergetags(&d.parts); err != nil {
		return err
	}
	d.parts.rest = w.quotes.replace(d.parts.rest)
	d.out = d.parts.join()
	if !bytes.Equal(d.out, d.raw) && d.parts.unsign() {
		w.result.Signatures = append(w.result.Signatures, n.id)
		if err := w.sign(&d.parts); err != nil {
			return err
		}
		d.out = d.parts.join()
	}
	id := gitrepo.HashObject(gitrepo.TypeCommit, d.out, w.repo.HashSize())
	w.quotes.move(n.id, id)
	if id != n.id {
		w.result.noteCommit(n, id, w.quotes.moved)
	}
	return nil
}

// relink edits the lines of the tree and of the parents, which follow it.
func (w *writer) relink(p *parts, tree gitrepo.ID) {
	inside := false
	for i := range p.fields {
		f := &p.fields[i]
		switch key := f.key(); {
		case !inside && key == "tree":
			inside = true
			f.raw = withID(f.raw, tree)
		case inside && key == "parent":
			if old, err := gitrepo.ParseID(string(f.value())); err == nil {
				if id, ok := w.quotes.moved[old]; ok {
					f.raw = withID(f.raw, id)
				}
			}
		case inside:
			return
		}
	}
}

// withID is a header line that names another object; the same line where it does already.
func withID(line []byte, id gitrepo.ID) []byte {
	key, value, _ := bytes.Cut(line, []byte(" "))
	if old, err := gitrepo.ParseID(string(bytes.TrimRight(value, "\n"))); err == nil && old == id {
		return line
	}
	out := append(append(bytes.Clone(key), ' '), id.String()...)
	if bytes.HasSuffix(line, []byte("\n")) {
		out = append(out, '\n')
	}
	return out
}
