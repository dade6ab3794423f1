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
	if p == nil {
		_, there := s.rest[id]
		s.rest[id] = struct{}{}
		return !there
	}
	there := s.bits[p.order].has(int32(pos))
	s.bits[p.order].set(int32(pos))
	return !there
}

func (s *idSet) has(id ID) bool {
	p, pos := s.store.findPacked(&id)
	if p == nil {
		_, there := s.rest[id]
		return there
	}
	return s.bits[p.order].has(int32(pos))
}
