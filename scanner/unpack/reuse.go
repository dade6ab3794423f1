package unpack

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// Archives have many members, of which each would leave a buffer and the tables
// of a decompressor behind for the garbage collector.
var (
	buffers   = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

// maxReused is the largest buffer that is kept, in bytes.
const maxReused = 1 << 20

// takeBuffer gives a buffer for what is unpacked, until its members were visited.
func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func giveBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxReused {
		b.Reset()
		buffers.Put(b)
	}
}

// inflating is a decompressor that is given back when it is closed.
type inflating struct{ io.ReadCloser }

func inflate(from io.Reader) (io.ReadCloser, error) {
	r := inflaters.Get().(io.ReadCloser)
	if err := r.(flate.Resetter).Reset(from, nil); err != nil {
		return nil, err
	}
	return &inflating{r}, nil
}

func (i *inflating) Close() error {
	if i.ReadCloser != nil {
		inflaters.Put(i.ReadCloser)
		i.ReadCloser = nil
	}
	return nil
}
