package gitrepo

import (
	"encoding/binary"
	"math/bits"
)

// deltaBlock is the shortest stretch, in bytes, that a delta looks up in its base.
const deltaBlock = 16

// deltaWriter makes deltas; it keeps its tables from one to the next.
type deltaWriter struct {
	table []int32 // 1 + where in the base a block with this hash begins
	out   []byte
}

// delta is git's instructions that turn base into target, nil when they would
// take more than limit bytes. It is valid until the next call.
func (d *deltaWriter) delta(base, target []byte, limit int) []byte {
	d.out = appendDeltaSize(appendDeltaSize(d.out[:0], len(base)), len(target))
	head := commonPrefix(base, target)
	tail := commonSuffix(base[head:], target[head:])
	d.copy(0, head)
	d.middle(base[:len(base)-tail], target[:len(target)-tail], head, limit)
	d.copy(len(base)-tail, tail)
	if len(d.out) > limit {
		return nil
	}
	return d.out
}

// middle writes what lies between the common beginning and the common end.
func (d *deltaWriter) middle(base, target []byte, head, limit int) {
	if len(target)-head < deltaBlock || len(base)-head < deltaBlock {
		d.insert(target[head:])
		return
	}
	shift := d.fill(base, head)
	pending := head
	for at := head; at+deltaBlock <= len(target); {
		from := int(d.table[blockHash(target[at:], shift)]) - 1
		if from < 0 {
			at++
			continue
		}
		n := commonPrefix(base[from:], target[at:])
		back := commonSuffix(base[:from], target[pending:at])
		if n+back < deltaBlock {
			at++
			continue
		}
		d.insert(target[pending : at-back])
		d.copy(from-back, n+back)
		at += n
		pending = at
		if len(d.out) > limit {
			return
		}
	}
	d.insert(target[pending:])
}

// fill notes where the blocks of base are, the first of equal ones.
func (d *deltaWriter) fill(base []byte, from int) (shift uint) {
	width := max(6, bits.Len(uint((len(base)-from)/deltaBlock))+1)
	if cap(d.table) < 1<<width {
		d.table = make([]int32, 1<<width)
	}
	d.table = d.table[:1<<width]
	clear(d.table)
	shift = uint(64 - width)
	for at := from + (len(base)-from-deltaBlock)/deltaBlock*deltaBlock; at >= from; at -= deltaBlock {
		d.table[blockHash(base[at:], shift)] = int32(at) + 1
	}
	return shift
}

func blockHash(b []byte, shift uint) uint64 {
	x, y := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	return (x*0x9E3779B97F4A7C15 ^ bits.RotateLeft64(y, 29)) * 0xD6E8FEB86659FD93 >> shift
}

// insert writes instructions that bring bytes of their own.
func (d *deltaWriter) insert(text []byte) {
	for len(text) > 0 {
		n := min(len(text), 127)
		d.out = append(append(d.out, byte(n)), text[:n]...)
		text = text[n:]
	}
}

// copy writes instructions that copy from the base.
func (d *deltaWriter) copy(from, size int) {
	for size > 0 {
		n := min(size, 0x10000)
		d.copyOp(from, n)
		from, size = from+n, size-n
	}
}

func (d *deltaWriter) copyOp(from, size int) {
	at := len(d.out)
	d.out = append(d.out, 0x80)
	for i := range 4 {
		if b := byte(from >> (8 * i)); b != 0 {
			d.out[at] |= 1 << i
			d.out = append(d.out, b)
		}
	}
	if size == 0x10000 { // what no size byte stands for
		return
	}
	for i := range 2 {
		if b := byte(size >> (8 * i)); b != 0 {
			d.out[at] |= 1 << (4 + i)
			d.out = append(d.out, b)
		}
	}
}

func appendDeltaSize(to []byte, n int) []byte { return binary.AppendUvarint(to, uint64(n)) }

func commonPrefix(a, b []byte) int {
	n, limit := 0, min(len(a), len(b))
	for n+8 <= limit {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		n += 8
	}
	for n < limit && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b []byte) int {
	n, limit := 0, min(len(a), len(b))
	for n+8 <= limit {
		if x := binary.LittleEndian.Uint64(a[len(a)-n-8:]) ^ binary.LittleEndian.Uint64(b[len(b)-n-8:]); x != 0 {
			return n + bits.LeadingZeros64(x)/8
		}
		n += 8
	}
	for n < limit && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
