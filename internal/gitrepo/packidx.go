package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// packIndex is a parsed .idx file: the ids of a pack in order, with offsets.
// See https://git-scm.com/docs/pack-format "pack-*.idx files have the following format".
type packIndex struct {
	idTable
	crcs  []byte // empty: not recorded (version 1, or taken from a multi-pack-index)
	off32 []byte // empty in version 1, where the offset precedes the id
	off64 []byte
}

var errIndex = errors.New("invalid pack index")

const idxMagic = "\xfftOc"

func parsePackIndex(data []byte, hash int) (*packIndex, error) {
	x := &packIndex{idTable: idTable{hash: hash}}
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
	if err := x.readTable(data, x.stride); err != nil {
		return err
	}
	x.names = data[fanoutBytes:][:x.count*x.stride]
	return nil
}

func (x *packIndex) parseV2(data []byte) error {
	x.stride = x.hash
	if err := x.readTable(data, x.hash+8); err != nil {
		return err
	}
	data = data[fanoutBytes : len(data)-2*x.hash]
	x.names, data = data[:x.count*x.hash], data[x.count*x.hash:]
	x.crcs, data = data[:x.count*4], data[x.count*4:]
	x.off32, x.off64 = data[:x.count*4], data[x.count*4:]
	return nil
}

// readTable checks the first table and that the file is long enough for it.
func (x *packIndex) readTable(data []byte, perObject int) error {
	if len(data) < fanoutBytes+2*x.hash {
		return fmt.Errorf("%w: too short", errIndex)
	}
	if !x.readFanout(data[:fanoutBytes]) {
		return fmt.Errorf("%w: fanout is not monotonic", errIndex)
	}
	if int64(x.count)*int64(perObject) > int64(len(data)-fanoutBytes-2*x.hash) {
		return fmt.Errorf("%w: %d objects do not fit in it", errIndex, x.count)
	}
	return nil
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
