package store

// Walked is how many events were verified between marks.
func (s *Store) Walked() int {
	s.verified.mu.Lock()
	defer s.verified.mu.Unlock()
	return s.verified.walked
}
