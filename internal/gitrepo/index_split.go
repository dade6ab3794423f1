package gitrepo

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	mathbits "math/bits"
	"slices"
	"strings"
)

// A split index names a shared one and says by two bitmaps which of its entries are
// gone and which are replaced. The file's own first entries, their paths left empty,
// are the replacements in order; its others are new.

// indexLink is the extension "link".
type indexLink struct {
	shared            []byte // checksum and name of the shared index; zeros: none
	deleted, replaced []int  // ordinals of shared entries, rising
}

func parseLink(data []byte, hashSize int) (*indexLink, error) {
	if len(data) < hashSize {
		return nil, errIndexShort
	}
	link := &indexLink{shared: data[:hashSize]}
	rest := data[hashSize:]
	if len(rest) == 0 {
		return link, nil
	}
	var err error
	if link.deleted, rest, err = readBitmap(rest); err != nil {
		return nil, err
	}
	if link.replaced, rest, err = readBitmap(rest); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("something follows its bitmaps")
	}
	return link, nil
}

func (ix *indexFile) joinShared(hashSize int, open func(name string) ([]byte, error)) ([]IndexEntry, error) {
	shared, err := ix.readShared(hashSize, open)
	if err != nil {
		return nil, err
	}
	replaced := ix.link.replaced
	if len(replaced) > len(ix.entries) {
		return nil, errors.New("it replaces more entries than it has")
	}
	for i, at := range replaced {
		if at >= len(shared) {
			return nil, fmt.Errorf("it replaces entry %d of %d", at, len(shared))
		}
		with := ix.entries[i]
		if with.Path == "" {
			with.Path = shared[at].Path
		}
		shared[at] = with
	}
	if shared, err = withoutOrdinals(shared, ix.link.deleted); err != nil {
		return nil, err
	}
	joined := append(shared, ix.entries[len(replaced):]...)
	slices.SortStableFunc(joined, comparePathAndStage)
	return joined, nil
}

func comparePathAndStage(a, b IndexEntry) int {
	if c := strings.Compare(a.Path, b.Path); c != 0 {
		return c
	}
	return int(a.Stage) - int(b.Stage)
}

func (ix *indexFile) readShared(hashSize int, open func(name string) ([]byte, error)) ([]IndexEntry, error) {
	if len(bytes.Trim(ix.link.shared, "\x00")) == 0 {
		return nil, nil
	}
	name := "sharedindex." + hex.EncodeToString(ix.link.shared)
	if open == nil {
		return nil, fmt.Errorf("it builds on %s, which cannot be opened here", name)
	}
	data, err := open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	shared, err := parseIndex(data, hashSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if shared.link != nil {
		return nil, fmt.Errorf("%s builds on yet another index", name)
	}
	if !bytes.Equal(shared.checksum, ix.link.shared) {
		return nil, fmt.Errorf("%s is not the file it was", name)
	}
	return shared.entries, nil
}

func withoutOrdinals(entries []IndexEntry, gone []int) ([]IndexEntry, error) {
	kept := entries[:0]
	for i, e := range entries {
		if len(gone) > 0 && gone[0] == i {
			gone = gone[1:]
			continue
		}
		kept = append(kept, e)
	}
	if len(gone) > 0 {
		return nil, fmt.Errorf("it deletes entry %d of %d", gone[0], len(entries))
	}
	return kept, nil
}

// maxBitmapBits bounds a bitmap: a run of ones costs no bytes. No index has more entries.
const maxBitmapBits = 1 << 26

// readBitmap reads a compressed bitmap and returns its set bits, rising, and what
// follows it. A bitmap is: bits, words, the words, and a position for appending.
// Words come in groups: a marker with a repeated bit (1 bit), how many words of it
// (32 bits) and how many literal words follow (31 bits), counted from the lowest bit.
// https://git-scm.com/docs/bitmap-format ("Appendix A: Serialization format for an EWAH bitmap").
func readBitmap(data []byte) (set []int, rest []byte, err error) {
	if len(data) < 8 {
		return nil, nil, errIndexShort
	}
	bits, words := int64(binary.BigEndian.Uint32(data)), int64(binary.BigEndian.Uint32(data[4:]))
	if data = data[8:]; int64(len(data)) < words*8+4 {
		return nil, nil, errIndexShort
	}
	if bits > maxBitmapBits {
		return nil, nil, fmt.Errorf("a bitmap of %d bits", bits)
	}
	set, err = unpackBitmap(data[:words*8], bits)
	return set, data[words*8+4:], err
}

func unpackBitmap(words []byte, bits int64) (set []int, err error) {
	errLong := errors.New("a bitmap has more bits than it says")
	for at := int64(0); len(words) > 0; {
		marker := binary.BigEndian.Uint64(words)
		words = words[8:]
		run, literals := int64(marker>>1&0xffffffff), int64(marker>>33)
		if at+64*run > bits+63 || literals > int64(len(words)/8) {
			return nil, errLong
		}
		if marker&1 == 1 {
			for end := min(at+64*run, bits); at < end; at++ {
				set = append(set, int(at))
			}
		} else {
			at += 64 * run
		}
		for ; literals > 0; literals-- {
			set = appendBits(set, at, binary.BigEndian.Uint64(words))
			words, at = words[8:], at+64
		}
		if len(set) > 0 && int64(set[len(set)-1]) >= bits {
			return nil, errLong
		}
	}
	return set, nil
}

func appendBits(set []int, at int64, word uint64) []int {
	for ; word != 0; word &= word - 1 {
		set = append(set, int(at)+mathbits.TrailingZeros64(word))
	}
	return set
}
