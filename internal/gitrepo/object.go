package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
)

// Type is what an object is. The numbers are those of git's pack format.
type Type uint8

// The four types of git; the zero Type means "not known".
const (
	TypeCommit Type = 1
	TypeTree   Type = 2
	TypeBlob   Type = 3
	TypeTag    Type = 4

	typeOfsDelta Type = 6
	typeRefDelta Type = 7
)

var typeNames = map[Type]string{TypeCommit: "commit", TypeTree: "tree", TypeBlob: "blob", TypeTag: "tag"}

// String is git's name of the type, as in `git cat-file -t`.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

func typeByName(name string) (Type, bool) {
	for t, n := range typeNames {
		if n == name {
			return t, true
		}
	}
	return 0, false
}

// Object is one object's type and whole content. Data must not be changed:
// a Reader's cache may hold it too.
type Object struct {
	Type Type
	Data []byte
}

// Sentinels to branch on with errors.Is.
var (
	// ErrMissing: the repository should hold the object but does not
	// (partial clone, shallow clone, or damage).
	ErrMissing = errors.New("object is missing")
	// ErrTooLarge: the object was left out because of the caller's size limit.
	ErrTooLarge = errors.New("object is too large")
	// ErrNotRepository: no git repository at the path or above it.
	ErrNotRepository = errors.New("not a git repository")
)

// CorruptError says that one object cannot be read although it is there.
// Other objects are not affected unless they are stored as its deltas.
type CorruptError struct {
	ID  ID
	Err error
}

func (e *CorruptError) Error() string { return fmt.Sprintf("object %s is corrupt: %v", e.ID, e.Err) }

// Unwrap gives the reason.
func (e *CorruptError) Unwrap() error { return e.Err }

// TooLargeError carries the size that the repository declares, in bytes.
type TooLargeError struct {
	ID          ID
	Size, Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("object %s has %d bytes, over the limit of %d", e.ID, e.Size, e.Limit)
}

// Is makes errors.Is(err, ErrTooLarge) true.
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

func missing(id ID) error { return fmt.Errorf("%s: %w", id, ErrMissing) }

// onObject names the object in a reason that does not name one yet.
func onObject(id ID, err error) error {
	var corrupt *CorruptError
	var large *TooLargeError
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("object %s cannot be read: %w", id, err)
	}
	if err == nil || errors.Is(err, ErrMissing) || errors.As(err, &corrupt) || errors.As(err, &large) {
		return err
	}
	return &CorruptError{ID: id, Err: err}
}
