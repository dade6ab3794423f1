package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// editor replaces what a Spec names. It is safe for concurrent use.
type editor struct {
	forms    []form
	matcher  *matcher
	patterns []Pattern
}

func newEditor(spec *Spec) *editor {
	e := &editor{forms: forms(spec.Literals), patterns: spec.Patterns}
	needles := make([]needle, len(e.forms))
	for i := range e.forms {
		needles[i] = e.forms[i].needle
	}
	e.matcher = matcherOf(needles)
	return e
}

// Finder says of texts whether a value is in them, in whatever spelling.
type Finder struct{ editor *editor }

// Finder looks for what is to leave. It is safe for concurrent use.
func (s *Spec) Finder() Finder { return Finder{newEditor(s)} }

// Holds reports whether a text holds a value, or what an expression matches.
func (f Finder) Holds(text string) bool {
	return f.editor.matcher.has([]byte(text)) || slices.ContainsFunc(f.editor.patterns, func(p Pattern) bool { return p.Match.MatchString(text) })
}

// maxRounds is how often a text is gone over; a replacement may bring two halves
// of a value together.
const maxRounds = 16

var errNeverEnds = errors.New("replacements make new matches again and again; choose another replacement")

// edit gives a text without what is to be replaced, the same slice when there was
// nothing. fixed keeps every byte at its place.
func (e *editor) edit(text []byte, fixed bool) ([]byte, error) {
	for range maxRounds {
		next := e.round(text, fixed)
		if len(next) == len(text) && (len(text) == 0 || &next[0] == &text[0] || bytes.Equal(next, text)) {
			return text, nil
		}
		text = next
	}
	return nil, fmt.Errorf("%w: %w", ErrSpec, errNeverEnds)
}

// blob edits the content of a file.
func (e *editor) blob(text []byte) ([]byte, error) { return e.edit(text, isBinary(text)) }

// name edits the name of a file. Expressions are for contents.
func (e *editor) name(text []byte) ([]byte, error) {
	only := editor{forms: e.forms, matcher: e.matcher}
	out, err := only.edit(text, false)
	if err == nil && bytes.ContainsAny(out, "/\x00") {
		return nil, fmt.Errorf("%w: a value is in the name of a file, and what replaces it has a slash", ErrSpec)
	}
	return out, err
}

func (e *editor) round(text []byte, fixed bool) []byte {
	out := e.literals(text, fixed)
	for _, p := range e.patterns {
		if !p.Match.Match(out) {
			continue
		}
		if fixed {
			out = p.Match.ReplaceAllFunc(out, func(m []byte) []byte { return []byte(mask(len(m))) })
			continue
		}
		out = p.Match.ReplaceAll(out, []byte(p.With))
	}
	return out
}

// literals replaces values in all their spellings, from the left, the longest first.
func (e *editor) literals(text []byte, fixed bool) []byte {
	at, which := e.matcher.find(text, 0)
	if at < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	done := 0
	for at >= 0 {
		from, to, with := e.replacement(text, at, which, fixed)
		if from < done { // what is coded keeps its length
			from, with = done, with[min(done-from, len(with)):]
		}
		out = append(append(out, text[done:from]...), with...)
		done = to
		at, which = e.matcher.find(text, done)
	}
	return append(out, text[done:]...)
}

func (e *editor) replacement(text []byte, at, which int, fixed bool) (from, to int, with []byte) {
	f := &e.forms[which]
	switch {
	case f.loose != nil && !fixed:
		return f.loose(text, at)
	case f.coded != nil:
		return f.coded(text, at)
	case fixed && !(f.wide && looksWide(text)):
		return at, at + len(f.text), f.fixed
	}
	return at, at + len(f.text), f.with
}

// looksWide reports whether a text is UTF-16, with its mark or without: every
// second byte is NUL rather often and the others never are.
func looksWide(text []byte) bool {
	if len(text)%2 != 0 {
		return false
	}
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		return true
	}
	var zeros [2]int
	head := text[:min(len(text), 8000)]
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	return min(zeros[0], zeros[1]) == 0 && max(zeros[0], zeros[1]) > len(head)/5
}
