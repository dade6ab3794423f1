package facts

import (
	"encoding/binary"
	"errors"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// ErrForeign says that bytes are no table under the key asked for.
var ErrForeign = errors.New("not a table of facts under these rules and settings")

// Decode reads a table that was written under the key.
func Decode(data []byte, key string) (*Table, error) {
	d := &decoder{rest: data}
	if d.text() != key || d.bad || !d.lists() {
		return nil, ErrForeign
	}
	for len(d.rest) > 0 && !d.bad {
		d.commit()
	}
	if d.bad || !d.sound() {
		return nil, ErrForeign
	}
	return &d.t, nil
}

// decoder reads what an Encoder wrote. Behind the end, and after anything that
// cannot be, it reads zeros and is bad.
type decoder struct {
	rest  []byte
	bad   bool
	t     Table
	texts []string
	free  []int32 // for parents
}

// lists makes the lists of the table, whose lengths stand at the end. An entry of
// any of them takes at least a byte.
func (d *decoder) lists() bool {
	end := len(d.rest) - 8*6
	if end < 0 {
		return false
	}
	var counts [6]int
	for i := range counts {
		n := binary.LittleEndian.Uint64(d.rest[end+8*i:])
		if n > uint64(end) {
			return false
		}
		counts[i] = int(n)
	}
	d.rest = d.rest[:end]
	d.t = Table{
		Commits: make([]Commit, 0, counts[countCommits]), Changes: make([]Change, 0, counts[countChanges]), Olds: make([]int32, 0, counts[countOlds]),
		Findings: make([]Finding, 0, counts[countFindings]), Paths: make([]Path, 0, counts[countPaths]), Blobs: make([]Blob, 0, counts[countBlobs]),
	}
	return true
}

func (d *decoder) commit() {
	flags := d.byte()
	c := Commit{ID: d.id(), Known: flags&1 != 0, Said: flags&2 != 0}
	if c.Known {
		c.When = d.signed()
		c.Parents = d.parents(d.count())
		c.First = int32(len(d.t.Changes))
		for range d.count() {
			d.change(max(1, len(c.Parents)))
		}
		c.Last = int32(len(d.t.Changes))
	}
	d.t.Commits = append(d.t.Commits, c)
}

// parents gives each commit a piece of one long list.
func (d *decoder) parents(count int) []int32 {
	if len(d.free) < count {
		d.free = make([]int32, max(count, 1024))
	}
	out := d.free[:count:count]
	d.free = d.free[count:]
	for i := range out {
		out[i] = d.index()
	}
	return out
}

func (d *decoder) change(olds int) {
	flags := d.byte()
	c := Change{Link: flags&1 != 0, Judged: flags&2 != 0, Path: d.path(), Blob: d.blob(), Olds: int32(len(d.t.Olds))}
	for range olds {
		d.t.Olds = append(d.t.Olds, d.blob())
	}
	c.From = int32(len(d.t.Findings))
	if c.Judged {
		for range d.count() {
			d.t.Findings = append(d.t.Findings, d.finding())
		}
	}
	c.To = int32(len(d.t.Findings))
	d.bad = d.bad || c.Blob < 0
	d.t.Changes = append(d.t.Changes, c)
}

func (d *decoder) path() int32 {
	n := d.index()
	if int(n) == len(d.t.Paths) {
		d.t.Paths = append(d.t.Paths, Path{Name: d.text(), Rules: d.number(), Alone: d.byte() != 0})
	}
	d.bad = d.bad || int(n) >= len(d.t.Paths)
	return n
}

func (d *decoder) blob() int32 {
	n := d.index() - 1
	if int(n) == len(d.t.Blobs) {
		flags := d.byte()
		b := Blob{ID: d.id(), Known: flags&1 != 0, Found: flags&2 != 0, LFS: flags&4 != 0}
		if b.Known {
			b.Size, b.Rules = int64(d.number()), d.number()
		}
		if b.Known && flags&8 != 0 {
			b.Skips = make([]Skip, d.count())
			for i := range b.Skips {
				flags := d.byte()
				b.Skips[i] = Skip{Limit: flags&1 != 0, Closed: flags&2 != 0, Reason: d.shared()}
			}
		}
		d.t.Blobs = append(d.t.Blobs, b)
	}
	d.bad = d.bad || int(n) >= len(d.t.Blobs)
	return n
}

func (d *decoder) finding() Finding {
	flags := d.byte()
	f := Finding{Allowed: flags&1 != 0, AtHead: flags&2 != 0, Rule: d.shared(), Context: d.shared()}
	for _, n := range []*int{&f.Confidence, &f.Span[0], &f.Span[1], &f.Lines[0], &f.Lines[1], &f.Columns[0], &f.Columns[1]} {
		*n = int(d.index())
	}
	f.Fingerprint = d.text()
	f.Head = d.blob()
	return f
}

// sound reports whether all parents are commits of the table.
func (d *decoder) sound() bool {
	for _, c := range d.t.Commits {
		for _, p := range c.Parents {
			if int(p) >= len(d.t.Commits) {
				return false
			}
		}
	}
	return true
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.bad = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// index is a number that fits an int32.
func (d *decoder) index() int32 {
	n := d.number()
	if n >= 1<<31-1 {
		d.bad, d.rest, n = true, nil, 0
	}
	return int32(n)
}

// count is how many things follow, each of at least a byte.
func (d *decoder) count() int {
	n := int(d.index())
	if n > len(d.rest) {
		d.bad, d.rest, n = true, nil, 0
	}
	return n
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) shared() string {
	n := int(d.index())
	if n == len(d.texts) {
		d.texts = append(d.texts, d.text())
	}
	if n >= len(d.texts) {
		d.bad = true
		return ""
	}
	return d.texts[n]
}

func (d *decoder) id() gitrepo.ID {
	n := int(d.byte())
	if n > len(d.rest) {
		d.bad, d.rest = true, nil
		return gitrepo.ID{}
	}
	id, err := gitrepo.IDFromBytes(d.rest[:n])
	d.rest = d.rest[n:]
	d.bad = d.bad || err != nil
	return id
}
