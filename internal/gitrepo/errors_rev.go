package gitrepo

import (
	"errors"
	"fmt"
)

// ErrShallow: the parents of this commit were cut off when the repository was cloned with --depth.
var ErrShallow = errors.New("history is cut off here: shallow clone")

// ErrAmbiguous: a revision names several commits, and which is meant must be typed in full.
var ErrAmbiguous = errors.New("ambiguous")

// UnknownRevisionError says that a revision names nothing in this repository, or
// several things.
type UnknownRevisionError struct {
	Rev     string
	Shallow bool  // the clone is shallow: the revision may exist upstream
	Err     error // why, when more is known (ambiguous, missing object)
}

func (e *UnknownRevisionError) Error() string {
	if errors.Is(e.Err, ErrAmbiguous) {
		return fmt.Sprintf("revision %q is %v", e.Rev, e.Err)
	}
	text := fmt.Sprintf("unknown revision %q", e.Rev)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Shallow {
		text += " (this clone is shallow: fetch more history with git fetch --unshallow)"
	}
	return text
}

// Unwrap gives the reason, if any.
func (e *UnknownRevisionError) Unwrap() error { return e.Err }
