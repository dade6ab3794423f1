package unpack

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode"
)

// Signatures and fixed sizes of zip records
// (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3).
const (
	localMagic   = "PK\x03\x04"
	centralMagic = "PK\x01\x02"
	endMagic     = "PK\x05\x06"
	localSize    = 30
	centralSize  = 46
	endSize      = 22
)

// entry is what one record says of a member.
type entry struct {
	method uint16
	flags  uint16
	crc    uint32
	packed int64 // compressed size; 0 or the largest number: not said here
	name   string
	record int // where a central record stands
}

const (
	encrypted  = 1 << 0
	sizesLater = 1 << 3 // crc and sizes follow the data
	unsaid     = 0xffffffff
)

// zip opens the members of an archive. Which ones there are is a matter of whom
// one asks: the last central directory, an earlier one, or the headers in front
// of the members. Whatever any of them shows is opened, once for each reading.
func (o *opener) zip(m member, depth int) error {
	m.via = with(m.via, "zip")
	central, err := o.centralEntries(m)
	if err != nil {
		return err
	}
	covered := 0 // the end of the members that proved right so far
	for pos := 0; ; pos += len(localMagic) {
		n := bytes.Index(m.data[pos:], []byte(localMagic))
		if n < 0 {
			return nil
		}
		pos += n
		named := outside(central[pos], covered)
		if pos < covered && len(named) == 0 {
			continue // the text of a member
		}
		local, body, ok := localEntry(m.data[pos:])
		switch {
		case ok && (local.likely(m.data[pos:]) || len(named) > 0):
			end, err := o.zipMember(m, readings(local, named), pos+body, depth)
			if err != nil {
				return err
			}
			covered = max(covered, end)
		case len(named) > 0:
			o.skip(m.name+"!"+named[0].name, "damaged zip: its header ends too early", false)
		}
	}
}

// outside are the records that do not stand in a member themselves, as those of
// an archive in the archive do.
func outside(records []entry, covered int) []entry {
	var out []entry
	for _, e := range records {
		if e.record >= covered {
			out = append(out, e)
		}
	}
	return out
}

// likely reports whether the bytes of a local header that no directory names
// are one, and not chance bytes of a program: no bit is set that has no
// meaning, and the name is text.
func (e entry) likely(header []byte) bool {
	const known = encrypted | 1<<1 | 1<<2 | sizesLater | 1<<11
	if e.name == "" || e.method > 99 || e.flags&^known != 0 || header[4] > 63 {
		return false
	}
	return strings.IndexFunc(e.name, unicode.IsControl) < 0
}

// localEntry reads the header in front of a member; body is where its data starts.
func localEntry(b []byte) (e entry, body int, ok bool) {
	if len(b) < localSize {
		return e, 0, false
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	nameEnd := localSize + int(u16(b[26:]))
	body = nameEnd + int(u16(b[28:]))
	if body > len(b) {
		return e, 0, false
	}
	return entry{u16(b[8:]), u16(b[6:]), u32(b[14:]), int64(u32(b[18:])), string(b[localSize:nameEnd]), 0}, body, true
}

// centralEntries reads every record of every central directory, by the offset
// in data of the local header that it names.
func (o *opener) centralEntries(m member) (map[int][]entry, error) {
	found := map[int][]entry{}
	var dir directory
	for pos, count := 0, 0; ; count++ {
		n := bytes.Index(m.data[pos:], []byte(centralMagic))
		if n < 0 {
			return found, nil
		}
		pos += n
		if count > 2*o.limits.Members {
			o.skip(m.name, fmt.Sprintf("more than %d members in archives", o.limits.Members), true)
			return nil, errFull
		}
		if pos >= dir.end {
			dir = nextDirectory(m.data, pos)
		}
		if e, offset, ok := centralEntry(m.data[pos:]); ok {
			at, ok := dir.header(m.data, pos, e, offset)
			switch {
			case ok && len(found[at]) < 8:
				e.record = pos
				found[at] = append(found[at], e)
			case !ok && dir.lacks(pos, e, offset):
				o.skip(m.name+"!"+cleanName(e.name), "damaged zip: its header is not where the directory says", false)
			}
		}
		pos += len(centralMagic)
	}
}

// directory is one central directory: the span of its records in data, where
// its end record starts, and where the archive does. That is not 0 behind a
// program, and within a member that is an archive itself.
type directory struct{ start, end, base int }

// nextDirectory is the directory that the first end record behind pos closes.
func nextDirectory(data []byte, pos int) directory {
	n := bytes.Index(data[pos:], []byte(endMagic))
	if n < 0 || pos+n+endSize > len(data) {
		return directory{start: len(data), end: len(data)}
	}
	end := int64(pos + n)
	size, offset := binary.LittleEndian.Uint32(data[end+12:]), binary.LittleEndian.Uint32(data[end+16:])
	start := end - int64(size)
	return directory{int(start), int(end), int(max(0, start-int64(offset)))}
}

// header is the place of the local header that a record at pos names. A record
// outside of every directory has to agree with the header in the name: no
// program goes by such a record alone.
func (d directory) header(data []byte, pos int, e entry, offset int64) (int, bool) {
	inside := d.start <= pos && pos < d.end
	at := offset
	if inside {
		at += int64(d.base)
	}
	if at+localSize > int64(len(data)) || string(data[at:at+4]) != localMagic {
		return 0, false
	}
	local, _, ok := localEntry(data[at:])
	return int(at), inside || ok && local.name == e.name
}

// lacks reports whether a record without a local header names a member that
// goes unread. Chance bytes outside of a directory and folders name none, and
// where the place is too large for the record the headers are found by search.
func (d directory) lacks(pos int, e entry, offset int64) bool {
	return d.start <= pos && pos < d.end && offset != unsaid && (e.packed > 0 || !strings.HasSuffix(e.name, "/"))
}

func centralEntry(b []byte) (e entry, offset int64, ok bool) {
	if len(b) < centralSize {
		return e, 0, false
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	nameEnd := centralSize + int(u16(b[28:]))
	if nameEnd > len(b) {
		return e, 0, false
	}
	return entry{u16(b[10:]), u16(b[8:]), u32(b[16:]), int64(u32(b[20:])), string(b[centralSize:nameEnd]), 0}, int64(u32(b[42:])), true
}

// readings are the different ways to read one member, at most four. A size or a
// sum that one record leaves out is taken from another.
func readings(local entry, central []entry) []entry {
	all := append([]entry{local}, central...)
	for i := range all {
		for _, other := range all {
			if all[i].packed == 0 && all[i].flags&sizesLater != 0 || all[i].packed == unsaid {
				all[i].packed = other.packed
			}
			if all[i].crc == 0 {
				all[i].crc = other.crc
			}
		}
	}
	var out []entry
	seen := map[entry]bool{}
	for _, e := range all {
		key := e
		key.name, key.flags, key.crc, key.record = "", e.flags&encrypted, 0, 0
		if e.method != 0 {
			key.packed = 0 // the compressed data knows its own end
		}
		if !seen[key] && len(out) < 4 {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out
}

// zipMember opens the readings of one member, whose data starts at body. It
// gives the end of the data when a reading proved right by its sum: what looks
// like a header in there is part of the member.
func (o *opener) zipMember(m member, readings []entry, body, depth int) (end int, err error) {
	for _, e := range readings {
		inner := m.child(cleanName(e.name), "", nil)
		inner.via = m.via
		if m.at >= 0 && e.method == 0 {
			inner.at = m.at + body
		}
		if strings.HasSuffix(e.name, "/") && e.packed == 0 {
			continue
		}
		if err := o.count(inner.name); err != nil {
			return 0, err
		}
		if e.flags&encrypted != 0 {
			o.skip(inner.name, "encrypted", false)
			continue
		}
		used, err := o.zipData(inner, e, m.data[body:], depth)
		if err != nil {
			return 0, err
		}
		if used > 0 {
			end = max(end, body+used)
		}
	}
	return end, nil
}

// cleanName keeps "!" as the only mark between archives and members.
func cleanName(name string) string {
	return strings.ReplaceAll(name, "\\", "/")
}

// zipData unpacks one member and shows it. used is the size of its packed data
// when that is certain, else 0.
func (o *opener) zipData(inner member, e entry, rest []byte, depth int) (used int, err error) {
	source := bytes.NewReader(rest)
	r, ok := unpacker(e, rest, source)
	if !ok {
		o.skip(inner.name, fmt.Sprintf("compression method %d is not known", e.method), false)
		return 0, nil
	}
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	data, whole, err := o.read(buf, inner.name, r)
	if err == nil {
		err = o.worked(inner.name, len(rest)-source.Len())
	}
	if err != nil {
		return 0, err
	}
	right := crc32.ChecksumIEEE(data) == e.crc
	if whole && !right && e.crc != 0 {
		o.skip(inner.name, "damaged: its checksum is wrong", false)
	}
	if len(data) > 0 {
		inner.data = data
		if err := o.open(inner, depth+1); err != nil {
			return 0, err
		}
	}
	if whole && right {
		used = len(rest) - source.Len()
	}
	return used, o.done()
}

// unpacker opens the packed data of a member.
func unpacker(e entry, rest []byte, source *bytes.Reader) (io.Reader, bool) {
	packed := e.packed
	if packed == 0 && e.flags&sizesLater != 0 || packed >= unsaid || packed > int64(len(rest)) {
		packed = int64(len(rest))
		if n := bytes.Index(rest, []byte("PK")); e.method == 0 && n >= 0 {
			packed = int64(n)
		}
	}
	switch e.method {
	case 0:
		return io.LimitReader(source, packed), true
	case 8:
		r, err := inflate(source)
		return r, err == nil
	case 12:
		return bzip2.NewReader(io.LimitReader(source, packed)), true // it would look for another stream behind its own
	case 93, 95:
		f := forms[2]
		if e.method == 93 {
			f = forms[3]
		}
		r, err := f.stream(bytes.NewReader(rest[:packed]))
		return r, err == nil
	}
	return nil, false
}
