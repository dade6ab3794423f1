// Package unpack shows what else can be read from the bytes of a blob: text in
// UTF-16 or UTF-32, the members of archives and compressed files, the decoded
// strings of notebooks. What a blob is follows from its content, never from its
// name. The package searches nothing; what it could not open, it names.
package unpack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// View is one way to read a blob.
type View struct {
	// Name is "" for the blob itself and "!inner/path" for a member of an
	// archive, nested as in "!b.tar!c.txt".
	Name string
	Text []byte // to search; valid only during the visit
	// Offset maps an offset in Text to one in the blob, or to -1 where the byte
	// has no place of its own. Nil: the same offset for Name "", else none.
	Offset func(i int) int
	Via    []string // what was undone, from the outside in, as in ["zip", "utf-16le"]
}

// Skip is a part of a blob that was not read, or not to its end.
type Skip struct {
	Path   string // as View.Name
	Reason string
	Limit  bool // one of the Limits was met; else the part is damaged or encrypted
	Closed bool // the part is of a form that is known and never opened
}

// Limits bound the work for one blob. Zero fields mean the defaults.
type Limits struct {
	Depth   int   // archives within archives; negative: open none
	Bytes   int64 // unpacked bytes in all
	Member  int64 // unpacked bytes of one member; the text up to there is shown
	Ratio   int64 // unpacked bytes per byte of the blob, after the first MiB
	Members int   // members in all
}

// The defaults of Limits.
const (
	DefaultDepth   = 3
	DefaultBytes   = 256 << 20
	DefaultMember  = 64 << 20
	DefaultRatio   = 200
	DefaultMembers = 100_000

	freeRatio = 1 << 20 // unpacked bytes before the ratio counts
)

func (l Limits) orDefaults() Limits {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Bytes, DefaultBytes)
	set(&l.Member, DefaultMember)
	set(&l.Ratio, DefaultRatio)
	if l.Depth == 0 {
		l.Depth = DefaultDepth
	}
	if l.Members <= 0 {
		l.Members = DefaultMembers
	}
	return l
}

// notOpened ends the reason of a form that is never opened.
const notOpened = ": not opened"

// errFull unwinds to Views when a limit on the whole blob was met.
var errFull = errors.New("a limit was met")

// Views visits every view of a blob, its own bytes first. path names the blob
// and only serves to name what a compressed file holds. An error is the
// visitor's or the context's; everything wrong with the blob is a Skip.
func Views(ctx context.Context, path string, data []byte, limits Limits, visit func(View) error) ([]Skip, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := visit(View{Text: data}); err != nil || !special(data) {
		return nil, err
	}
	o := &opener{ctx: ctx, limits: limits.orDefaults(), visit: visit}
	o.left = min(o.limits.Bytes, freeRatio+o.limits.Ratio*int64(len(data)))
	o.ratio = o.left < o.limits.Bytes
	o.work = 4 * (o.limits.Bytes + int64(len(data)))
	m := member{data: data, base: path}
	err := o.texts(m)
	if err == nil {
		err = o.containers(m, 0)
	}
	if errors.Is(err, errFull) {
		err = nil
	}
	if o.more.Reason != "" {
		o.more.Reason = fmt.Sprintf("%d more parts were not read, the last one: %s", o.untold, o.more.Reason)
		o.skips = append(o.skips, o.more)
	}
	return o.skips, err
}

// opener is the state of one call of Views.
type opener struct {
	ctx     context.Context // of the one call that made the opener
	limits  Limits
	visit   func(View) error
	skips   []Skip
	more    Skip // stands for those above maxSkips
	untold  int
	left    int64 // bytes that may still be unpacked
	ratio   bool  // the ratio, not the total, set left
	work    int64 // packed bytes that may still be gone through
	members int
}

// member is a part of the blob, at first the whole of it.
type member struct {
	name string // as View.Name
	via  []string
	data []byte
	base string // file name, to name what a compressed file holds
	at   int    // where data starts in the blob; below 0: nowhere
}

func (m member) child(name, how string, data []byte) member {
	return member{name: m.name + "!" + name, via: with(m.via, how), data: data, base: name, at: -1}
}

func with(via []string, how string) []string {
	return append(append(make([]string, 0, len(via)+1), via...), how)
}

// maxSkips is how many parts of one blob are named one by one.
const maxSkips = 100

func (o *opener) skip(path, reason string, limit bool) {
	if len(o.skips) >= maxSkips {
		o.untold++
		o.more = Skip{Reason: reason, Limit: limit && (o.untold == 1 || o.more.Limit)}
		return
	}
	o.skips = append(o.skips, Skip{Path: path, Reason: reason, Limit: limit, Closed: strings.HasSuffix(reason, notOpened)})
}

// open shows a member as it is and as whatever else it can be read.
func (o *opener) open(m member, depth int) error {
	v := View{Name: m.name, Text: m.data, Via: m.via}
	if m.at >= 0 {
		v.Offset = func(i int) int { return m.at + i }
	}
	if err := o.visit(v); err != nil {
		return err
	}
	if !special(m.data) {
		return nil
	}
	if err := o.texts(m); err != nil {
		return err
	}
	return o.containers(m, depth)
}

// containers opens data when it is an archive or compressed.
func (o *opener) containers(m member, depth int) error {
	if closed := closedForm(m.data); closed != "" && o.limits.Depth > 0 {
		o.skip(m.name, "a "+closed+": not opened", false)
	}
	kind := sniff(m.data)
	if kind == nil {
		return nil
	}
	if err := o.done(); err != nil {
		return err // the member was cut at a limit that is named already
	}
	if depth >= o.limits.Depth {
		if o.limits.Depth > 0 {
			o.skip(m.name, fmt.Sprintf("a %s below %d other archives was not opened", kind.name, depth), true)
		}
		return nil
	}
	if kind.stream == nil {
		return o.zip(m, depth)
	}
	return o.compressed(m, kind, depth)
}

// count admits one more member.
func (o *opener) count(path string) error {
	if err := o.ctx.Err(); err != nil {
		return err
	}
	if o.members++; o.members > o.limits.Members {
		o.skip(path, fmt.Sprintf("more than %d members in archives", o.limits.Members), true)
		return errFull
	}
	return nil
}

// read unpacks a member up to the limits. A member that ends in damage or at
// the limit for members is shown up to there; whole says that it is all. The data
// lie in buf.
func (o *opener) read(buf *bytes.Buffer, path string, r io.Reader) (data []byte, whole bool, err error) {
	limit := min(o.limits.Member, o.left)
	n, readErr := guardedCopy(buf, &pausing{o.ctx, io.LimitReader(r, limit+1)})
	if err := o.ctx.Err(); err != nil {
		return nil, false, err
	}
	data = buf.Bytes()
	o.left -= n
	if n <= limit {
		if readErr != nil {
			o.skip(path, "damaged: "+reason(readErr), false)
		}
		return data, readErr == nil, nil
	}
	data = data[:limit]
	if limit == o.limits.Member {
		o.skip(path, fmt.Sprintf("only the first %d bytes were unpacked", limit), true)
		return data, false, nil
	}
	o.skip(path, o.full(), true)
	return data, false, nil
}

// guardedCopy takes a panic of a decompressor for damage of what it reads.
func guardedCopy(to *bytes.Buffer, from io.Reader) (n int64, err error) {
	defer func() {
		if recover() != nil {
			n, err = int64(to.Len()), errors.New("the data cannot be unpacked")
		}
	}()
	return io.Copy(to, from)
}

// worked charges packed bytes. Members of a zip archive may overlap and unpack
// to nothing, so that the limits on what is unpacked would not end the work.
func (o *opener) worked(path string, packed int) error {
	if o.work -= int64(packed); o.work < 0 {
		o.skip(path, "members of the archive overlap too often", true)
		return errFull
	}
	return nil
}

// full says which limit on the whole blob was met.
func (o *opener) full() string {
	if o.ratio {
		return fmt.Sprintf("more than %d times the size of the file would have been unpacked", o.limits.Ratio)
	}
	return fmt.Sprintf("more than %d bytes would have been unpacked", o.limits.Bytes)
}

// done is errFull after the limit on the whole blob was met.
func (o *opener) done() error {
	if o.left < 0 {
		return errFull
	}
	return nil
}

// reason shortens an error of a decompressor, which never quotes data.
func reason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return err.Error()
}

// pausing is a reader that notices when the work was cancelled.
type pausing struct {
	ctx context.Context
	r   io.Reader
}

func (p *pausing) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}
