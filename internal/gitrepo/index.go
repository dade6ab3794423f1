package gitrepo

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"
)

// Index is what is staged: one entry a path, or up to three for a path in conflict.
type Index struct {
	Entries []IndexEntry // sorted by path, then stage
}

// IndexEntry is one line of the index. Its ID names a blob, for a submodule
// (Mode 0o160000) a commit elsewhere, and for a folder outside a sparse checkout
// (Mode 0o040000, the path ends in "/") a tree whose files were never checked out.
type IndexEntry struct {
	Path         string // bytes as found, "/"-separated
	Mode         uint32
	ID           ID
	Stage        uint8  // 0, or 1 to 3: base, ours and theirs of a conflict
	Size         uint32 // bytes of the file when it was staged, modulo 2^32; 0 when git distrusts it
	ModTime      time.Time
	ChangeTime   time.Time
	AssumeValid  bool
	SkipWorktree bool // the file is meant to be absent from the work tree
	IntentToAdd  bool // added without content; ID is that of the empty blob
}

// maxIndexPaths bounds the sum of all paths in bytes: version 4 shortens a path by
// what it shares with the one before, so that a small file could unfold without end.
const maxIndexPaths = 1 << 30

var errIndexShort = errors.New("the file ends early")

// ReadIndex reads an index file of version 2, 3 or 4, whole, with ids of hashSize
// (20 or 32) bytes. The folder of the index may hold a shared index that it builds
// on (`git update-index --split-index`); open is asked for that file by its name.
// The format: https://git-scm.com/docs/index-format.
func ReadIndex(data []byte, hashSize int, open func(name string) ([]byte, error)) (Index, error) {
	ix, err := parseIndex(data, hashSize)
	if err != nil {
		return Index{}, fmt.Errorf("read the index: %w", err)
	}
	if ix.link == nil {
		return Index{ix.entries}, nil
	}
	entries, err := ix.joinShared(hashSize, open)
	if err != nil {
		return Index{}, fmt.Errorf("read the split index: %w", err)
	}
	return Index{entries}, nil
}

// indexFile is one parsed file: entries as written, and the extension that names
// a shared index.
type indexFile struct {
	checksum []byte
	entries  []IndexEntry
	link     *indexLink
}

func parseIndex(data []byte, hashSize int) (indexFile, error) {
	if hashSize != sha1.Size && hashSize != sha256.Size {
		return indexFile{}, fmt.Errorf("ids have 20 or 32 bytes, not %d", hashSize)
	}
	if len(data) < 12+hashSize {
		return indexFile{}, errIndexShort
	}
	body, checksum := data[:len(data)-hashSize], data[len(data)-hashSize:]
	if err := verifyIndexSum(body, checksum); err != nil {
		return indexFile{}, err
	}
	version := binary.BigEndian.Uint32(body[4:])
	if string(body[:4]) != "DIRC" || version < 2 || version > 4 {
		return indexFile{}, fmt.Errorf("not an index of version 2 to 4: it begins with %q", body[:8])
	}
	ix := indexFile{checksum: checksum}
	r := indexReader{rest: body[12:], version: version, hashSize: hashSize}
	if err := r.readEntries(&ix, binary.BigEndian.Uint32(body[8:])); err != nil {
		return indexFile{}, err
	}
	return ix, readExtensions(&ix, r.rest, hashSize)
}

// verifyIndexSum takes a checksum of zeros for none, as index.skipHash writes it.
func verifyIndexSum(body, checksum []byte) error {
	if len(bytes.Trim(checksum, "\x00")) == 0 {
		return nil
	}
	if !bytes.Equal(hashOf(len(checksum), body), checksum) {
		return errors.New("its checksum does not match its content; `git status` may say more")
	}
	return nil
}

// hashOf hashes the parts with the function that has size bytes of output.
func hashOf(size int, parts ...[]byte) []byte {
	h := newHash(size)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func newHash(size int) hash.Hash {
	if size == sha256.Size {
		return sha256.New()
	}
	return sha1.New()
}

// indexReader consumes entries one after the other.
type indexReader struct {
	rest      []byte
	version   uint32
	hashSize  int
	last      string // the path before
	pathBytes int
}

func (r *indexReader) readEntries(ix *indexFile, count uint32) error {
	if int64(count)*int64(42+r.hashSize) > int64(len(r.rest)) {
		return fmt.Errorf("%d entries do not fit: %w", count, errIndexShort)
	}
	ix.entries = make([]IndexEntry, 0, count)
	for range count {
		e, err := r.readEntry()
		if err != nil {
			return fmt.Errorf("entry %d: %w", len(ix.entries)+1, err)
		}
		if r.pathBytes += len(e.Path); r.pathBytes > maxIndexPaths {
			return fmt.Errorf("its paths have more than %d bytes together", maxIndexPaths)
		}
		ix.entries = append(ix.entries, e)
	}
	return nil
}

// Bits of an entry's flags, and of the second flags of version 3.
const (
	flagAssumeValid = 1 << 15
	flagExtended    = 1 << 14
	stageShift      = 12

	flagSkipWorktree = 1 << 14
	flagIntentToAdd  = 1 << 13
)

func (r *indexReader) readEntry() (IndexEntry, error) {
	whole := r.rest
	fixed := 40 + r.hashSize + 2
	if len(whole) < fixed {
		return IndexEntry{}, errIndexShort
	}
	number := func(at int) uint32 { return binary.BigEndian.Uint32(whole[at:]) }
	flags := binary.BigEndian.Uint16(whole[fixed-2:])
	e := IndexEntry{
		ChangeTime:  time.Unix(int64(number(0)), int64(number(4))),
		ModTime:     time.Unix(int64(number(8)), int64(number(12))),
		Mode:        number(24),
		Size:        number(36),
		Stage:       uint8(flags >> stageShift & 3),
		AssumeValid: flags&flagAssumeValid != 0,
	}
	var err error
	if e.ID, err = IDFromBytes(whole[40 : 40+r.hashSize]); err != nil {
		return IndexEntry{}, err
	}
	r.rest = whole[fixed:]
	if flags&flagExtended != 0 {
		if r.version < 3 || len(r.rest) < 2 {
			return IndexEntry{}, errors.New("extended flags where there can be none")
		}
		more := binary.BigEndian.Uint16(r.rest)
		e.SkipWorktree, e.IntentToAdd = more&flagSkipWorktree != 0, more&flagIntentToAdd != 0
		r.rest = r.rest[2:]
	}
	e.Path, err = r.readPath(len(whole))
	return e, err
}

// readPath reads a path up to its NUL. Version 4 first says how many bytes to drop
// from the path before; the others pad an entry to a multiple of eight bytes.
func (r *indexReader) readPath(entryStart int) (string, error) {
	prefix := ""
	if r.version == 4 {
		drop, n := offsetVarint(r.rest)
		if n == 0 || drop > uint64(len(r.last)) {
			return "", errors.New("its path shortens the one before by more than it has")
		}
		prefix, r.rest = r.last[:len(r.last)-int(drop)], r.rest[n:]
	}
	end := bytes.IndexByte(r.rest, 0)
	if end < 0 {
		return "", errIndexShort
	}
	path := prefix + string(r.rest[:end])
	used := end + 1
	if r.version < 4 {
		entry := entryStart - len(r.rest) + end
		used = end + 8 - entry%8
	}
	if used > len(r.rest) {
		return "", errIndexShort
	}
	r.rest, r.last = r.rest[used:], path
	return path, nil
}

// offsetVarint reads git's variable-length number in which each continuation adds
// one: https://git-scm.com/docs/gitformat-pack ("offset encoding"). n is 0 when
// data ends early or the number does not fit.
func offsetVarint(data []byte) (value uint64, n int) {
	for n < len(data) && n < 9 {
		b := data[n]
		value = value<<7 | uint64(b&0x7f)
		n++
		if b < 0x80 {
			return value, n
		}
		value++
	}
	return 0, 0
}

// readExtensions steps over what is optional (a capital first letter) and what does
// not change the list of entries, and refuses what it does not know.
func readExtensions(ix *indexFile, rest []byte, hashSize int) error {
	for len(rest) > 0 {
		if len(rest) < 8 {
			return errIndexShort
		}
		name, size := string(rest[:4]), binary.BigEndian.Uint32(rest[4:])
		if rest = rest[8:]; int64(size) > int64(len(rest)) {
			return fmt.Errorf("extension %q: %w", name, errIndexShort)
		}
		data := rest[:size]
		rest = rest[size:]
		switch {
		case name == "link":
			link, err := parseLink(data, hashSize)
			if err != nil {
				return fmt.Errorf("extension %q: %w", name, err)
			}
			ix.link = link
		case name == "sdir": // says only that folders may stand as entries
		case name[0] < 'A' || name[0] > 'Z':
			return fmt.Errorf("it needs the extension %q, which is not known here", name)
		}
	}
	return nil
}
