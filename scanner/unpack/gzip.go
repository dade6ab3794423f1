package unpack

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// gzipMembers reads one member after the other. Zero bytes behind a member are
// padding, as of tapes and disk images: https://www.gnu.org/software/gzip/manual/html_node/Tapes.html
type gzipMembers struct {
	from scanning
	one  *gzip.Reader
}

// scanning is a source that nothing is read from beyond the end of a member.
type scanning interface {
	io.Reader
	io.ByteScanner
}

func openGzip(from io.Reader) (io.Reader, error) {
	source, ok := from.(scanning)
	if !ok {
		source = bufio.NewReader(from)
	}
	one, err := gzip.NewReader(source)
	if err != nil {
		return nil, err
	}
	one.Multistream(false)
	return &gzipMembers{source, one}, nil
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := g.one.Read(p)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, ignoreEnd(err)
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next opens the member behind the padding, io.EOF when there is none.
func (g *gzipMembers) next() error {
	for {
		c, err := g.from.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			break
		}
	}
	if err := g.from.UnreadByte(); err != nil {
		return err
	}
	if err := g.one.Reset(g.from); err != nil {
		return err
	}
	g.one.Multistream(false)
	return nil
}

// ignoreEnd is for the end of one member, which is not that of all.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
