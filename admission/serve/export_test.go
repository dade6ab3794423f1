package serve

// Memory is a Keeper in memory, for the tests of whole servers.
type Memory = memory

// Bundle is what API servers trust now.
func (m *memory) Bundle() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bundle
}

// Authorities is how often the authority was written.
func (m *memory) Authorities() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version
}

// Times of rotation, for tests that move the clock.
const (
	RotationAfter = caLife - caRenewal + backdating
	Settling      = settling + backdating
)
