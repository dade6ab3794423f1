package facts

import (
	"encoding/binary"
	"io"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Encoder writes a table commit by commit. A path, a blob or a text is written
// where it is named first, and by its number later on, so that nothing is kept
// that no commit leads to.
type Encoder struct {
	Path func(int32) Path // what the numbers of the caller stand for
	Blob func(int32) Blob

	to     io.Writer
	err    error
	paths  numbers
	blobs  numbers
	texts  map[string]uint64
	buffer []byte
	counts [6]uint64 // of the lists of a Table, so that a reader makes them at once
}

// The places of Encoder.counts.
const (
	countCommits = iota
	countChanges
	countOlds
	countFindings
	countPaths
	countBlobs
)

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
	e := &Encoder{to: to, texts: map[string]uint64{}}
	e.text(key)
	return e
}

// Commit begins a commit with so many changes. Its parents are numbers of commits
// in the order in which they are written.
func (e *Encoder) Commit(c Commit, changes int) {
	if len(e.buffer) > 1<<16 {
		e.flush()
	}
	e.counts[countCommits]++
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
// blobs are the caller's own.
func (e *Encoder) Change(c Change, olds []int32, found []Finding) {
	e.counts[countChanges]++
	e.counts[countOlds] += uint64(len(olds))
	e.flags(c.Link, c.Judged)
	e.path(c.Path)
	e.blob(c.Blob)
	for _, old := range olds {
		e.blob(old)
	}
	if !c.Judged {
		return
	}
	e.number(uint64(len(found)))
	for _, f := range found {
		e.finding(f)
	}
}

func (e *Encoder) path(n int32) {
	number, isNew := e.paths.number(n)
	e.number(uint64(number))
	if isNew {
		p := e.Path(n)
		e.text(p.Name)
		e.number(p.Rules)
		e.flags(p.Alone)
	}
}

// blob writes 0 for none.
func (e *Encoder) blob(n int32) {
	if n < 0 {
		e.number(0)
		return
	}
	number, isNew := e.blobs.number(n)
	e.number(uint64(number) + 1)
	if !isNew {
		return
	}
	b := e.Blob(n)
	e.flags(b.Known, b.Found, b.LFS, len(b.Skips) > 0)
	e.id(b.ID)
	if !b.Known {
		return
	}
	e.number(uint64(b.Size))
	e.number(b.Rules)
	if len(b.Skips) > 0 {
		e.number(uint64(len(b.Skips)))
	}
	for _, s := range b.Skips {
		e.flags(s.Limit, s.Closed)
		e.shared(s.Reason)
	}
}

func (e *Encoder) finding(f Finding) {
	e.counts[countFindings]++
	e.flags(f.Allowed, f.AtHead)
	e.shared(f.Rule)
	e.shared(f.Context)
	for _, n := range []int{f.Confidence, f.Span[0], f.Span[1], f.Lines[0], f.Lines[1], f.Columns[0], f.Columns[1]} {
		e.number(uint64(n))
	}
	e.text(f.Fingerprint)
	e.blob(f.Head)
}

// Close ends the table with the lengths of its lists.
func (e *Encoder) Close() error {
	e.counts[countPaths], e.counts[countBlobs] = uint64(e.paths.next), uint64(e.blobs.next)
	for _, n := range e.counts {
		e.buffer = binary.LittleEndian.AppendUint64(e.buffer, n)
	}
	e.flush()
	return e.err
}

// flush hands on what is in the buffer. The first error is the one that is told.
func (e *Encoder) flush() {
	if e.err == nil {
		_, e.err = e.to.Write(e.buffer)
	}
	e.buffer = e.buffer[:0]
}

func (e *Encoder) flags(on ...bool) {
	var bits byte
	for i, is := range on {
		if is {
			bits |= 1 << i
		}
	}
	e.buffer = append(e.buffer, bits)
}

func (e *Encoder) number(n uint64) {
	e.buffer = binary.AppendUvarint(e.buffer, n)
}

func (e *Encoder) signed(n int64) {
	e.buffer = binary.AppendVarint(e.buffer, n)
}

func (e *Encoder) text(s string) {
	e.number(uint64(len(s)))
	e.buffer = append(e.buffer, s...)
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
	e.buffer = append(append(e.buffer, byte(len(raw))), raw...)
}
