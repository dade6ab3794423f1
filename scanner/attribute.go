package scanner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/facts"
)

// use is a blob at a path, in a commit or in the working tree.
type use struct {
	commit *commit // nil outside commits
	origin Origin
	path   string
	blob   gitrepo.ID // zero when git does not hold the bytes
	data   []byte     // the bytes, when they are already here
	olds   []gitrepo.ID
	found  []sighting
	older  bool // everything in it was there before

	change   int32           // of the run; -1 outside commits
	recalled []facts.Finding // what it brought in, by an earlier scan
	recall   bool            // recalled is all
	ask      bool            // found is not known yet
}

// attributor turns sightings into findings, for one goroutine.
type attributor struct {
	r  *run
	rd *gitrepo.Reader
	sc *scratch

	textOf gitrepo.ID // the blob of which the text was asked for last
	last   []byte     // the text

	lastCommit Commit // the known commit that was read last
}

func (r *run) newAttributor() *attributor {
	return &attributor{r: r, rd: r.repo.NewReader(readerCache / 2), sc: r.s.takeScratch()}
}

func (a *attributor) close() { a.r.s.giveBack(a.sc) }

// attribute finds the commits and paths that brought each sighting in.
func (r *run) attribute() error {
	work := make(chan use)
	group, ctx := errgroup.WithContext(r.ctx)
	group.Go(func() error {
		defer close(work)
		return r.uses(ctx, work)
	})
	for range r.s.opt.Workers {
		group.Go(func() error {
			a := r.newAttributor()
			defer a.close()
			for u := range work {
				if err := a.report(u); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// report finds what a use brought in. Where that fails, all that its blob holds
// is told as missed.
func (a *attributor) report(u use) error {
	a.sc.path = u.path
	err := guarded(func() error {
		findings, err := a.known(u)
		a.r.found(findings)
		return err
	})
	if errors.Is(err, errFailed) {
		a.r.coverage.miss(u.skip(err.Error()))
		a.sc, err = newScratch(), nil
	}
	return err
}

func (r *run) found(findings []Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.findings = append(r.findings, findings...)
}

// uses sends every change that can carry a finding.
func (r *run) uses(ctx context.Context, work chan<- use) error {
	sc := r.s.takeScratch()
	defer r.s.giveBack(sc)
	paths := speakers{r: r, sc: sc, known: make([]speaker, len(r.paths.values))}
	for i, c := range r.changes {
		found, known := r.sightings[c.blob], r.known(c.blob)
		ask := known != nil && known.Found
		if len(found) == 0 && !ask && r.quiet(c.path) {
			continue
		}
		speaks, err := paths.ask(c.path)
		if err != nil {
			return err
		}
		if len(found) == 0 && !ask && !speaks {
			continue
		}
		commit := &r.commits[c.commit]
		u := use{commit: commit, origin: FromCommit, path: r.paths.values[c.path], blob: r.blobs.values[c.blob], found: found,
			older: commit.cut && r.req.Bounded, change: int32(i), ask: ask}
		u.recalled, u.recall = r.recalled(int32(i))
		u.olds = r.oldBlobs(c.old, r.more[int32(i)])
		select {
		case work <- u:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// speakers tells which paths hold a finding by their names. Of most paths there is
// nothing more to keep.
type speakers struct {
	r     *run
	sc    *scratch
	known []speaker // by path
}

type speaker uint8

const (
	unasked speaker = iota
	silent
	speaking
)

func (p *speakers) ask(n int32) (bool, error) {
	if p.known[n] == unasked {
		path := p.r.paths.values[n]
		named, err := p.r.s.inName(p.r.ctx, p.sc, path)
		if err != nil {
			return false, err
		}
		p.known[n] = silent
		if len(named) > 0 || len(p.r.s.detector.Place(path).PathOnly) > 0 {
			p.known[n] = speaking
		}
	}
	return p.known[n] == speaking, nil
}

// oldBlobs are the blobs that a change is compared with, zero for a parent that
// has none; nil when no parent has one.
func (r *run) oldBlobs(first int32, more []int32) []gitrepo.ID {
	ids, any := make([]gitrepo.ID, 1+len(more)), false
	for i, n := range append([]int32{first}, more...) {
		if n >= 0 {
			ids[i], any = r.blobs.values[n], true
		}
	}
	if !any {
		return nil
	}
	return ids
}

// at is what the rules say of a path, kept for the next time.
func (r *run) at(path string) *detect.PlaceVerdict {
	if v, ok := r.places.Load(path); ok {
		return v.(*detect.PlaceVerdict)
	}
	v := r.s.detector.Place(path)
	r.places.Store(path, v)
	return v
}

// known gives the findings of a use, from what is known of it where that is enough.
func (a *attributor) known(u use) ([]Finding, error) {
	if u.recall {
		if found, ok := a.recall(u); ok {
			place := a.r.at(u.path)
			alone := a.r.s.pathFindings(u.origin, u.path, u.blobID(), u.commitID(), place, nil)
			return a.stamp(u, append(alone, found...), false), nil
		}
	}
	if u.ask {
		found, err := a.ask(u.blob)
		if err != nil && a.r.ctx.Err() == nil {
			a.r.coverage.miss(u.skip("cannot be read again: " + reason(err)))
			return nil, nil
		}
		u.found = found
	}
	return a.findings(u)
}

// findings are the sightings of a use that it brought in, and those that were
// there before when the request is for a range.
func (a *attributor) findings(u use) ([]Finding, error) {
	found, err := a.fresh(u)
	if err != nil {
		return nil, err
	}
	var named []detect.Match
	if len(u.olds) == 0 {
		if named, err = a.r.named(a.sc, u.path); err != nil {
			return nil, err
		}
	}
	place := a.r.at(u.path)
	out := a.stamp(u, a.r.s.pathFindings(u.origin, u.path, u.blobID(), u.commitID(), place, named), false)
	ordinals := map[[sha256.Size]byte]int{}
	var kept []facts.Finding
	keep := a.r.history != nil && u.change >= 0
	still := sync.OnceValue(func() func(sighting) bool { return a.stillThere(u) })
	accepted := withoutGeneric(accept(a.r.s.detector, found, place, u.commitID()))
	a.hash(u, accepted)
	for _, f := range accepted {
		if f.Rule == nil {
			continue
		}
		finding := newFinding(u.origin, u.path, u.blobID(), f, ordinals)
		if f.inherited && !a.shown(u) {
			continue
		}
		finding.At.AtHead = still()(f)
		if keep {
			k, ok := a.fact(u, f, finding)
			kept, keep = append(kept, k), ok
		}
		if passed := f.Secret.IsZero() && u.commit != nil && !finding.At.AtHead; passed && f.kind == InManifest {
			continue // only values leak: a form that was mended has no harm left
		}
		out = append(out, a.stamp(u, []Finding{finding}, f.inherited)...)
	}
	if keep {
		a.r.history.learn(u.change, kept)
		if u.commit.fact > 0 {
			a.r.history.changed.Store(true)
		}
	}
	return out, nil
}

// hash computes the hashes of the lines of a use, where something of it is reported.
func (a *attributor) hash(u use, found []sighting) {
	if !slices.ContainsFunc(found, func(f sighting) bool { return f.own && (!f.inherited || a.shown(u)) }) {
		return
	}
	text, err := a.text(u)
	if err != nil {
		a.r.coverage.miss(u.skip("cannot be read again: " + reason(err)))
		return
	}
	hashOwn(found, text)
}

// stamp names the commit that brought findings in, or says that they are older.
func (a *attributor) stamp(u use, findings []Finding, older bool) []Finding {
	for i := range findings {
		findings[i].Older = older
		if u.commit != nil && !older {
			findings[i].Commit = a.public(u.commit)
		}
	}
	return findings
}

// public is what is told of a commit. A known one is read for it.
func (a *attributor) public(c *commit) Commit {
	if c.fact == 0 {
		return c.public()
	}
	if a.lastCommit.ID == c.id.String() {
		return a.lastCommit
	}
	a.lastCommit = Commit{ID: c.id.String()}
	read, err := a.rd.Commit(c.id)
	if err != nil {
		a.r.coverage.miss(Skip{Commit: c.id.String(), Reason: "commit cannot be read: " + reason(err)})
		return a.lastCommit
	}
	a.lastCommit.Author, a.lastCommit.Email, a.lastCommit.Date = read.Author.Name, read.Author.Email, read.Author.When
	return a.lastCommit
}

func (u use) commitID() string {
	if u.commit == nil {
		return ""
	}
	return u.commit.id.String()
}

func (u use) blobID() string {
	if u.blob.IsZero() {
		return ""
	}
	return u.blob.String()
}

// shown reports whether what is not new in a use is reported all the same: in a
// range, for the files as they are at its end.
func (a *attributor) shown(u use) bool {
	return a.r.req.Bounded && (u.origin != FromCommit || a.r.atHead(a.rd, u.path) == u.blob)
}

// fingerprint names the nth place with that key in one file.
func fingerprint(key [sha256.Size]byte, n int) string {
	sum := sha256.Sum256(fmt.Appendf(key[:], "\x00%d", n))
	return hex.EncodeToString(sum[:20])
}

// stillThere tells of the sightings of a use whether the path in HEAD still
// holds their value under their rule.
func (a *attributor) stillThere(u use) func(sighting) bool {
	head := a.r.atHead(a.rd, u.path)
	if head.IsZero() {
		return func(sighting) bool { return false }
	}
	if head == u.blob {
		return func(sighting) bool { return true }
	}
	found, err := a.ask(head)
	if err != nil {
		return func(sighting) bool { return false }
	}
	return holder(found)
}

// holder tells whether a blob has the same value under the same rule.
func holder(found []sighting) func(sighting) bool {
	type value struct{ rule, view, text string }
	known := make(map[value]bool, len(found))
	for _, f := range found {
		known[value{f.Rule.ID, f.view, f.Secret.Reveal()}] = true
	}
	return func(f sighting) bool { return known[value{f.Rule.ID, f.view, f.Secret.Reveal()}] }
}

// ask gives the sightings of any blob, searching it when the scan has not. One
// that the scan has no place for is judged at that of the use at hand.
func (a *attributor) ask(id gitrepo.ID) ([]sighting, error) {
	n, listed := a.r.blobs.find(id)
	listed = listed && int(n) < len(a.r.wanted) && a.r.wanted[n]
	var pointless func(*rules.Rule) bool
	if listed {
		known := a.r.known(n)
		if known == nil {
			return a.r.sightings[n], nil
		}
		if !known.Found {
			return nil, nil
		}
		defer func(at string) { a.sc.path = at }(a.sc.path)
		a.sc.path, pointless = a.r.whereIs(n, "").Path, func(rule *rules.Rule) bool { return a.r.pointless(n, rule) }
	}
	q := question{id, a.sc.path}
	a.r.mu.Lock()
	found, ok := a.r.asked[q]
	a.r.mu.Unlock()
	if ok {
		return found, nil
	}
	o, err := a.rd.ObjectWithin(id, a.r.s.opt.MaxBlob)
	if err != nil {
		return nil, err
	}
	found, _, err = a.r.s.sight(a.r.ctx, a.sc, "", o.Data, pointless)
	a.r.mu.Lock()
	a.r.asked[q] = found
	a.r.mu.Unlock()
	return found, err
}

// question is what was asked of a blob: at another path it may be judged otherwise.
type question struct {
	blob gitrepo.ID
	path string
}

// atHead is the blob at a path in HEAD, zero for none.
func (r *run) atHead(rd *gitrepo.Reader, path string) gitrepo.ID {
	if id, ok := r.heads.Load(path); ok {
		return id.(gitrepo.ID)
	}
	entry, err := rd.Lookup(r.headTree, path)
	id := entry.ID
	if err != nil && !errors.Is(err, gitrepo.ErrNoPath) {
		r.coverage.miss(Skip{Path: path, Reason: "HEAD cannot be read: " + reason(err)})
	}
	r.heads.Store(path, id)
	return id
}
