package gitrepo

import (
	"errors"
	"io"
	"os"
)

// mappedFile is a file read by position: mapped into memory where the system
// can, otherwise with ReadAt. A mapped file must not be shortened while it is
// open; git replaces packs, it never rewrites them.
type mappedFile struct {
	data []byte // nil when not mapped
	file *os.File
	size int64
}

func openMapped(path string) (*mappedFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	m := &mappedFile{file: file, size: info.Size()}
	if m.data = mapFile(file, m.size); m.data != nil {
		m.file = nil
		return m, file.Close()
	}
	return m, nil
}

// at gives the bytes from off on: at least want of them when the file has so
// many. Without a mapping they lie in *scratch until its next use.
func (m *mappedFile) at(off, want int64, scratch *[]byte) ([]byte, error) {
	if off < 0 || off > m.size {
		return nil, errTruncated
	}
	if m.data != nil {
		return m.data[off:], nil
	}
	want = min(want, m.size-off)
	if int64(cap(*scratch)) < want {
		*scratch = make([]byte, want)
	}
	buf := (*scratch)[:want]
	n, err := m.file.ReadAt(buf, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buf[:n], nil
}

func (m *mappedFile) close() error {
	if m.file != nil {
		return m.file.Close()
	}
	data := m.data
	m.data = nil
	return unmapFile(data)
}
