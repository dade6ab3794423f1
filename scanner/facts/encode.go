package facts

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Encoder writes a table commit by commit. A path, a blob or a text is written
// where it is named first, and by its number later on, so that nothing is kept
// that no commit leads to.
type Encoder struct {
	to     *bufio.Writer
	paths  numbers
	blobs  numbers
	texts  map[string]uint64
	buffer []byte
}

// numbers lead from the numbers of the caller to those in the file.
type numbers struct {
	of   []uint32 // plus one; 0: not written yet
	next uint32
}

// number gives the number of n, and whether it is new.
func (in *numbers) number(n int32) (number uint32, isNew bool) {
	for int(n) >= len(in.of) {
		in.of = append(in.of, 0)
	}
	if in.of[n] == 0 {
		in.next++
		in.of[n] = in.next
		return in.next - 1, true
	}
	return in.of[n] - 1, false
}

// NewEncoder writes the key, which a reader has to name again.
func NewEncoder(to io.Writer, key string) *Encoder {
	e := &Encoder{to: bufio.NewWriterSize(to, 1<<16), texts: map[string]uint64{}}
	e.text(key)
	return e
}

// Commit begins a commit with so many changes. Its parents are numbers of commits
// in the order in which they are written.
func (e *Encoder) Commit(c Commit, changes int) {
	e.flags(c.Known, c.Said)
	e.id(c.ID)
	if !c.Known {
		return
	}
	e.signed(c.When)
	e.number(uint64(len(c.Parents)))
	for _, p := range c.Parents {
		e.number(uint64(p))
	}
	e.number(uint64(changes))
}

// Change writes the next change of the last commit. The numbers of its path and
// blobs are the caller's own; path and blob say what they are.
func (e *Encoder) Change(c Change, olds []int32, found []Finding, path func(int32) Path, blob func(int32) Blob) {
	e.flags(c.Link, c.Judged)
	e.path(c.Path, path)
	e.blob(c.Blob, blob)
	for _, old := range olds {
		e.blob(old, blob)
	}
	if !c.Judged {
		return
	}
	e.number(uint64(len(found)))
	for _, f := range found {
		e.finding(f, blob)
	}
}

func (e *Encoder) path(n int32, path func(int32) Path) {
	number, isNew := e.paths.number(n)
	e.number(uint64(number))
	if isNew {
		p := path(n)
		e.text(p.Name)
		e.number(p.Rules)
		e.flags(p.Alone)
	}
}

// blob writes 0 for none.
func (e *Encoder) blob(n int32, blob func(int32) Blob) {
	if n < 0 {
		e.number(0)
		return
	}
	number, isNew := e.blobs.number(n)
	e.number(uint64(number) + 1)
	if !isNew {
		return
	}
	b := blob(n)
	e.flags(b.Known, b.Found, b.LFS)
	e.id(b.ID)
	if b.Known {
		e.number(uint64(b.Size))
		e.number(b.Rules)
	}
}

func (e *Encoder) finding(f Finding, blob func(int32) Blob) {
	e.flags(f.Allowed, f.AtHead)
	e.shared(f.Rule)
	e.shared(f.Context)
	for _, n := range []int{f.Confidence, f.Span[0], f.Span[1], f.Lines[0], f.Lines[1], f.Columns[0], f.Columns[1]} {
		e.number(uint64(n))
	}
	raw, _ := hex.DecodeString(f.Fingerprint) // what is written wrongly is found out by the checksum of a re-scan
	e.text(string(raw))
	e.blob(f.Head, blob)
}

// Close writes what is left.
func (e *Encoder) Close() error { return e.to.Flush() }

func (e *Encoder) flags(on ...bool) {
	var bits byte
	for i, is := range on {
		if is {
			bits |= 1 << i
		}
	}
	e.to.WriteByte(bits)
}

func (e *Encoder) number(n uint64) {
	e.buffer = binary.AppendUvarint(e.buffer[:0], n)
	e.to.Write(e.buffer)
}

func (e *Encoder) signed(n int64) {
	e.buffer = binary.AppendVarint(e.buffer[:0], n)
	e.to.Write(e.buffer)
}

func (e *Encoder) text(s string) {
	e.number(uint64(len(s)))
	e.to.WriteString(s)
}

// shared writes a text that comes again and again.
func (e *Encoder) shared(s string) {
	n, ok := e.texts[s]
	if !ok {
		n = uint64(len(e.texts))
		e.texts[s] = n
	}
	e.number(n)
	if !ok {
		e.text(s)
	}
}

func (e *Encoder) id(id gitrepo.ID) {
	raw := id.Bytes()
	e.to.WriteByte(byte(len(raw)))
	e.to.Write(raw)
}
