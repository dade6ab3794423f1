package unpack

import (
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// maxWindow bounds the memory that a compressed stream may ask for, in bytes.
const maxWindow = 64 << 20

// form is a kind of container.
type form struct {
	name  string
	magic string
	// stream opens a form that is one stream of bytes; nil for zip, which is
	// read at any place.
	stream func(io.Reader) (io.Reader, error)
}

// forms are recognised by the bytes that they start with.
var forms = []*form{
	{"gzip", "\x1f\x8b\x08", openGzip},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r, maxWindow) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
}

var (
	tarForm = &form{name: "tar", stream: func(r io.Reader) (io.Reader, error) { return r, nil }}
	zipForm = &form{name: "zip"}
)

func openZstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// special reports whether data may be more than plain text. Archives and wide
// encodings hold NUL bytes; ordinary text costs one search for them.
func special(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	switch data[0] {
	case 0x1f, 'B', 0xfd, 0x28, 0xff, 0xfe, '{', ' ', '\t', '\r', '\n', 0xef:
		return true
	}
	return bytes.IndexByte(data, 0) >= 0 || closedForm(data) != ""
}

// sniff tells the form of data by its content, or nil.
func sniff(data []byte) *form {
	for _, f := range forms {
		if bytes.HasPrefix(data, []byte(f.magic)) && (f.name != "bzip2" || isBzip2(data)) {
			return f
		}
	}
	if isTar(data) {
		return tarForm
	}
	// Programs and pictures may stand before a zip archive.
	if bytes.IndexByte(data, 0) >= 0 && (bytes.Contains(data, []byte(localMagic)) || bytes.Contains(data, []byte(centralMagic))) {
		return zipForm
	}
	return nil
}

// isBzip2 checks the level and the first block, as "BZh" also starts words.
func isBzip2(data []byte) bool {
	return len(data) >= 10 && '1' <= data[3] && data[3] <= '9' &&
		(string(data[4:10]) == "1AY&SY" || string(data[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

const tarBlock = 512

// isTar checks the sum over the first header, which old archives without
// "ustar" have too (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html).
func isTar(data []byte) bool {
	if len(data) < tarBlock || data[0] == 0 {
		return false
	}
	want, digits := 0, 0
	for _, c := range data[148:156] {
		if '0' <= c && c <= '7' {
			want, digits = want*8+int(c-'0'), digits+1
		} else if c != ' ' && c != 0 {
			return false
		}
	}
	unsigned, signed := 0, 0
	for i, c := range data[:tarBlock] {
		if 148 <= i && i < 156 {
			c = ' '
		}
		unsigned, signed = unsigned+int(c), signed+int(int8(c))
	}
	return digits > 0 && (want == unsigned || want == signed)
}

// Container reports whether data is an archive or compressed, of a form that can be
// opened or not: what it holds cannot be read in its bytes.
func Container(data []byte) bool { return sniff(data) != nil || closedForm(data) != "" }

// ContainerOfText is Container for data without any NUL byte, of which only the
// beginning can tell.
func ContainerOfText(data []byte) bool { return Container(data[:min(len(data), tarBlock)]) }
