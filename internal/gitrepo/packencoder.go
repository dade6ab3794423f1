package gitrepo

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"

	"github.com/klauspost/compress/zlib"
)

// PackEncoder compresses objects for a PackWriter. Give every goroutine its own.
type PackEncoder struct {
	to    *PackWriter
	out   bytes.Buffer
	zlib  *zlib.Writer
	delta deltaWriter
	head  []byte
}

// Added is an object that was added to a pack, for others to be deltas of.
type Added struct {
	ID    ID
	Data  []byte // as long as it may serve as a base, nil for what is too large to keep
	off   int64  // 0: it is not in this pack
	depth int
}

// Bounds of what deltas are made of, in bytes, and of how many build on each other.
const (
	maxDeltaData  = 4 << 20
	maxDeltaDepth = 50
)

// Encoder makes an encoder for this pack.
func (w *PackWriter) Encoder() *PackEncoder {
	e := &PackEncoder{to: w}
	e.zlib, _ = zlib.NewWriterLevel(&e.out, zlib.BestSpeed) // the level is a known one
	return e
}

// Add hashes an object and adds it, as a delta of base where that is shorter and
// base is given. An object that the repository or the pack has is not added again.
func (e *PackEncoder) Add(kind Type, data []byte, base *Added) (*Added, error) {
	w := e.to
	a := &Added{ID: HashObject(kind, data, w.repo.hash)}
	if len(data) <= maxDeltaData {
		a.Data = data
	}
	if !w.claim(a.ID, len(data)) || w.file == nil {
		return a, nil
	}
	if base != nil && base.off > 0 && base.Data != nil && a.Data != nil && base.depth < maxDeltaDepth {
		if delta := e.delta.delta(base.Data, data, len(data)/2); delta != nil {
			body, err := e.compress(delta)
			if err != nil {
				return nil, err
			}
			a.depth = base.depth + 1
			a.off, err = w.append(a.ID, e.entryHead(typeOfsDelta, len(delta)), body, base.off)
			return a, err
		}
	}
	body, err := e.compress(data)
	if err != nil {
		return nil, err
	}
	a.off, err = w.append(a.ID, e.entryHead(kind, len(data)), body, 0)
	return a, err
}

// entryHead is the type and size that begin an entry.
func (e *PackEncoder) entryHead(kind Type, size int) []byte {
	first := byte(kind)<<4 | byte(size&15)
	e.head = e.head[:0]
	for size >>= 4; size > 0; size >>= 7 {
		e.head = append(e.head, first|0x80)
		first = byte(size & 0x7f)
	}
	return append(e.head, first)
}

// storeBelow is how many bytes are not worth compressing: ids do not shrink.
const storeBelow = 80

func (e *PackEncoder) compress(data []byte) ([]byte, error) {
	if len(data) < storeBelow {
		return e.stored(data), nil
	}
	e.out.Reset()
	e.zlib.Reset(&e.out)
	if _, err := e.zlib.Write(data); err != nil {
		return nil, err
	}
	if err := e.zlib.Close(); err != nil {
		return nil, err
	}
	return e.out.Bytes(), nil
}

// stored is a zlib stream of one block that is not compressed (RFC 1950, RFC 1951).
func (e *PackEncoder) stored(data []byte) []byte {
	e.out.Reset()
	n := uint16(len(data))
	e.out.Write([]byte{0x78, 0x01, 0x01, byte(n), byte(n >> 8), byte(^n), byte(^n >> 8)})
	e.out.Write(data)
	return binary.BigEndian.AppendUint32(e.out.Bytes(), adler32.Checksum(data))
}
