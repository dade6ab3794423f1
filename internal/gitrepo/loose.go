package gitrepo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

var (
	errLoose   = errors.New("invalid loose object")
	errOtherID = errors.New("its content has another id")
)

// maxLooseHead is longer than any header "type size\0" can be.
const maxLooseHead = 32

// loosePath is where the file of an id is, "" when no folder has one.
func (s *store) loosePath(id *ID) string {
	if int(id.size) != s.hash {
		return ""
	}
	name := id.String()
	for _, dir := range s.dirs {
		path := filepath.Join(dir, name[:2], name[2:])
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// looseHeader reads type, size and the length of the header itself.
func looseHeader(f *inflater, packed []byte) (Type, int64, int, error) {
	head, err := f.prefix(make([]byte, maxLooseHead+outSlack), packed, maxLooseHead)
	end := bytes.IndexByte(head, 0)
	if end < 0 {
		if err == nil {
			err = errLoose
		}
		return 0, 0, 0, err
	}
	name, number, _ := bytes.Cut(head[:end], []byte(" "))
	kind, known := typeByName(string(name))
	size, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || !known || size < 0 {
		return 0, 0, 0, errLoose
	}
	return kind, size, end + 1, nil
}

// names reports whether id is the hash of an object, header included.
func (id *ID) names(raw []byte) bool {
	h := newHash(int(id.size))
	h.Write(raw)
	return bytes.Equal(h.Sum(nil), id.Bytes())
}

// readLoose reads a loose object and checks its content against its id; limit
// as in Reader.ObjectWithin.
func readLoose(f *inflater, id ID, path string, limit int64) (Object, error) {
	file, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Object{}, missing(id)
		}
		return Object{}, &CorruptError{ID: id, Err: err}
	}
	defer file.Close()
	packed, err := io.ReadAll(io.LimitReader(file, 4096))
	if err != nil {
		return Object{}, &CorruptError{ID: id, Err: err}
	}
	kind, size, head, err := looseHeader(f, packed)
	if err != nil {
		return Object{}, &CorruptError{ID: id, Err: err}
	}
	if limit < 0 || (limit > 0 && size > limit) {
		return Object{Type: kind}, &TooLargeError{ID: id, Size: size, Limit: limit}
	}
	rest, err := io.ReadAll(file)
	if err != nil {
		return Object{}, &CorruptError{ID: id, Err: err}
	}
	packed = append(packed, rest...)
	data, used, err := f.inflate(nil, packed, int64(head)+size)
	if err == nil && used != len(packed) {
		err = fmt.Errorf("%w: garbage after the content", errLoose)
	}
	if err == nil && !id.names(data) {
		err = errOtherID
	}
	if err != nil {
		return Object{}, &CorruptError{ID: id, Err: err}
	}
	return Object{Type: kind, Data: data[head:]}, nil
}

// looseIDs lists the loose objects of every folder; prefix, in hexadecimal,
// narrows it to one of the 256 sub-folders when it has two digits or more.
func (s *store) looseIDs(prefix string, visit func(ID)) error {
	for _, dir := range s.dirs {
		for i := range 256 {
			sub := hex.EncodeToString([]byte{byte(i)})
			if len(prefix) >= 2 && sub != prefix[:2] {
				continue
			}
			files, err := os.ReadDir(filepath.Join(dir, sub))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("list loose objects: %w", err)
			}
			for _, file := range files {
				if len(sub)+len(file.Name()) != 2*s.hash {
					continue
				}
				if id, err := ParseID(sub + file.Name()); err == nil {
					visit(id)
				}
			}
		}
	}
	return nil
}
