package unpack

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// compressed opens a stream; what it holds may be a tar archive, which is read
// as it comes, so that only one member is in memory.
func (o *opener) compressed(m member, kind *form, depth int) error {
	source := bytes.NewReader(m.data)
	r, err := kind.stream(source)
	if err != nil {
		o.skip(m.name, fmt.Sprintf("damaged %s: %s", kind.name, reason(err)), false)
		return nil
	}
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	if kind == tarForm {
		m.via = with(m.via, kind.name)
		return o.tar(m, &metered{r: r}, depth)
	}
	name := strings.TrimSuffix(path.Base(m.base), path.Ext(m.base))
	if name == "" || name == "." || name == "/" {
		name = "data"
	}
	inner := m.child(name, kind.name, nil)
	front := bufio.NewReaderSize(r, tarBlock)
	if head, _ := front.Peek(tarBlock); isTar(head) {
		m.via, m.at = with(inner.via, tarForm.name), -1
		return o.tar(m, &metered{r: front}, depth) // together they count as one archive
	}
	return o.single(inner, front, depth)
}

// single opens the one member of a compressed file.
func (o *opener) single(m member, r io.Reader, depth int) error {
	if err := o.count(m.name); err != nil {
		return err
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	data, _, err := o.read(buf, m.name, r)
	if err != nil {
		return err
	}
	m.data = data
	if err := o.open(m, depth+1); err != nil {
		return err
	}
	return o.done()
}

// metered counts what was read, so that a member's place in the blob is known.
type metered struct {
	r io.Reader
	n int
}

func (c *metered) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// errTooMuch stops a tar archive whose headers and gaps alone exceed the limits.
var errTooMuch = errors.New("too much was unpacked")

// allowance fails when more was read than may be unpacked, members that are
// passed over included.
type allowance struct {
	r    *metered
	most int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.r.n > a.most {
		return 0, errTooMuch
	}
	return a.r.Read(p)
}

// tar opens the members of an archive, and what follows its end. For an archive
// that stands uncompressed in the blob the members keep their places.
func (o *opener) tar(m member, from *metered, depth int) error {
	// Each member of a byte takes two blocks, so what passes through here may
	// be far more than what is unpacked.
	source := &allowance{from, int(min(o.left, 1<<40)) + 4*tarBlock*o.limits.Members}
	archive := tar.NewReader(source)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return o.rest(m, from, depth)
		}
		if errors.Is(err, errTooMuch) {
			o.skip(m.name, o.full(), true)
			return errFull
		}
		if err != nil {
			o.skip(m.name, "damaged tar: "+reason(err), false)
			return o.rest(m, from, depth)
		}
		if err := o.tarMember(m, h, archive, from.n, depth); err != nil {
			return err
		}
	}
}

func (o *opener) tarMember(m member, h *tar.Header, r io.Reader, at, depth int) error {
	inner := m.child(strings.TrimPrefix(h.Name, "./"), "tar", nil)
	inner.via = m.via
	if err := o.count(inner.name); err != nil {
		return err
	}
	if h.Linkname != "" {
		r = io.MultiReader(strings.NewReader(h.Linkname), r) // the text of a link, as git shows it
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	data, _, err := o.read(buf, inner.name, r)
	if err != nil || len(data) == 0 {
		return errors.Join(err, o.done())
	}
	if m.at >= 0 && at+len(data) <= len(m.data) && bytes.Equal(m.data[at:at+len(data)], data) {
		inner.at = m.at + at
	}
	inner.data = data
	if err := o.open(inner, depth+1); err != nil {
		return err
	}
	return o.done()
}

// rest shows what follows the end of an archive, where nobody looks.
func (o *opener) rest(m member, r io.Reader, depth int) error {
	front := bufio.NewReader(&pausing{o.ctx, io.LimitReader(r, o.left+1)})
	for skipped := int64(0); ; skipped++ {
		c, err := front.ReadByte()
		if skipped > o.left {
			o.skip(m.name, o.full(), true)
			return errFull
		}
		if err != nil {
			if err != io.EOF {
				o.skip(m.name, "damaged: "+reason(err), false)
			}
			return o.ctx.Err()
		}
		if c != 0 {
			_ = front.UnreadByte() // cannot fail after ReadByte
			inner := m.child("(after the end)", "", nil)
			inner.via = m.via
			return o.single(inner, front, depth)
		}
	}
}
