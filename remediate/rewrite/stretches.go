package rewrite

import "github.com/leakgate/leakgate/internal/gitrepo"

// clean is the note that a visit leaves for the deltas of a text in which no needle
// stands, not even one that its judge refuses: what is around it may be what changes.
type clean struct{ packed bool } // something compressed may be in it, in base64

// notes are ready, for there is one of each file.
var notes = map[bool]any{false: clean{}, true: clean{packed: true}}

// stretches finds values in what a delta inserts. Give every worker its own.
type stretches struct {
	editor *editor
	copies []gitrepo.Copied
	packed bool // of the object that was searched last: it is marked
}

// look searches a packed object: all of it, or where it is a delta of a clean one
// what is new in it. The note is for the deltas of the object.
func (s *stretches) look(o *gitrepo.Packed) (tainted bool, note any) {
	if len(s.editor.patterns) > 0 {
		s.packed = marked(o.Data)
		return s.editor.matcher.has(o.Data) || s.editor.matched(o.Type, o.Data), nil
	}
	base, known := o.Note.(clean)
	if s.packed = base.packed; s.literals(o, known) {
		s.packed = s.packed || marked(o.Data)
		return s.editor.matcher.has(o.Data), nil
	}
	return false, notes[s.packed]
}

// literals reports whether any needle stands in an object; known says that none does
// in its base. Where none does, all that is new has been searched for marks.
func (s *stretches) literals(o *gitrepo.Packed, known bool) bool {
	if !known || o.Delta == nil {
		s.packed = marked(o.Data)
		return s.editor.matcher.mentions(o.Data)
	}
	s.copies = gitrepo.Copies(o.Delta, s.copies[:0])
	copied, done := 0, 0 // where the copy before ends; before which all was searched
	for i := 0; i <= len(s.copies); i++ {
		next, after := len(o.Data), len(o.Data)
		if i < len(s.copies) {
			next, after = s.copies[i].To, s.copies[i].To+s.copies[i].Size
		}
		if next > copied && s.mentions(o.Data[copied:next]) || s.seam(o.Data, copied, &done) || s.seam(o.Data, next, &done) {
			return true
		}
		copied = after
	}
	return false
}

func (s *stretches) mentions(text []byte) bool {
	s.packed = s.packed || marked(text)
	return s.editor.matcher.mentions(text)
}

// seam reports whether a needle goes across a place. done is before which all has been
// searched: it moves on with the places, which come in order.
func (s *stretches) seam(in []byte, at int, done *int) bool {
	m := s.editor.matcher
	if at <= 0 || at >= len(in) || m.joints == nil || !m.joints.may(in, at) {
		return false
	}
	reach := max(m.longest, longestMark) - 1
	from, to := max(0, at-reach, min(*done, at)-reach), min(len(in), at+reach)
	*done = to
	return s.mentions(in[from:to])
}
