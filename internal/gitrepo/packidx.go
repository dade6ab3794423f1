package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// packIndex is a parsed .idx file: the ids of a pack in order, with offsets.
// See https://git-scm.com/docs/pack-format "pack-*.idx files have the following format".
type packIndex struct {
	hash, count int
	fanout      []byte
	names       []byte // entries of stride bytes, the id last
	stride      int
	crcs        []byte // empty: not recorded (version 1, or taken from a multi-pack-index)
	off32       []byte // empty in version 1, where the offset precedes the id
	off64       []byte
}

var errIndex = errors.New("invalid pack index")

const (
	idxMagic    = "\xfftOc"
	fanoutBytes = 256 * 4
)

func parsePackIndex(data []byte, hash int) (*packIndex, error) {
	x := &packIndex{hash: hash}
	if !bytes.HasPrefix(data, []byte(idxMagic)) {
		return x, x.parseV1(data)
	}
	if len(data) < 8 || binary.BigEndian.Uint32(data[4:]) != 2 {
		return nil, fmt.Errorf("%w: unknown version", errIndex)
	}
	return x, x.parseV2(data[8:])
}

func (x *packIndex) parseV1(data []byte) error {
	x.stride = 4 + x.hash
	if err := x.readFanout(data, x.stride); err != nil {
		return err
	}
	x.names = data[fanoutBytes:][:x.count*x.stride]
	return nil
}

func (x *packIndex) parseV2(data []byte) error {
	x.stride = x.hash
	if err := x.readFanout(data, x.hash+8); err != nil {
		return err
	}
	data = data[fanoutBytes : len(data)-2*x.hash]
	x.names, data = data[:x.count*x.hash], data[x.count*x.hash:]
	x.crcs, data = data[:x.count*4], data[x.count*4:]
	x.off32, x.off64 = data[:x.count*4], data[x.count*4:]
	return nil
}

// readFanout checks the first table and that the file is long enough for it.
func (x *packIndex) readFanout(data []byte, perObject int) error {
	if len(data) < fanoutBytes+2*x.hash {
		return fmt.Errorf("%w: too short", errIndex)
	}
	x.fanout = data[:fanoutBytes]
	var last uint32
	for i := range 256 {
		n := binary.BigEndian.Uint32(data[4*i:])
		if n < last {
			return fmt.Errorf("%w: fanout is not monotonic", errIndex)
		}
		last = n
	}
	if int64(last)*int64(perObject) > int64(len(data)-fanoutBytes-2*x.hash) {
		return fmt.Errorf("%w: %d objects do not fit in it", errIndex, last)
	}
	x.count = int(last)
	return nil
}

// name is the hash of the object at a position.
func (x *packIndex) name(pos int) []byte {
	end := (pos + 1) * x.stride
	return x.names[end-x.hash : end : end]
}

func (x *packIndex) id(pos int) ID {
	id, _ := IDFromBytes(x.name(pos))
	return id
}

// offset is where in the pack the object at a position begins. It is not checked against the pack.
func (x *packIndex) offset(pos int) int64 {
	if len(x.off32) == 0 {
		return int64(binary.BigEndian.Uint32(x.names[pos*x.stride:]))
	}
	low := binary.BigEndian.Uint32(x.off32[4*pos:])
	if low < 1<<31 {
		return int64(low)
	}
	at := int64(low&(1<<31-1)) * 8
	if at+8 > int64(len(x.off64)) {
		return -1
	}
	return int64(binary.BigEndian.Uint64(x.off64[at:]))
}

// crc is the CRC-32 of the packed bytes of the object at a position.
func (x *packIndex) crc(pos int) (uint32, bool) {
	if len(x.crcs) == 0 {
		return 0, false
	}
	return binary.BigEndian.Uint32(x.crcs[4*pos:]), true
}

// find is the position of an id, -1 when it is not in this pack.
func (x *packIndex) find(name []byte) int {
	low, high := x.bucket(name[0])
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := bytes.Compare(x.name(mid), name); {
		case c == 0:
			return mid
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return -1
}

// from is the first position whose id is not below name, which may be a prefix.
func (x *packIndex) from(name []byte) int {
	low, high := x.bucket(name[0])
	return low + sort.Search(high-low, func(i int) bool { return bytes.Compare(x.name(low+i), name) >= 0 })
}

func (x *packIndex) bucket(first byte) (low, high int) {
	if first > 0 {
		low = int(binary.BigEndian.Uint32(x.fanout[4*(int(first)-1):]))
	}
	return low, int(binary.BigEndian.Uint32(x.fanout[4*int(first):]))
}
