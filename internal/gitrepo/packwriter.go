package gitrepo

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// PackWriter writes new objects as one pack, which nobody sees before Finish.
// Its encoders may work at the same time; the writer puts their output in a row.
type PackWriter struct {
	repo *Repo
	dir  string

	mu      sync.Mutex
	file    *os.File // nil: nothing is written, see CountPack
	buffer  *bufio.Writer
	at      int64
	seen    map[ID]bool
	written []packedEntry
	bytes   int64
	err     error // the first; nothing is written after it
}

// packedEntry is a line of the index to be.
type packedEntry struct {
	id  ID
	crc uint32
	off int64
}

// NewPack begins a pack in the repository's own folder of objects.
func (r *Repo) NewPack() (*PackWriter, error) {
	dir := filepath.Join(r.commonDir, "objects", "pack")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("begin a pack: %w", err)
	}
	file, err := os.CreateTemp(dir, "tmp_pack_")
	if err != nil {
		return nil, fmt.Errorf("begin a pack: %w", err)
	}
	w := &PackWriter{repo: r, dir: dir, file: file, buffer: bufio.NewWriterSize(file, 1<<20), seen: map[ID]bool{}}
	w.put(append([]byte("PACK\x00\x00\x00\x02"), 0, 0, 0, 0))
	return w, w.err
}

// CountPack is a pack that is only counted: what is added to it is hashed and forgotten.
func (r *Repo) CountPack() *PackWriter { return &PackWriter{repo: r, seen: map[ID]bool{}} }

// Objects is how many objects were added that the repository did not have.
func (w *PackWriter) Objects() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// Size is the length of the pack so far, in bytes; of one that is only counted, that of its objects.
func (w *PackWriter) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.at, w.bytes)
}

func (w *PackWriter) put(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.buffer.Write(b)
	w.at += int64(n)
	if err != nil {
		w.err = fmt.Errorf("write the pack: %w", err)
	}
}

// claim reports whether an object is yet to be added.
func (w *PackWriter) claim(id ID, size int) bool {
	if w.repo.Has(id) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[id] {
		return false
	}
	w.seen[id] = true
	if w.file == nil {
		w.bytes += int64(size)
	}
	return true
}

// Abort removes what was written. After Finish it does nothing.
func (w *PackWriter) Abort() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
		w.file = nil
	}
}

// Finish makes the objects part of the repository and returns the name of the
// pack's file, "" where there was nothing to add. On an error nothing is left behind.
func (w *PackWriter) Finish() (string, error) {
	if w.file == nil {
		return "", w.err
	}
	defer w.Abort()
	if len(w.written) == 0 || w.err != nil {
		return "", w.err
	}
	sum, err := w.seal()
	if err != nil {
		return "", fmt.Errorf("write the pack: %w", err)
	}
	return w.publish(sum)
}

// seal writes the number of objects into the head and the hash of all behind it.
func (w *PackWriter) seal() ([]byte, error) {
	if err := w.buffer.Flush(); err != nil {
		return nil, err
	}
	if _, err := w.file.WriteAt(binary.BigEndian.AppendUint32(nil, uint32(len(w.written))), 8); err != nil {
		return nil, err
	}
	h := newHash(w.repo.hash)
	if _, err := io.Copy(h, io.NewSectionReader(w.file, 0, w.at)); err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	if _, err := w.file.WriteAt(sum, w.at); err != nil {
		return nil, err
	}
	return sum, w.file.Sync()
}

// publish gives pack and index their names, the index last, as git does.
func (w *PackWriter) publish(sum []byte) (string, error) {
	id, err := IDFromBytes(sum)
	if err != nil {
		return "", err
	}
	name := filepath.Join(w.dir, "pack-"+id.String())
	index, err := w.writeIndex(sum)
	if err != nil {
		return "", fmt.Errorf("write the pack's index: %w", err)
	}
	err = errors.Join(w.file.Chmod(0o444), os.Rename(w.file.Name(), name+".pack"))
	if err == nil {
		err = os.Rename(index, name+".idx")
	}
	if err != nil {
		os.Remove(index)
		os.Remove(name + ".pack")
		return "", fmt.Errorf("write the pack: %w", err)
	}
	w.file.Close()
	w.file = nil
	return name + ".pack", syncDir(w.dir)
}

// syncDir makes renames in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // some file systems know no such thing
	return nil
}

// writeIndex writes a version 2 index beside the pack.
func (w *PackWriter) writeIndex(sum []byte) (name string, err error) {
	slices.SortFunc(w.written, func(a, b packedEntry) int { return slices.Compare(a.id.Bytes(), b.id.Bytes()) })
	var b idxBuilder
	var crcs []byte
	for i := range w.written {
		e := &w.written[i]
		b.add(e.id.Bytes(), e.off)
		crcs = binary.BigEndian.AppendUint32(crcs, e.crc)
	}
	x := b.index(w.repo.hash)
	h := newHash(w.repo.hash)
	file, err := os.CreateTemp(w.dir, "tmp_idx_")
	if err != nil {
		return "", err
	}
	defer file.Close()
	out := io.MultiWriter(file, h)
	for _, part := range [][]byte{[]byte(idxMagic), {0, 0, 0, 2}, x.fanout, x.names, crcs, x.off32, x.off64, sum} {
		if _, werr := out.Write(part); err == nil {
			err = werr
		}
	}
	_, werr := file.Write(h.Sum(nil))
	if err = errors.Join(err, werr, file.Chmod(0o444), file.Sync()); err != nil {
		os.Remove(file.Name())
	}
	return file.Name(), err
}

// append puts an encoded entry into the pack. Without an error its place is returned.
func (w *PackWriter) append(id ID, head, body []byte, base int64) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	off := w.at
	if base > 0 {
		head = appendBack(head, off-base)
	}
	sum := crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body)
	w.put(head)
	w.put(body)
	w.written = append(w.written, packedEntry{id, sum, off})
	return off, w.err
}

// appendBack writes the distance to the base of an offset delta.
func appendBack(to []byte, back int64) []byte {
	var raw [10]byte
	i := len(raw) - 1
	raw[i] = byte(back & 0x7f)
	for back >>= 7; back > 0; back >>= 7 {
		back--
		i--
		raw[i] = 0x80 | byte(back&0x7f)
	}
	return append(to, raw[i:]...)
}
