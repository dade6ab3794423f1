package scanner

import (
	"container/heap"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/facts"
)

// walkKnown visits what Walk of gitrepo visits, in the same order, and reads only
// the commits that are not known.
func (r *run) walkKnown(ctx context.Context, search func(*gitrepo.Commit) error) (gitrepo.WalkReport, error) {
	w := &knownWalk{
		run: r, search: search, rd: r.repo.NewReader(readerCache), cut: r.repo.Shallow(),
		met: make([]bool, len(r.history.Commits)), seen: map[gitrepo.ID]bool{},
	}
	for _, tip := range r.req.Tips {
		w.tip(tip)
	}
	for len(w.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return w.report, err
		}
		s := heap.Pop(&w.queue).(step)
		w.report.Commits++
		visit := w.unknown
		if s.commit == nil {
			visit = w.known
		}
		if err := visit(s); err != nil {
			return w.report, err
		}
	}
	w.dropReached()
	return w.report, nil
}

// knownWalk is one walk over known and unknown commits.
type knownWalk struct {
	run    *run
	search func(*gitrepo.Commit) error // its message and people
	rd     *gitrepo.Reader
	cut    map[gitrepo.ID]bool // the boundary of a shallow clone
	met    []bool              // by commit of the table
	seen   map[gitrepo.ID]bool // the others
	queue  stepQueue
	report gitrepo.WalkReport
}

// step is a commit that was not visited yet; known commits are not read.
type step struct {
	when   int64
	id     *gitrepo.ID
	fact   int32
	commit *gitrepo.Commit
}

func (w *knownWalk) tip(tip gitrepo.ID) {
	if n, ok := w.run.history.knownCommit(tip); ok && !w.cut[tip] {
		w.pushKnown(n)
		return
	}
	id, kind, err := w.rd.Peel(tip)
	switch {
	case err != nil:
		w.report.Missing = append(w.report.Missing, gitrepo.MissingCommit{ID: id, Reason: err})
	case kind == gitrepo.TypeCommit:
		w.push(id, gitrepo.ID{})
	default:
		w.report.Targets = append(w.report.Targets, gitrepo.TagTarget{Tip: tip, Target: id, Type: kind})
	}
}

// unknown visits a commit that was read.
func (w *knownWalk) unknown(s step) error {
	w.run.keep(s.commit)
	for _, parent := range s.commit.Parents {
		w.push(parent, s.commit.ID)
	}
	return w.search(s.commit)
}

// known visits a commit of the table. A message in which something was found is
// searched again, as the values in it are not kept.
func (w *knownWalk) known(s step) error {
	c := &w.run.history.Commits[s.fact]
	w.run.keepKnown(s.fact)
	if c.Said {
		again, err := w.rd.Commit(c.ID)
		if err != nil {
			w.run.coverage.miss(Skip{Commit: c.ID.String(), Reason: "commit cannot be read: " + reason(err)})
		} else if err := w.search(again); err != nil {
			return err
		}
	}
	for _, parent := range c.Parents {
		if p := &w.run.history.Commits[parent]; p.Known && !w.cut[p.ID] {
			w.pushKnown(parent)
		} else {
			w.push(p.ID, c.ID)
		}
	}
	return nil
}

func (w *knownWalk) pushKnown(n int32) {
	if !w.met[n] {
		w.met[n] = true
		c := &w.run.history.Commits[n]
		heap.Push(&w.queue, step{when: c.When, id: &c.ID, fact: n})
	}
}

// push queues a commit by its id.
func (w *knownWalk) push(id, child gitrepo.ID) {
	if n, ok := w.run.history.knownCommit(id); ok && !w.cut[id] {
		w.pushKnown(n)
		return
	}
	if w.seen[id] {
		return
	}
	w.seen[id] = true
	c, err := w.rd.Commit(id)
	if err != nil {
		w.report.Missing = append(w.report.Missing, gitrepo.MissingCommit{ID: id, Child: child, Reason: err})
		return
	}
	if w.cut[id] {
		for _, parent := range c.Parents {
			w.report.Missing = append(w.report.Missing, gitrepo.MissingCommit{ID: parent, Child: id, Reason: gitrepo.ErrShallow})
		}
		c.Parents = nil
	}
	heap.Push(&w.queue, step{when: c.Committer.When.Unix(), id: &c.ID, commit: c})
}

// dropReached forgets parents that were cut off and reached by another way.
func (w *knownWalk) dropReached() {
	kept := w.report.Missing[:0]
	for _, m := range w.report.Missing {
		n, known := w.run.history.knownCommit(m.ID)
		if reached := w.seen[m.ID] || known && w.met[n]; !errors.Is(m.Reason, gitrepo.ErrShallow) || !reached {
			kept = append(kept, m)
		}
	}
	w.report.Missing = kept
}

// stepQueue is a heap with the newest commit on top, ids deciding ties.
type stepQueue []step

func (q stepQueue) Len() int { return len(q) }
func (q stepQueue) Less(i, j int) bool {
	if q[i].when != q[j].when {
		return q[i].when > q[j].when
	}
	return string(q[i].id.Bytes()) < string(q[j].id.Bytes())
}
func (q stepQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *stepQueue) Push(x any)   { *q = append(*q, x.(step)) }
func (q *stepQueue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	(*q)[last] = step{}
	*q = (*q)[:last]
	return s
}

// keepKnown takes up a commit of the table. Nothing of its people is known: that
// is read where a finding is reported.
func (r *run) keepKnown(n int32) {
	r.coverage.commits.Add(1)
	r.coverage.knownCommits.Add(1)
	r.commits = append(r.commits, commit{id: r.history.Commits[n].ID, fact: n + 1})
}

// recordKnown lists the changes of a known commit, as record does.
func (r *run) recordKnown(n int32) {
	h := r.history
	c := &h.Commits[r.commits[n].fact-1]
	olds := max(1, len(c.Parents))
	for k := c.First; k < c.Last; k++ {
		ch := &h.Changes[k]
		old := h.Olds[ch.Olds:][:olds]
		at := int32(len(r.changes))
		if r.take(change{commit: n, path: ch.Path, blob: ch.Blob, old: old[0]}, old[1:], ch.Link) && ch.Judged {
			h.judged[at] = k
		}
	}
}

// weigh finds out which blobs need not be searched: those that were, for the
// rules that look at one of their paths now.
func (r *run) weigh() {
	h := r.history
	masks := make([]uint64, len(r.paths.values))
	for n, name := range r.paths.values {
		if n < len(h.Paths) {
			masks[n] = h.Paths[n].Rules
			continue
		}
		masks[n] = h.rulesAt(name)
	}
	h.paths, h.masks = masks, make([]uint64, len(r.blobs.values))
	for _, c := range r.changes {
		h.masks[c.blob] |= masks[c.path]
	}
	h.learned = make([]facts.Blob, len(r.blobs.values))
	copy(h.learned, h.Blobs)
}

// rulesAt is the set of the rules that look at some paths only and at this one.
func (h *history) rulesAt(path string) (set uint64) {
	for i, rule := range h.rules {
		if rule.Path.MatchString(path) {
			set |= 1 << i
		}
	}
	return set
}

// known is what is known of a wanted blob, nil for one that has to be searched.
func (r *run) known(blob int32) *facts.Blob {
	h := r.history
	if h == nil || int(blob) >= len(h.Blobs) || !r.wanted[blob] {
		return nil
	}
	if b := &h.Blobs[blob]; b.Known && b.Rules == h.masks[blob] {
		return b
	}
	return nil
}

// countKnown counts the wanted blobs that are not searched again.
func (r *run) countKnown() {
	for n := range r.wanted {
		b := r.known(int32(n))
		if b == nil {
			continue
		}
		r.coverage.count(int(b.Size))
		r.coverage.knownBlobs.Add(1)
		if b.LFS {
			r.coverage.exclude(r.whereIs(int32(n), lfsReason))
		}
		for _, s := range b.Skips {
			r.coverage.skip(r.whereIs(int32(n), s.Reason), s.Closed || s.Limit && r.s.opt.Named.Archives)
		}
	}
}

// quiet reports whether nothing is to be found in a path itself.
func (r *run) quiet(path int32) bool {
	return r.history != nil && int(path) < len(r.history.Paths) && !r.history.Paths[path].Alone
}

// recalled are the findings of a change that are known, where nothing that they
// depend on was searched anew.
func (r *run) recalled(i int32) ([]facts.Finding, bool) {
	if r.history == nil {
		return nil, false
	}
	k, ok := r.history.judged[i]
	if !ok || r.known(r.changes[i].blob) == nil {
		return nil, false
	}
	for _, old := range append([]int32{r.changes[i].old}, r.more[i]...) {
		if old >= 0 && r.known(old) == nil {
			return nil, false
		}
	}
	c := &r.history.Changes[k]
	return r.history.Findings[c.From:c.To], true
}

// recall gives the findings of a use as a known scan had them. It reports false
// when they do not fit the blob.
func (a *attributor) recall(u use) (out []Finding, ok bool) {
	if len(u.recalled) == 0 {
		return nil, true
	}
	text, err := a.text(u)
	if err != nil {
		return nil, false
	}
	lines := make([]int, len(u.recalled))
	for i, f := range u.recalled {
		lines[i] = f.Lines[0]
	}
	hashes := LineHashes(text, lines)
	kept := slices.Clone(u.recalled)
	still := sync.OnceValue(func() func(sighting) bool { return a.stillThere(u) })
	for i := range kept {
		f := &kept[i]
		rule := a.r.s.opt.Rules.Rule(f.Rule)
		if rule == nil || f.Span[1] > len(text) || f.Span[0] > f.Span[1] {
			return nil, false
		}
		value := secret.New(string(text[f.Span[0]:f.Span[1]]))
		a.refresh(u, f, func() bool { return still()(sighting{Match: detect.Match{Rule: rule, Secret: value}}) })
		out = append(out, Finding{
			Rule: rule, Secret: value, Confidence: rules.Confidence(f.Confidence), Severity: rule.Severity,
			At: Place{
				Kind: InContent, Origin: u.origin, Path: u.path, Blob: u.blobID(), Span: f.Span, StartLine: f.Lines[0], EndLine: f.Lines[1],
				StartColumn: f.Columns[0], EndColumn: f.Columns[1], AtHead: f.AtHead,
			},
			Fingerprint: f.Fingerprint, LineHash: hashes[f.Lines[0]], Allowed: f.Allowed, Context: f.Context,
		})
	}
	a.r.history.learn(u.change, kept)
	return out, true
}

// refresh asks anew whether a value is still there, where HEAD has another blob
// than when it was last asked.
func (a *attributor) refresh(u use, f *facts.Finding, ask func() bool) {
	head := a.r.atHead(a.rd, u.path)
	n, there := a.r.blobs.find(head)
	if there && n == f.Head && a.r.known(n) != nil {
		return
	}
	still := ask()
	if !there {
		n = -1
	}
	if f.Head != n || f.AtHead != still {
		f.Head, f.AtHead = n, still
		a.r.history.changed.Store(true)
	}
}
