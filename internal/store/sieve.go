package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// sieve tells which subjects a part of the trail may be about. That it is about
// none of a name is certain; that it is may be wrong, which costs a walk: one in
// two thousand for the subjects of one stride. It is a Bloom filter
// (https://doi.org/10.1145/362686.362692).
type sieve [512]byte

func (s *sieve) add(subject string) {
	for _, bit := range sieveBits(subject) {
		s[bit/8] |= 1 << (bit % 8)
	}
}

func (s *sieve) may(subject string) bool {
	for _, bit := range sieveBits(subject) {
		if s[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

func sieveBits(subject string) (bits [8]int) {
	sum := sha256.Sum256([]byte(subject))
	for i := range bits {
		bits[i] = int(binary.BigEndian.Uint16(sum[2*i:])) % (8 * len(sieve{}))
	}
	return bits
}

func (s *sieve) String() string { return base64.StdEncoding.EncodeToString(s[:]) }

func parseSieve(text string) (s sieve, err error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != len(s) {
		return s, fmt.Errorf("the subjects of a mark do not parse")
	}
	return sieve(raw), nil
}
