package rewrite

import (
	"bytes"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// traits are what a file must have for something in it to be hidden from a search.
type traits struct {
	packed bool // something compressed may be in it, in base64
	nul    bool // a NUL byte, as archives have
}

// see adds what a part of the file has.
func (t *traits) see(part []byte) {
	t.packed = t.packed || marked(part)
	t.nul = t.nul || bytes.IndexByte(part, 0) >= 0
}

// clean is the note that a visit leaves for the deltas of a text in which no needle
// stands, not even one that its judge refuses: what is around it may be what changes.
type clean struct{ traits }

// notes are ready, for there is one of each file.
var notes = [...]any{clean{}, clean{traits{packed: true}}, clean{traits{nul: true}}, clean{traits{true, true}}}

func (t traits) note() any {
	at := 0
	if t.packed {
		at = 1
	}
	if t.nul {
		at += 2
	}
	return notes[at]
}

// stretches finds values in what a delta inserts. Give every worker its own.
type stretches struct {
	editor *editor
	copies []gitrepo.Copied
	traits traits // of the file that was looked at last
}

// look searches a packed object: all of it, or where it is a delta of a clean one
// what is new in it. The note is for the deltas of the object.
func (s *stretches) look(o *gitrepo.Packed) (tainted bool, note any) {
	s.traits = traits{}
	if len(s.editor.patterns) > 0 {
		s.traits.see(o.Data)
		return s.editor.matcher.has(o.Data) || s.editor.matched(o.Type, o.Data), nil
	}
	base, known := o.Note.(clean)
	if s.traits = base.traits; s.literals(o, known) {
		s.traits.see(o.Data)
		return s.editor.matcher.has(o.Data), nil
	}
	return false, s.traits.note()
}

// literals reports whether any needle stands in an object; known says that none does
// in its base. Where none does, all that is new has been seen.
func (s *stretches) literals(o *gitrepo.Packed, known bool) bool {
	if !known || o.Delta == nil {
		return s.mentions(o, o.Data)
	}
	s.copies = gitrepo.Copies(o.Delta, s.copies[:0])
	copied, done := 0, 0 // where the copy before ends; before which all was searched
	for i := 0; i <= len(s.copies); i++ {
		next, after := len(o.Data), len(o.Data)
		if i < len(s.copies) {
			next, after = s.copies[i].To, s.copies[i].To+s.copies[i].Size
		}
		if next > copied && s.mentions(o, o.Data[copied:next]) || s.seam(o, copied, &done) || s.seam(o, next, &done) {
			return true
		}
		copied = after
	}
	return false
}

func (s *stretches) mentions(o *gitrepo.Packed, part []byte) bool {
	if o.Type != gitrepo.TypeTree {
		s.traits.see(part)
	}
	return s.editor.matcher.mentions(part)
}

// seam reports whether a needle goes across a place. done is before which all has been
// searched: it moves on with the places, which come in order.
func (s *stretches) seam(o *gitrepo.Packed, at int, done *int) bool {
	m, in := s.editor.matcher, o.Data
	if at <= 0 || at >= len(in) || m.joints == nil || !m.joints.may(in, at) {
		return false
	}
	reach := max(m.longest, longestMark) - 1
	from, to := max(0, at-reach, min(*done, at)-reach), min(len(in), at+reach)
	*done = to
	return s.mentions(o, in[from:to])
}
