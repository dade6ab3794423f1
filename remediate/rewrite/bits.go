package rewrite

import "sync/atomic"

// bits is a set of numbers that several goroutines may add to.
type bits []atomic.Uint64

func newBits(n int) bits        { return make(bits, (n+63)/64) }
func (b bits) has(i int32) bool { return b[i>>6].Load()>>(i&63)&1 == 1 }
func (b bits) add(i int32)      { b[i>>6].Or(1 << (i & 63)) }

// sieve tells quickly which ids are certainly not in a set.
type sieve [1 << 14]uint64

func (s *sieve) at(id []byte) (word int, bit uint64) {
	key := uint32(id[0])<<12 | uint32(id[1])<<4 | uint32(id[2])>>4
	return int(key >> 6), 1 << (key & 63)
}

func (s *sieve) add(id []byte) {
	word, bit := s.at(id)
	s[word] |= bit
}

func (s *sieve) maybe(id []byte) bool {
	word, bit := s.at(id)
	return s[word]&bit != 0
}
