package detect

import "slices"

// maxGrowth bounds what all passes together may decode, as a multiple of the
// text: what would exceed it stays encoded. No pass makes more than a little over
// the text of it, and a policy names 16 passes at most, so that it is met by no
// part of a text that is searched by itself.
const maxGrowth = 20

// decoder undoes encodings pass by pass.
type decoder struct {
	extended bool // also what gitleaks leaves encoded: text beyond ASCII
	budget   int  // bytes that may still be decoded
	used     bool // something was decoded that gitleaks would not have decoded
}

// next decodes one more layer of a text in place. It returns nil when nothing is encoded.
func (d *decoder) next(l *layer) *layer {
	var segments []segment
	var out []byte
	done := 0
	for _, e := range candidates(l.text) {
		value := d.decode(l.text[e.start:e.end], e.kind)
		if len(value) == 0 || len(value) > d.budget {
			continue
		}
		d.budget -= len(value)
		if out == nil {
			out = make([]byte, 0, len(l.text))
		}
		out = append(out, l.text[done:e.start]...)
		out = append(out, value...)
		done = e.end
		segments = append(segments, segment{
			original: l.original(e.extent),
			encoded:  e.extent,
			decoded:  extent{len(out) - len(value), len(out)},
			chain:    l.chain(e),
		})
	}
	if len(segments) == 0 {
		return nil
	}
	return &layer{text: append(out, l.text[done:]...), segments: segments, below: l}
}

// chain is how a stretch of l was encoded, from the outside in.
func (l *layer) chain(e encoded) []string {
	var longest []string
	for _, s := range l.touching(e.extent) {
		if len(s.chain) > len(longest) {
			longest = s.chain
		}
	}
	return append(slices.Clip(longest), e.kind.String())
}

// candidates lists what looks encoded. Where two stretches touch, the weaker
// kind waits for the next pass.
func candidates(text []byte) []encoded {
	var all []encoded
	for f := newFinder(text); ; {
		e, ok := f.next()
		if !ok {
			break
		}
		all = append(all, e)
	}
	out := make([]encoded, 0, len(all))
	for i, e := range all {
		weaker := func(o encoded) bool { return e.touches(o.extent) && o.kind > e.kind }
		if i > 0 && weaker(all[i-1]) || i+1 < len(all) && weaker(all[i+1]) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// decode returns the text behind one stretch, or nil.
func (d *decoder) decode(text []byte, kind encoding) []byte {
	switch kind {
	case percentText:
		return d.percent(text)
	case unicodeText:
		return decodeUnicode(text)
	case hexText:
		return decodeHex(text)
	}
	return d.base64(text)
}
