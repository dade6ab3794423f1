package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/facts"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// read searches every wanted blob once, in the order in which the packs give
// them quickest.
func (r *run) read() error {
	r.link()
	r.countKnown()
	ids, numbers := r.list()
	workers := make([]*scratch, r.s.opt.Workers)
	for i := range workers {
		workers[i] = r.s.takeScratch()
	}
	defer func() {
		for _, sc := range workers {
			r.s.giveBack(sc)
		}
	}()
	var done atomic.Int64
	var mu sync.Mutex
	opts := gitrepo.ScanOptions{Workers: len(workers), Limit: r.s.opt.MaxBlob, CacheBytes: basesCache}
	err := r.repo.Scan(r.ctx, ids, opts, func(worker int, o gitrepo.Packed) (any, error) {
		if n := done.Add(1); n%1000 == 0 {
			r.s.opt.Progress(Progress{Stage: "blobs", Done: int(n), Total: len(ids)})
		}
		blob := numbers[o.Index]
		var found []sighting
		sc := workers[worker]
		sc.layOver(o)
		err := guarded(func() (err error) {
			found, err = r.search(sc, blob, o)
			return err
		})
		if errors.Is(err, errFailed) {
			r.coverage.miss(r.whereIs(blob, err.Error()))
			workers[worker], err = newScratch(), nil
		}
		if len(found) > 0 {
			mu.Lock()
			r.sightings[blob] = found
			mu.Unlock()
		}
		return sc.outlined(), err
	})
	if err != nil {
		return fmt.Errorf("read the blobs: %w", err)
	}
	return nil
}

// basesCache is what a worker keeps of delta bases, in bytes. Those that are dropped
// for others are built again: with four times as much reading takes a tenth less.
const basesCache = 8 << 20

// layOver prepares for a blob that may be a delta of one that was searched before,
// or the base of others.
func (sc *scratch) layOver(o gitrepo.Packed) {
	sc.over, sc.bases, sc.outline = nil, o.Bases, nil
	base, _ := o.Note.(*detect.Outline)
	if base == nil {
		return
	}
	sc.copied, sc.copies = gitrepo.Copies(o.Delta, sc.copied[:0]), sc.copies[:0]
	for _, c := range sc.copied {
		sc.copies = append(sc.copies, detect.Copy(c))
	}
	sc.over = &detect.Overlay{Base: base, Copies: sc.copies}
}

// outlined is what the deltas of the blob are laid over.
func (sc *scratch) outlined() any {
	sc.over, sc.bases = nil, false
	if sc.outline == nil {
		return nil
	}
	return sc.outline
}

// list gives the ids of the wanted blobs, and their numbers.
func (r *run) list() ([]gitrepo.ID, []int32) {
	var ids []gitrepo.ID
	var numbers []int32
	for n, wanted := range r.wanted {
		if wanted && r.known(int32(n)) == nil {
			ids = append(ids, r.blobs.values[n])
			numbers = append(numbers, int32(n))
		}
	}
	return ids, numbers
}

// search finds the matches in one blob; what cannot be read is a skip. The
// error is that of the context.
func (r *run) search(sc *scratch, blob int32, o gitrepo.Packed) ([]sighting, error) {
	if o.Err != nil {
		tooLarge := errors.Is(o.Err, gitrepo.ErrTooLarge)
		r.coverage.skip(r.whereIs(blob, reason(o.Err)), tooLarge && r.s.opt.Named.MaxBlob)
		return nil, nil
	}
	if o.Type != gitrepo.TypeBlob {
		r.coverage.miss(r.whereIs(blob, fmt.Sprintf("a tree names it as a file, and it is a %s", o.Type)))
		return nil, nil
	}
	r.coverage.count(len(o.Data))
	if lfsPointer(o.Data) {
		r.coverage.exclude(r.whereIs(blob, lfsReason))
	}
	sc.path, sc.outside = r.whereIs(blob, "").Path, false
	named, skips := false, []facts.Skip(nil)
	pointless := func(rule *rules.Rule) bool { return r.pointless(blob, rule) }
	found, err := r.s.sightAll(r.ctx, sc, "", o.Data, pointless, func(skip unpack.Skip) {
		named = named || skip.Path != "" // the name of a member may be a value
		skips = append(skips, facts.Skip{Reason: skip.Reason, Limit: skip.Limit, Closed: skip.Closed})
		where := r.whereIs(blob, skip.Reason)
		where.Path += skip.Path
		r.coverage.skip(where, skip.Closed || skip.Limit && r.s.opt.Named.Archives)
	})
	if h := r.history; h != nil && err == nil && !named && !sc.outside {
		h.learned[blob] = facts.Blob{
			Known: true, Found: len(found) > 0, LFS: lfsPointer(o.Data), Size: int64(len(o.Data)), Rules: h.masks[blob], Skips: skips,
		}
		h.changed.Store(true)
	}
	return found, err
}

const lfsReason = "Git LFS: the content is not in the repository, only its pointer was read"

// sightAll is sight with every skip reported.
func (s *Scanner) sightAll(ctx context.Context, sc *scratch, path string, data []byte, pointless func(*rules.Rule) bool, report func(unpack.Skip)) ([]sighting, error) {
	found, skips, err := s.sight(ctx, sc, path, data, pointless)
	for _, skip := range skips {
		report(skip)
	}
	return found, err
}

// whereIs names the first place where a blob was brought in.
func (r *run) whereIs(blob int32, reason string) Skip {
	if n := r.firstUse[blob]; n >= 0 {
		c := r.changes[n]
		return Skip{Path: r.paths.values[c.path], Commit: r.commits[c.commit].id.String(), Reason: reason}
	}
	return Skip{Path: r.blobs.values[blob].String(), Reason: reason}
}

// link makes the changes of each blob findable: firstUse leads to one of them,
// nextUse from one to the next.
func (r *run) link() {
	r.firstUse, r.nextUse = make([]int32, len(r.blobs.values)), make([]int32, len(r.changes))
	for i := range r.firstUse {
		r.firstUse[i] = -1
	}
	for i := len(r.changes) - 1; i >= 0; i-- {
		blob := r.changes[i].blob
		r.nextUse[i], r.firstUse[blob] = r.firstUse[blob], int32(i)
	}
}

// pointless reports whether a rule looks at none of the paths of a blob.
func (r *run) pointless(blob int32, rule *rules.Rule) bool {
	if rule.Path == nil {
		return false
	}
	for n := r.firstUse[blob]; n >= 0; n = r.nextUse[n] {
		if rule.Path.MatchString(r.paths.values[r.changes[n].path]) {
			return false
		}
	}
	return true
}

// elsewhere tells the rules that look at other paths than one.
func elsewhere(path string) func(*rules.Rule) bool {
	return func(rule *rules.Rule) bool { return rule.Path != nil && !rule.Path.MatchString(path) }
}

// lfsPointer reports whether a blob stands for a file kept by Git LFS
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
func lfsPointer(data []byte) bool {
	return len(data) < 1024 && bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/"))
}
