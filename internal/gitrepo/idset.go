package gitrepo

// idSet is a set of objects: one bit for each packed object of the repository,
// a map for all others.
type idSet struct {
	store *store
	bits  []bitset
	rest  map[ID]struct{}
}

func (r *Repo) newIDSet() *idSet {
	s := &idSet{store: r.store, bits: make([]bitset, len(r.store.packs)), rest: map[ID]struct{}{}}
	for i, p := range r.store.packs {
		s.bits[i] = newBitset(p.idx.count)
	}
	return s
}

// add reports whether the id was not there before.
func (s *idSet) add(id ID) bool {
	p, pos := s.store.findPacked(&id)
	return s.addAt(&spot{id, p, pos})
}

func (s *idSet) has(id ID) bool {
	p, pos := s.store.findPacked(&id)
	return s.hasAt(&spot{id, p, pos})
}

// spot is where an object lies: in a pack, or with a nil pack somewhere else.
type spot struct {
	id   ID
	pack *pack
	pos  int
}

func (r *Repo) spotOf(id ID) spot {
	p, pos := r.store.findPacked(&id)
	return spot{id, p, pos}
}

// addAt is add for an object that was looked up already.
func (s *idSet) addAt(at *spot) bool {
	if at.pack == nil {
		_, there := s.rest[at.id]
		s.rest[at.id] = struct{}{}
		return !there
	}
	there := s.bits[at.pack.order].has(int32(at.pos))
	s.bits[at.pack.order].set(int32(at.pos))
	return !there
}

// hasAt is has for an object that was looked up already.
func (s *idSet) hasAt(at *spot) bool {
	if at.pack == nil {
		_, there := s.rest[at.id]
		return there
	}
	return s.bits[at.pack.order].has(int32(at.pos))
}
