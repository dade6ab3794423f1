package serve

import "time"

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

// Settling is how far the clock has to move until a published authority signs.
const Settling = settling + backdating + 1

// AlmostOld is a Keeper whose authority is replaced from some time on.
func AlmostOld(from time.Time) (*Memory, error) {
	cert, key, err := newAuthority(from.Add(caRenewal - caLife))
	return &Memory{data: map[string][]byte{fieldCert: cert, fieldKey: key}, version: 1}, err
}
