package detect

import "sort"

// Outline is how a text was taken apart, for texts that share most of it. It
// takes 24 bytes for each section.
type Outline struct {
	size  int
	parts []placed
}

// Outline is that of the text that [Memory.Text] searched last; nil for a text
// that was not taken apart.
func (s *Scratch) Outline() *Outline {
	if len(s.pieces) == 0 {
		return nil
	}
	parts := make([]placed, len(s.pieces))
	copy(parts, s.pieces)
	return &Outline{size: int(parts[len(parts)-1].end), parts: parts}
}

// Marks are those of the text that [Memory.Text] searched last.
func (s *Scratch) Marks() uint8 { return s.marks &^ deeper }

// Deeper reports whether something in that text is encoded more often than there
// are decoding passes.
func (s *Scratch) Deeper() bool { return s.marks&deeper != 0 }

// deeper is a mark of our own.
const deeper = 0x80

// Copy says that Size bytes of a text, from the offset To on, are those of
// another from the offset From on.
type Copy struct{ From, To, Size int }

// Overlay is what a text has of another, in the order of the text.
type Overlay struct {
	Base   *Outline
	Copies []Copy
}

// cursor goes through the text once.
func (o *Overlay) cursor(size int) *overlayCursor {
	if o == nil || o.Base == nil {
		return &overlayCursor{}
	}
	return &overlayCursor{base: o.Base, copies: o.Copies, size: size}
}

type overlayCursor struct {
	base   *Outline
	copies []Copy
	size   int // of the text
	next   int // part of the base that is probably asked for next
}

// known gives the section that begins at an offset, when all that it is judged
// by was copied from the base.
func (c *overlayCursor) known(from int) (placed, bool) {
	for len(c.copies) > 0 && c.copies[0].To+c.copies[0].Size <= from {
		c.copies = c.copies[1:]
	}
	if len(c.copies) == 0 || c.copies[0].To > max(0, from-1) {
		return placed{}, false
	}
	source := c.copies[0]
	at := int32(source.From + from - source.To)
	if !c.find(at) || (at == 0) != (from == 0) {
		return placed{}, false
	}
	p := c.base.parts[c.next]
	to := int(p.to-at) + from
	if to > source.To+source.Size || (int(p.to) == c.base.size) != (to == c.size) {
		return placed{}, false
	}
	c.next++
	return placed{from: int32(from), end: int32(from) + p.end - at, to: int32(to), section: p.section}, true
}

// find looks for the part of the base that begins at an offset.
func (c *overlayCursor) find(at int32) bool {
	parts := c.base.parts
	if c.next >= len(parts) || parts[c.next].from != at {
		c.next = sort.Search(len(parts), func(i int) bool { return parts[i].from >= at })
	}
	return c.next < len(parts) && parts[c.next].from == at
}
