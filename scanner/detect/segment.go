package detect

import (
	"sort"
)

// extent is a range of bytes.
type extent struct{ start, end int }

// touches reports whether two extents overlap or lie side by side, which
// gitleaks (detect/codec/start_end.go) takes for an overlap.
func (e extent) touches(o extent) bool { return o.start <= e.end && o.end >= e.start }

func (e extent) contains(o extent) bool { return e.start <= o.start && o.end <= e.end }

func (e extent) merge(o extent) extent {
	return extent{min(e.start, o.start), max(e.end, o.end)}
}

// segment is a stretch of text that one pass decoded.
type segment struct {
	original extent   // in the original text
	encoded  extent   // in the text before this pass
	decoded  extent   // in the text behind this pass
	chain    []string // encodings undone, from the outside in
}

// layer is a text behind a number of decoding passes. The layer of the original
// text has no segments.
type layer struct {
	text     []byte
	segments []segment // sorted, apart
	below    *layer
}

// touching returns the segments that an extent of the decoded text touches.
func (l *layer) touching(e extent) []segment {
	lo := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].decoded.end >= e.start })
	hi := lo
	for hi < len(l.segments) && l.segments[hi].decoded.start <= e.end {
		hi++
	}
	return l.segments[lo:hi]
}

// original gives the place in the original text of an extent that touches a
// segment: all of a segment that contains it, else where the touched segments
// and what sticks out of them were. It follows gitleaks' toOriginal
// (detect/codec/segment.go), so that lines agree.
func (l *layer) original(e extent) extent {
	if l == nil || len(l.segments) == 0 {
		return e
	}
	var encoded extent
	for _, s := range l.touching(e) {
		if s.decoded.contains(e) {
			return s.original
		}
		all := s.decoded.merge(e)
		out := extent{
			s.encoded.start + all.start - s.decoded.start,
			s.encoded.end + all.end - s.decoded.end,
		}
		if encoded.end == 0 {
			encoded = out
		} else {
			encoded = encoded.merge(out)
		}
	}
	if encoded.end == 0 {
		return e
	}
	return l.below.original(encoded)
}

// span gives the place in the original text of a value: the segments that hold
// it, or its exact place when it is in none.
func (l *layer) span(e extent) extent {
	for ; l != nil && len(l.segments) > 0; l = l.below {
		var inside *extent
		for _, s := range l.touching(e) {
			if s.decoded.start < e.end && e.start < s.decoded.end {
				if inside == nil {
					inside = &extent{s.original.start, s.original.end}
				} else {
					*inside = inside.merge(s.original)
				}
			}
		}
		if inside != nil {
			before := l.lowest(e.start)
			after := l.lowest(e.end)
			return inside.merge(extent{min(before, inside.start), max(after, inside.end)})
		}
		e = extent{l.encodedOffset(e.start), l.encodedOffset(e.end)}
	}
	return e
}

// encodedOffset maps an offset outside every segment to the text before the pass.
func (l *layer) encodedOffset(at int) int {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].decoded.end > at })
	if i == 0 {
		return at
	}
	last := l.segments[i-1]
	return at - last.decoded.end + last.encoded.end
}

// lowest maps an offset to the original text; inside a segment it gives the
// segment's start.
func (l *layer) lowest(at int) int {
	for ; l != nil && len(l.segments) > 0; l = l.below {
		i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].decoded.end > at })
		if i < len(l.segments) && l.segments[i].decoded.start <= at {
			return l.segments[i].original.start
		}
		at = l.encodedOffset(at)
	}
	return at
}
