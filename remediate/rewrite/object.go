package rewrite

import "bytes"

// parts is a commit or a tag taken apart, so that writing it again gives the same
// bytes, however malformed it is.
type parts struct {
	fields []field
	rest   []byte // the empty line and the message; nil where there is no empty line
}

// field is one header with the lines that continue it, ends of lines included.
type field struct{ raw []byte }

// split takes an object apart. The parts point into it.
func split(raw []byte) parts {
	var p parts
	for len(raw) > 0 {
		if raw[0] == '\n' {
			p.rest = raw
			return p
		}
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		for end < len(raw) && raw[end] == ' ' {
			next := bytes.IndexByte(raw[end:], '\n') + 1
			if next == 0 {
				next = len(raw) - end
			}
			end += next
		}
		p.fields = append(p.fields, field{raw[:end]})
		raw = raw[end:]
	}
	return p
}

// join writes the object again.
func (p *parts) join() []byte {
	size := len(p.rest)
	for _, f := range p.fields {
		size += len(f.raw)
	}
	out := make([]byte, 0, size)
	for _, f := range p.fields {
		out = append(out, f.raw...)
	}
	return append(out, p.rest...)
}

// key is the word that begins the field.
func (f *field) key() string {
	end := bytes.IndexAny(f.raw, " \n")
	if end < 0 {
		end = len(f.raw)
	}
	return string(f.raw[:end])
}

// value is the field without its key, lines that continue it without their
// blank, and without the last end of line.
func (f *field) value() []byte {
	_, value, _ := bytes.Cut(f.raw, []byte(" "))
	return bytes.ReplaceAll(bytes.TrimSuffix(value, []byte("\n")), []byte("\n "), []byte("\n"))
}

// newField writes a header, also one of several lines.
func newField(key string, value []byte) field {
	return field{append(append([]byte(key+" "), bytes.ReplaceAll(value, []byte("\n"), []byte("\n "))...), '\n')}
}

// signatureKeys are the headers that sign the bytes of a commit or tag.
var signatureKeys = map[string]bool{"gpgsig": true, "gpgsig-sha256": true}

// unsign drops the signatures among the headers and reports whether there were any.
func (p *parts) unsign() bool {
	kept := p.fields[:0:0]
	for _, f := range p.fields {
		if !signatureKeys[f.key()] {
			kept = append(kept, f)
		}
	}
	dropped := len(kept) < len(p.fields)
	p.fields = kept
	return dropped
}

// armors begin the signature at the end of a tag, see gpg-interface.c of git.
var armors = [][]byte{
	[]byte("-----BEGIN PGP SIGNATURE-----"), []byte("-----BEGIN PGP MESSAGE-----"),
	[]byte("-----BEGIN SIGNED MESSAGE-----"), []byte("-----BEGIN SSH SIGNATURE-----"),
}

// signatureAt is where in a tag's message its signature begins, its length for none.
func signatureAt(message []byte) int {
	at := len(message)
	for from := 0; from < len(message); {
		for _, a := range armors {
			if bytes.HasPrefix(message[from:], a) {
				at = from
			}
		}
		next := bytes.IndexByte(message[from:], '\n')
		if next < 0 {
			break
		}
		from += next + 1
	}
	return at
}
