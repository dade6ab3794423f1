// Package rewrite takes values out of a repository's history: it finds the
// objects that hold them, writes new ones, and moves the refs of a local
// repository. It decides nothing of when that may be done, and knows no remote.
package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// Placeholder stands where a value was, unless another replacement is given. It
// is that of git-filter-repo and BFG.
const Placeholder = "***REMOVED***"

// Spec says what is to leave history.
type Spec struct {
	Literals []Literal
	Patterns []Pattern
	Drop     []string // paths of files or folders, "/"-separated, from the top of the tree
}

// Literal is a value, and what is to stand in its place.
type Literal struct {
	Value secret.Secret
	With  string
}

// Pattern is a regular expression, and what is to stand in place of its matches,
// with $1 and ${name} for its groups as in [regexp.Regexp.Expand].
type Pattern struct {
	Match *regexp.Regexp
	With  string
}

// ErrSpec is the error for what cannot be asked for. It never holds a value.
var ErrSpec = errors.New("invalid replacement")

// Check refuses what would leave a value behind, or rewrite everything.
func (s *Spec) Check() error {
	if len(s.Literals)+len(s.Patterns)+len(s.Drop) == 0 {
		return fmt.Errorf("%w: nothing is to be replaced or dropped", ErrSpec)
	}
	for i, l := range s.Literals {
		if l.Value.IsZero() {
			return fmt.Errorf("%w: value %d is empty", ErrSpec, i+1)
		}
		for j, other := range s.Literals {
			// a replacement is written into history, so it must hold no value
			if strings.Contains(l.With, other.Value.Reveal()) {
				return fmt.Errorf("%w: what replaces value %d contains value %d; choose another replacement", ErrSpec, i+1, j+1)
			}
		}
		if mask(l.Value.Len()) == l.Value.Reveal() {
			return fmt.Errorf("%w: value %d is nothing but asterisks", ErrSpec, i+1)
		}
	}
	for i, p := range s.Patterns {
		if p.Match.MatchString("") {
			return fmt.Errorf("%w: expression %d matches the empty text, so it would change everything", ErrSpec, i+1)
		}
	}
	if err := s.checkSpellings(); err != nil {
		return err
	}
	return s.checkPaths()
}

// checkSpellings refuses a replacement that holds a value in another spelling: in base64, in a mail.
func (s *Spec) checkSpellings() error {
	values := (&Spec{Literals: s.Literals}).Finder()
	for i, l := range s.Literals {
		if l.With != Placeholder && values.Holds(l.With) {
			return fmt.Errorf("%w: what replaces value %d contains a value in another spelling; choose another replacement", ErrSpec, i+1)
		}
	}
	return nil
}

func (s *Spec) checkPaths() error {
	for _, path := range s.Drop {
		for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			if name == "" || name == "." || name == ".." || strings.HasPrefix(path, "/") {
				return fmt.Errorf("%w: %q is no path from the top of the repository, like src/config.yaml", ErrSpec, path)
			}
		}
	}
	return nil
}

// mask is as many asterisks as a value has bytes.
func mask(n int) string { return strings.Repeat("*", n) }

// isBinary is git's own idea of what is not text: a NUL byte near the beginning.
func isBinary(text []byte) bool {
	return bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0
}
