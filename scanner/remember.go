package scanner

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner/facts"
)

// fact is a finding as it is kept. It reports false for one whose value does not
// stand in the blob as it is: that has to be found again.
func (a *attributor) fact(u use, f sighting, found Finding) (facts.Finding, bool) {
	text, err := a.text(u)
	span := found.At.Span
	if err != nil || f.kind != InContent || f.view != "" || len(f.via) > 0 || span[1] > len(text) {
		return facts.Finding{}, false
	}
	if !secret.New(string(text[span[0]:span[1]])).Equal(f.Secret) {
		return facts.Finding{}, false
	}
	head := int32(-1)
	if n, ok := a.r.blobs.find(a.r.atHead(a.rd, u.path)); ok {
		head = n
	}
	return facts.Finding{
		Rule: found.Rule.ID, Context: found.Context, Confidence: int(found.Confidence), Allowed: found.Allowed,
		Span: span, Lines: [2]int{found.At.StartLine, found.At.EndLine}, Columns: [2]int{found.At.StartColumn, found.At.EndColumn},
		Fingerprint: found.Fingerprint, Head: head, AtHead: found.At.AtHead,
	}, true
}

// remember stores what a complete scan has learned, and what it knew.
func (r *run) remember() {
	r.history.cache.Store(r.history.name, func(to io.Writer) error {
		m := &memoir{run: r, history: r.history, e: facts.NewEncoder(to, r.history.key)}
		m.e.Path, m.e.Blob = m.path, m.blob
		m.number()
		m.findTelling()
		for n := range r.commits {
			m.skipNamed()
			if r.commits[n].named {
				continue
			}
			if err := m.commit(int32(n)); err != nil {
				return err
			}
		}
		if m.skipNamed(); int(m.change) != len(r.changes) || m.aside != len(r.aside) {
			return errOrder
		}
		return m.e.Close()
	})
}

// errOrder keeps a table from being stored in which a change is missing.
var errOrder = errors.New("the commits and changes of the scan do not belong together")

// memoir writes what a run knows, commit by commit.
type memoir struct {
	run     *run
	history *history
	e       *facts.Encoder
	at      []int32              // commit of the table to commit of the run
	fresh   map[gitrepo.ID]int32 // the other commits
	values  secret.Redactor      // those that were found
	telling []bool               // by path: a value stands in its name
	change  int32                // the next change
	aside   int
	ids     []gitrepo.ID
	list    []item
	olds    []int32
	parts   []int32
}

// number makes the commits findable by which others name their parents.
func (m *memoir) number() {
	m.at, m.fresh = make([]int32, len(m.history.Commits)), map[gitrepo.ID]int32{}
	for i := range m.at {
		m.at[i] = -1
	}
	for n := range m.run.commits {
		if c := &m.run.commits[n]; c.fact > 0 {
			m.at[c.fact-1] = int32(n)
		} else if !c.named {
			m.fresh[c.id] = int32(n)
		}
	}
}

// findTelling marks the paths in whose names values stand, which must not be kept.
func (m *memoir) findTelling() {
	r := m.run
	m.telling = make([]bool, len(r.paths.values))
	sc := r.s.takeScratch()
	defer r.s.giveBack(sc)
	for n, path := range r.paths.values {
		if n >= len(m.history.Paths) {
			found, err := r.s.inName(r.ctx, sc, path)
			m.telling[n] = err != nil || len(found) > 0
		}
	}
	for _, f := range r.findings {
		m.values.Add(f.Secret)
	}
	if !m.tells(strings.Join(r.paths.values, "\n")) {
		return
	}
	for n, path := range r.paths.values {
		m.telling[n] = m.telling[n] || m.tells(path)
	}
}

// skipNamed passes over what belongs to no commit.
func (m *memoir) skipNamed() {
	r := m.run
	for int(m.change) < len(r.changes) && r.commits[r.changes[m.change].commit].named {
		m.change++
	}
	for m.aside < len(r.aside) && r.commits[r.aside[m.aside].commit].named {
		m.aside++
	}
}

func (m *memoir) tells(text string) bool { return m.values.Redact(text) != text }

// item is a change of a commit, looked at or not.
type item struct {
	change
	more  []int32
	link  bool
	index int32 // -1 for one that is not looked at
}

// items are the changes of a commit in their order. Commits come one after the other.
func (m *memoir) items(n int32) []item {
	r := m.run
	out := m.list[:0]
	defer func() { m.list = out }()
	for {
		if m.aside < len(r.aside) && r.aside[m.aside].commit == n && r.aside[m.aside].before <= m.change {
			a := r.aside[m.aside]
			out = append(out, item{a.change, a.more, a.link, -1})
			m.aside++
			continue
		}
		if int(m.change) >= len(r.changes) || r.changes[m.change].commit != n {
			return out
		}
		out = append(out, item{r.changes[m.change], r.more[m.change], false, m.change})
		m.change++
	}
}

// commit writes a commit with its changes. One that git shows without its
// parents, or in whose paths a value stands, is not described.
func (m *memoir) commit(n int32) error {
	c, items := &m.run.commits[n], m.items(n)
	told := facts.Commit{ID: c.id, Parents: m.parts[:0], Known: !m.run.repo.Shallow()[c.id], Said: m.history.said[c.id], When: c.when}
	for _, it := range items {
		told.Known = told.Known && !m.telling[it.path]
	}
	for _, p := range m.parents(c) {
		at, ok := m.find(p)
		if !ok {
			return errOrder
		}
		told.Parents = append(told.Parents, at)
	}
	if c.fact > 0 {
		told.When, told.Said = m.history.Commits[c.fact-1].When, m.history.Commits[c.fact-1].Said
	}
	m.parts = told.Parents
	m.e.Commit(told, len(items))
	if !told.Known {
		return nil
	}
	for _, it := range items {
		found, judged := m.findings(it)
		m.olds = append(append(m.olds[:0], it.old), it.more...)
		m.e.Change(facts.Change{Path: it.path, Blob: it.blob, Link: it.link, Judged: judged}, m.olds, found)
	}
	return nil
}

func (m *memoir) parents(c *commit) []gitrepo.ID {
	if c.fact == 0 {
		return c.parents
	}
	m.ids = m.ids[:0]
	for _, p := range m.history.Commits[c.fact-1].Parents {
		m.ids = append(m.ids, m.history.Commits[p].ID)
	}
	return m.ids
}

// find gives the number of a commit that was visited.
func (m *memoir) find(id gitrepo.ID) (int32, bool) {
	if n, ok := m.fresh[id]; ok {
		return n, true
	}
	if i, ok := m.history.knownCommit(id); ok {
		return m.at[i], m.at[i] >= 0
	}
	return 0, false
}

// findings are those of a change, where they are all known.
func (m *memoir) findings(it item) ([]facts.Finding, bool) {
	if it.index < 0 || !m.history.learned[it.blob].Found {
		return nil, false
	}
	if found, ok := m.history.found[it.index]; ok {
		return found, true
	}
	return m.run.recalled(it.index)
}

func (m *memoir) path(n int32) facts.Path {
	name := m.run.paths.values[n]
	if int(n) < len(m.history.Paths) {
		return m.history.Paths[n]
	}
	alone := len(m.run.s.detector.Place(name).PathOnly) > 0
	return facts.Path{Name: name, Rules: m.history.paths[n], Alone: alone}
}

func (m *memoir) blob(n int32) facts.Blob {
	b := m.history.learned[n]
	b.ID = m.run.blobs.values[n]
	b.Known = b.Known && !slices.ContainsFunc(b.Skips, func(s facts.Skip) bool { return m.tells(s.Reason) })
	return b
}
