package gitrepo

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
	"sync/atomic"
)

// Reasons why a zlib stream cannot be read.
var (
	errTruncated  = errors.New("compressed data ends too early")
	errLonger     = errors.New("content is longer than its declared size")
	errShorter    = errors.New("content is shorter than its declared size")
	errZlibHeader = errors.New("not a zlib stream")
	errAdler      = errors.New("zlib checksum does not match")
	errDeflate    = errors.New("invalid deflate data")
	errStopped    = errors.New("stopped")
)

// outSlack is how far one step of the decoder may write past what it checked:
// three literals, the longest match and the over-copy of eight-byte words.
const outSlack = 320

// inSlack is how far one step may read past what it checked.
const inSlack = 16

// firstGrow bounds what a declared size alone may allocate, in bytes; beyond it
// the buffer grows only as fast as data really inflates.
const firstGrow = 4 << 20

// inflater decodes one zlib stream from memory to memory (RFC 1950, RFC 1951).
// Objects are small and their size is known, so it has no window, no copying
// through a reader and no allocation; it is about three times as fast as
// compress/flate, which its fuzz test compares it with. Not for concurrent use.
type inflater struct {
	in       []byte
	ip, base int
	padded   bool
	buf      uint64 // bits not yet consumed, low bit first; bits above n are what follows
	n        uint
	out      []byte
	op, size int
	stop     *atomic.Bool // optional: polled at every deflate block
	tail     [inSlack + 80]byte
	lens     [320 + 16]uint8
	used     [320 + 16]uint16
	sorted   [320]uint16
	pre      [1 << preBits]uint32
	lit      [litSize]uint32
	dist     [distSize]uint32
	fixed    *fixedTables
	bytesIn  int
	unsummed bool // the caller checks the bytes of the stream by a sum of its own
}

// inflate decodes the stream at the start of src, which must hold exactly size
// bytes, into dst (grown when too small). It returns the content and how many
// bytes of src the stream took.
func (f *inflater) inflate(dst, src []byte, size int64) ([]byte, int, error) {
	if len(src) < 6 {
		return nil, 0, errTruncated
	}
	if src[0]&15 != 8 || src[1]&0x20 != 0 || (uint(src[0])<<8|uint(src[1]))%31 != 0 {
		return nil, 0, errZlibHeader
	}
	if size > int64(len(src))*1040 { // deflate cannot expand more than 1032 to 1
		return nil, 0, errShorter
	}
	f.start(dst, src[2:], int(size))
	if err := f.blocks(); err != nil {
		return nil, 0, err
	}
	if f.op != f.size {
		return nil, 0, errShorter
	}
	used := 2 + f.base + f.ip - int(f.n>>3)
	if used+4 > len(src) {
		return nil, 0, errTruncated
	}
	out := f.out[:f.size]
	f.out, f.in = nil, nil
	if !f.unsummed && binary.BigEndian.Uint32(src[used:]) != adler32.Checksum(out) {
		return nil, 0, errAdler
	}
	return out, used + 4, nil
}

func (f *inflater) start(dst, src []byte, size int) {
	f.in, f.ip, f.base, f.padded = src, 0, 0, false
	f.buf, f.n = 0, 0
	f.op, f.size = 0, size
	if cap(dst) < size+outSlack {
		dst = make([]byte, min(size, firstGrow)+outSlack)
	}
	f.out = dst[:min(cap(dst), size+outSlack)]
}

// prefix decodes only the first bytes of a stream: enough for a header. It
// verifies no checksum.
func (f *inflater) prefix(dst, src []byte, want int) ([]byte, error) {
	if len(src) < 2 || src[0]&15 != 8 || src[1]&0x20 != 0 || (uint(src[0])<<8|uint(src[1]))%31 != 0 {
		return nil, errZlibHeader
	}
	f.start(dst, src[2:], want)
	err := f.blocks()
	if errors.Is(err, errLonger) {
		err = nil
	}
	return f.out[:min(f.op, want)], err
}

func (f *inflater) blocks() error {
	for {
		if f.stop != nil && f.stop.Load() {
			return errStopped
		}
		if err := f.refill(); err != nil {
			return err
		}
		head := f.take(3)
		var err error
		switch head >> 1 {
		case 0:
			err = f.stored()
		case 1:
			f.loadFixed()
			err = f.compressed(&f.fixed.lit, &f.fixed.dist)
		case 2:
			if err = f.loadDynamic(); err == nil {
				err = f.compressed(&f.lit, &f.dist)
			}
		default:
			err = errDeflate
		}
		if err != nil || head&1 == 1 {
			return err
		}
	}
}

// refill makes at least 56 bits available.
func (f *inflater) refill() error {
	if f.ip > len(f.in)-inSlack {
		if err := f.pad(); err != nil {
			return err
		}
	}
	f.buf |= binary.LittleEndian.Uint64(f.in[f.ip:]) << (f.n & 63)
	f.ip += int((63 - f.n) >> 3)
	f.n |= 56
	return nil
}

// take consumes count bits of those refill made available.
func (f *inflater) take(count uint) uint {
	v := uint(f.buf) & (1<<count - 1)
	f.buf >>= count
	f.n -= count
	return v
}

// pad moves the last bytes of the input in front of zeros, so that the decoder
// may read whole words; what it takes beyond the true end is found out later.
func (f *inflater) pad() error {
	if f.padded {
		return errTruncated
	}
	f.unread()
	rest := copy(f.tail[:], f.in[f.ip:])
	clear(f.tail[rest:])
	f.base += f.ip
	f.in, f.ip, f.padded, f.bytesIn = f.tail[:], 0, true, rest
	return nil
}

// unread gives whole unconsumed bytes back to the input.
func (f *inflater) unread() {
	f.ip -= int(f.n >> 3)
	f.n &= 7
	f.buf &= 1<<f.n - 1
}

func (f *inflater) stored() error {
	f.take(f.n & 7)
	f.unread()
	f.buf = 0
	src := f.in[f.ip:]
	if f.padded {
		src = f.in[min(f.ip, f.bytesIn):f.bytesIn]
	}
	if len(src) < 4 {
		return errTruncated
	}
	count := int(binary.LittleEndian.Uint16(src))
	if count != int(^binary.LittleEndian.Uint16(src[2:])) {
		return errDeflate
	}
	if len(src) < 4+count {
		f.op += copy(f.out[f.op:], src[4:]) // prefix uses what there is
		return errTruncated
	}
	for f.op+count > len(f.out)-outSlack {
		if err := f.grow(); err != nil {
			f.op += copy(f.out[f.op:], src[4:4+count]) // prefix uses what there is
			return err
		}
	}
	f.op += copy(f.out[f.op:], src[4:4+count])
	f.ip += 4 + count
	return nil
}

// grow doubles the output, never beyond the declared size.
func (f *inflater) grow() error {
	have := len(f.out) - outSlack
	if have >= f.size {
		return errLonger
	}
	bigger := make([]byte, min(f.size, max(2*have, firstGrow))+outSlack)
	copy(bigger, f.out[:f.op])
	f.out = bigger
	return nil
}

// compressed decodes the symbols of one block. State
// lives in local variables: this loop is where a history scan spends its time.
func (f *inflater) compressed(lit *[litSize]uint32, distances *[distSize]uint32) error {
	in, ip, buf, n := f.in, f.ip, f.buf, f.n
	out, op := f.out, f.op
	inEnd, outEnd := len(in)-inSlack, len(out)-outSlack
	for {
		if ip > inEnd {
			f.ip, f.buf, f.n, f.op = ip, buf, n, op
			if err := f.pad(); err != nil {
				return err
			}
			in, ip, buf, n, inEnd = f.in, f.ip, f.buf, f.n, len(f.in)-inSlack
		}
		if op > outEnd {
			f.op = op
			if err := f.grow(); err != nil {
				return err
			}
			out, outEnd = f.out, len(f.out)-outSlack
		}
		buf |= binary.LittleEndian.Uint64(in[ip:]) << (n & 63)
		ip += int((63 - n) >> 3)
		n |= 56
		e := lit[buf&(1<<litBits-1)]
		if e&isLiteral != 0 {
			buf >>= e & 63
			n -= uint(e & 63)
			out[op] = byte(e >> 16)
			op++
			e = lit[buf&(1<<litBits-1)]
			if e&isLiteral != 0 {
				buf >>= e & 63
				n -= uint(e & 63)
				out[op] = byte(e >> 16)
				op++
				e = lit[buf&(1<<litBits-1)]
				if e&isLiteral != 0 {
					buf >>= e & 63
					n -= uint(e & 63)
					out[op] = byte(e >> 16)
					op++
					continue
				}
			}
		}
		if e&isSpecial != 0 {
			if e&isSubtable != 0 {
				e = lit[(e>>16+uint32(buf>>litBits)&(1<<(e>>8&15)-1))%litSize]
				buf >>= litBits
				n -= litBits
			}
			if e&isLiteral != 0 {
				buf >>= e & 63
				n -= uint(e & 63)
				out[op] = byte(e >> 16)
				op++
				continue
			}
			if e&isSpecial != 0 {
				if e&isEnd == 0 {
					return errDeflate
				}
				f.ip, f.buf, f.n, f.op = ip, buf>>(e&63), n-uint(e&63), op
				return f.withinInput()
			}
		}
		length := int(e>>16) + int(buf&(1<<(e&63)-1)>>(e>>8&15))
		buf >>= e & 63
		n -= uint(e & 63)
		buf |= binary.LittleEndian.Uint64(in[ip:]) << (n & 63)
		ip += int((63 - n) >> 3)
		n |= 56
		e = distances[buf&(1<<distBits-1)]
		if e&isSpecial != 0 {
			if e&isSubtable == 0 {
				return errDeflate
			}
			e = distances[(e>>16+uint32(buf>>distBits)&(1<<(e>>8&15)-1))%distSize]
			buf >>= distBits
			n -= distBits
			if e&isSpecial != 0 {
				return errDeflate
			}
		}
		dist := int(e>>16) + int(buf&(1<<(e&63)-1)>>(e>>8&15))
		buf >>= e & 63
		n -= uint(e & 63)
		from := op - dist
		if from < 0 {
			return errDeflate
		}
		switch {
		case dist >= 8:
			to, src := out[op:op+length+8], out[from:from+length+8]
			for i := 0; i < length; i += 8 {
				binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(src[i:]))
			}
		default:
			for i := range length {
				out[op+i] = out[from+i]
			}
		}
		op += length
	}
}

// withinInput fails when bits beyond the true end of the input were consumed.
func (f *inflater) withinInput() error {
	if f.padded && f.ip-int(f.n>>3) > f.bytesIn {
		return errTruncated
	}
	return nil
}
