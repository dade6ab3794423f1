package rewrite

import "github.com/leakgate/leakgate/internal/gitrepo"

// clean is the note that a visit leaves for the deltas of a text in which no needle
// stands, not even one that its judge refuses: what is around it may be what changes.
type clean struct{}

// stretches finds values in what a delta inserts. Give every worker its own.
type stretches struct {
	editor *editor
	copies []gitrepo.Copied
}

// look searches a packed object: all of it, or where it is a delta of a clean one
// what is new in it. The note is for the deltas of the object.
func (s *stretches) look(o *gitrepo.Packed) (tainted bool, note any) {
	if len(s.editor.patterns) > 0 {
		return s.editor.matcher.has(o.Data) || s.editor.matched(o.Type, o.Data), nil
	}
	_, known := o.Note.(clean)
	if s.literals(o, known) {
		return s.editor.matcher.has(o.Data), nil
	}
	return false, clean{}
}

// literals reports whether any needle stands in an object; known says that none does
// in its base.
func (s *stretches) literals(o *gitrepo.Packed, known bool) bool {
	m := s.editor.matcher
	if !known || o.Delta == nil {
		return m.mentions(o.Data)
	}
	s.copies = gitrepo.Copies(o.Delta, s.copies[:0])
	copied, done := 0, 0 // where the copy before ends; before which all was searched
	for i := 0; i <= len(s.copies); i++ {
		next, after := len(o.Data), len(o.Data)
		if i < len(s.copies) {
			next, after = s.copies[i].To, s.copies[i].To+s.copies[i].Size
		}
		if m.mentions(o.Data[copied:next]) || m.seam(o.Data, copied, &done) || m.seam(o.Data, next, &done) {
			return true
		}
		copied = after
	}
	return false
}
