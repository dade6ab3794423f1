package gitrepo

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// idTable is the part that git's indexes have in common: ids in order, and for
// each first byte how many ids begin with it or a lower one.
type idTable struct {
	hash, count int
	fanout      []byte
	names       []byte // entries of stride bytes, the id last
	stride      int
}

const fanoutBytes = 256 * 4

// readFanout takes the first table; it is false for one that cannot be.
func (x *idTable) readFanout(table []byte) bool {
	var last uint32
	for i := range 256 {
		n := binary.BigEndian.Uint32(table[4*i:])
		if n < last {
			return false
		}
		last = n
	}
	x.fanout, x.count = table[:fanoutBytes], int(last)
	return true
}

// name is the hash of the object at a position.
func (x *idTable) name(pos int) []byte {
	end := (pos + 1) * x.stride
	return x.names[end-x.hash : end : end]
}

func (x *idTable) id(pos int) ID {
	id, _ := IDFromBytes(x.name(pos))
	return id
}

// find is the position of an id, -1 when it is not there. Ids lie evenly, so that
// the first guesses are by proportion.
func (x *idTable) find(name []byte) int {
	low, high := x.bucket(name[0])
	key := binary.BigEndian.Uint64(name)
	below, above := uint64(name[0])<<56, uint64(name[0])<<56|(1<<56-1)
	for guesses := 3; low < high; guesses-- {
		mid := int(uint(low+high) >> 1)
		if guesses > 0 && key >= below && key < above {
			mid = low + int(float64(key-below)/float64(above-below)*float64(high-low))
			mid = min(mid, high-1)
		}
		at := x.name(mid)
		v := binary.BigEndian.Uint64(at)
		c := 0
		switch {
		case v < key:
			c = -1
		case v > key:
			c = 1
		default:
			c = bytes.Compare(at[8:], name[8:])
		}
		switch {
		case c == 0:
			return mid
		case c < 0:
			low, below = mid+1, v
		default:
			high, above = mid, v
		}
	}
	return -1
}

// from is the first position whose id is not below name, which may be a prefix.
func (x *idTable) from(name []byte) int {
	low, high := x.bucket(name[0])
	return low + sort.Search(high-low, func(i int) bool { return bytes.Compare(x.name(low+i), name) >= 0 })
}

func (x *idTable) bucket(first byte) (low, high int) {
	if first > 0 {
		low = int(binary.BigEndian.Uint32(x.fanout[4*(int(first)-1):]))
	}
	return low, int(binary.BigEndian.Uint32(x.fanout[4*int(first):]))
}
