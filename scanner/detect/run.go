package detect

import (
	"context"
	"sort"
)

// searchRun searches sections that lie side by side in a text. Their keywords
// are found together, as what stands behind a section is searched with it and
// belongs to the next one too. What each holds follows from its own region
// alone, so that it may be remembered.
func (d *Detector) searchRun(ctx context.Context, s *Scratch, text []byte, run []placed) error {
	from := max(0, int(run[0].from)-1)
	region := text[from:run[len(run)-1].to]
	encoded := d.encodedIn(region)
	s.run = s.run[:0]
	plain := s.scan(region, func(hits []hit) { s.run = append(s.run, hits...) })
	for i := range run {
		p := run[i].in(text)
		offset := p.from - p.before() - from
		own := extent{offset, offset + len(p.region)}
		var err error
		if !plain || anyIn(encoded, own) {
			run[i].section, err = d.searchSection(ctx, s, p)
		} else {
			run[i].section, err = d.searchPlain(ctx, s, p, endingIn(s.run, own), offset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// searchPlain searches a section of which nothing is encoded, given the keywords
// of a text in which its region begins at an offset.
func (d *Detector) searchPlain(ctx context.Context, s *Scratch, at piece, hits []hit, offset int) (*section, error) {
	part := newPartial(at)
	s.part = part
	defer func() { s.part = nil }()
	defer s.clear()
	lines := newLines(at.region)
	p := &pass{d: d, ctx: ctx, s: s, layer: &layer{text: at.region}, lines: lines}
	p.follow(hits, offset)
	if err := p.searchTouched(); err != nil {
		return nil, err
	}
	lines.number(p.found)
	return newSection(part.own(at, p.found), part), nil
}

// encodedIn lists the stretches of a text that a decoding pass would decode.
func (d *Detector) encodedIn(text []byte) []extent {
	if d.options.Depth == 0 {
		return nil
	}
	var out []extent
	dec := &decoder{extended: true}
	for _, e := range candidates(text) {
		if len(dec.decode(text[e.start:e.end], e.kind)) > 0 {
			out = append(out, e.extent)
		}
	}
	return out
}

// anyIn reports whether one of the extents, which are sorted, lies in or over another.
func anyIn(list []extent, e extent) bool {
	i := sort.Search(len(list), func(i int) bool { return list[i].end > e.start })
	return i < len(list) && list[i].start < e.end
}

// endingIn are the hits that end in an extent.
func endingIn(hits []hit, e extent) []hit {
	from := sort.Search(len(hits), func(i int) bool { return int(hits[i].end) > e.start })
	to := sort.Search(len(hits), func(i int) bool { return int(hits[i].end) > e.end })
	return hits[from:to]
}
