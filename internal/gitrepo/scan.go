package gitrepo

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// ScanOptions: the zero value reads the wanted ids with one worker per CPU.
type ScanOptions struct {
	Workers    int   // 0: one per CPU
	Limit      int64 // bytes; larger objects are reported as ErrTooLarge; 0: none
	CacheBytes int   // bytes of delta bases that a worker keeps; 0: 32 MiB
	All        bool  // every object in the repository, reachable or not; ids is ignored
	Only       Type  // with All: only this type; 0: every type
	Except     Type  // with All: every type but this; 0: every type
	Plans      *Plans
}

// Plans are kept from one scan of a repository with All to the next, which spares
// it the sorting of the pack. They take 20 bytes for each object.
type Plans struct {
	shared []bitset
	packs  map[*pack]*packPlan
}

// Packed is one object as Scan found it.
type Packed struct {
	ID    ID     // zero, with Err set, for damage that hides an unknown number of objects
	Index int    // position in the wanted ids, -1 with All
	Type  Type   // 0 when it is not known because of Err
	Data  []byte // valid only during the call; nil with Err
	Err   error  // ErrMissing, ErrTooLarge or *CorruptError; the scan goes on
	Base  ID     // the object that this one is stored as a delta of; zero: stored whole
	Delta []byte // git's instructions that turn Base into Data, valid only during the call
	Note  any    // what the visit of Base returned, where it is still known
	Bases bool   // other objects are deltas of this one

	pack *pack // nil: it was not read from there
	pos  int   // in the index of the pack
}

// Visit looks at one object. What it returns beside the error is handed to the
// visits of objects that are deltas of this one.
type Visit func(worker int, o Packed) (note any, err error)

// defaultScanCache is what one worker keeps of delta bases, in bytes.
const defaultScanCache = 32 << 20

// maxBase is the largest object that is inflated only because wanted objects
// are deltas of it, in bytes, where the caller's limit is lower. git itself
// stores no delta of anything larger (core.bigFileThreshold).
const maxBase = 512 << 20

// scan is one call of Repo.Scan.
type scan struct {
	repo  *Repo
	opts  ScanOptions
	visit Visit
	stop  atomic.Bool
	fail  sync.Once
	err   error
}

// Scan visits every wanted object once, in the order that is fastest to read.
// Each delta family (an object stored whole and all that are deltas of it, at
// any remove) is walked from its base outwards, so that every object is built
// once; the families lie spread over the workers. visit is called by several
// goroutines at a time, never twice at a time with the same worker number,
// which is below opts.Workers. An error of visit ends the scan and is returned.
//
// Beside the wanted ids a scan takes 24 bytes for each object of the largest
// pack, 4 for each object of the others, and for each worker CacheBytes and half of it, twice
// the largest object and its delta. When the path to an object holds more than
// CacheBytes of bases, those farthest from it are dropped and built again.
//
// Packed bytes are checked against the CRC-32 in the index, or where it has none against
// the Adler-32 of the stream, not against the id; loose objects against the id. Scan ends within 200 ms of ctx's end, visits apart.
func (r *Repo) Scan(ctx context.Context, ids []ID, opts ScanOptions, visit Visit) error {
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = defaultScanCache
	}
	s := &scan{repo: r, opts: opts, visit: visit}
	defer context.AfterFunc(ctx, func() { s.stop.Store(true) })()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if opts.All {
		s.scanAll()
	} else {
		s.scanListed(ids)
	}
	if s.err != nil {
		return s.err
	}
	return ctx.Err()
}

// give hands one object to the caller.
func (s *scan) give(worker int, o Packed) (note any) {
	if s.stop.Load() {
		return nil
	}
	note, err := s.visit(worker, o)
	if err != nil {
		s.abort(err)
	}
	return note
}

func (s *scan) abort(err error) {
	s.fail.Do(func() { s.err = err })
	s.stop.Store(true)
}

func (s *scan) scanAll() {
	for _, err := range s.repo.store.damage {
		s.give(0, Packed{Index: -1, Err: &CorruptError{Err: err}})
	}
	packs := s.repo.store.packs
	plans := s.opts.Plans
	if plans == nil {
		plans = &Plans{}
	}
	if plans.packs == nil {
		plans.packs, plans.shared = map[*pack]*packPlan{}, duplicates(packs)
	}
	for i, p := range packs {
		if s.stop.Load() {
			return
		}
		plan := plans.packs[p]
		if plan == nil {
			plan = planPack(p, nil, false, func(pos int) bool { return !plans.shared[i].has(int32(pos)) })
			if s.opts.Plans != nil {
				plans.packs[p] = plan
			}
		}
		s.runPack(plan)
	}
	var loose []wantedID
	seen := map[ID]bool{}
	err := s.repo.store.looseIDs("", func(id ID) {
		if p, _ := s.repo.store.findPacked(&id); p == nil && !seen[id] {
			seen[id] = true
			loose = append(loose, wantedID{id, -1})
		}
	})
	if err != nil {
		s.give(0, Packed{Index: -1, Err: &CorruptError{Err: err}})
	}
	s.runLoose(loose)
}

// wantedID is an object outside the packs.
type wantedID struct {
	id    ID
	index int
}

func (s *scan) scanListed(ids []ID) {
	packs := s.repo.store.packs
	index, wanted := make([][]int32, len(packs)), make([]int, len(packs))
	var loose []wantedID
	seen := map[ID]bool{}
	for i := range ids {
		p, pos := s.repo.store.findPacked(&ids[i])
		switch {
		case p == nil && !seen[ids[i]]:
			seen[ids[i]] = true
			loose = append(loose, wantedID{ids[i], i})
		case p != nil:
			if index[p.order] == nil {
				index[p.order] = make([]int32, p.idx.count)
			}
			if index[p.order][pos] == 0 {
				index[p.order][pos] = int32(i) + 1
				wanted[p.order]++
			}
		}
	}
	for i, p := range packs {
		if s.stop.Load() {
			return
		}
		if list := index[i]; list != nil {
			few := wanted[i] < p.idx.count/fewShare
			s.runPack(planPack(p, list, few, func(pos int) bool { return list[pos] != 0 }))
			index[i] = nil
		}
	}
	s.runLoose(loose)
}

// parallel runs work once for each worker and waits.
func (s *scan) parallel(work func(worker int)) {
	var group sync.WaitGroup
	for worker := range s.opts.Workers {
		group.Go(func() { work(worker) })
	}
	group.Wait()
}

func (s *scan) newReader() *Reader {
	rd := s.repo.NewReader(s.opts.CacheBytes / 8)
	rd.in.stop = &s.stop
	return rd
}

// unwanted reports whether the caller does not ask for a type.
func (s *scan) unwanted(kind Type) bool {
	return s.opts.Only != 0 && s.opts.Only != kind || s.opts.Except != 0 && s.opts.Except == kind
}

// runLoose reads objects that are in no pack; the missing are among them.
func (s *scan) runLoose(wanted []wantedID) {
	var cursor atomic.Int64
	s.parallel(func(worker int) {
		rd := s.newReader()
		for !s.stop.Load() {
			i := int(cursor.Add(1)) - 1
			if i >= len(wanted) {
				return
			}
			o, err := rd.loose(wanted[i].id, s.opts.Limit)
			if o.Type == 0 || !s.unwanted(o.Type) {
				s.give(worker, Packed{ID: wanted[i].id, Index: wanted[i].index, Type: o.Type, Data: o.Data, Err: err})
			}
		}
	})
}

// runPack spreads the families of one pack over the workers.
func (s *scan) runPack(plan *packPlan) {
	run := &packRun{scan: s, plan: plan, offers: make(chan offer), done: make(chan struct{})}
	run.active.Store(int64(s.opts.Workers))
	walkers := make([]*familyWalker, s.opts.Workers)
	s.parallel(func(worker int) {
		walkers[worker] = newFamilyWalker(run, worker)
		run.work(walkers[worker])
	})
	last := walkers[0]
	for _, pos := range plan.bad {
		last.giveUp(int(pos), errEntry)
	}
	for i := range int32(len(plan.keys)) {
		if plan.wanted.has(i) && !run.isDone(i, walkers) {
			last.giveUp(plan.pos(i), errChain)
		}
	}
}
