package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sort"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// sighting is a match in one blob, before it is known where the blob is used.
type sighting struct {
	detect.Match
	kind      Kind
	view      string // "" for the blob's own text, else "!member" of an archive
	field     string
	via       []string // how the view was made, and how the value was decoded
	place     Place    // lines, columns and span; the rest is filled where the blob is used
	own       bool     // the lines are lines of the blob's bytes, so a diff can tell what is new
	inherited bool     // in a use of the blob: it was there before
	lineHash  string
	masked    [sha256.Size]byte // the lines of the match with every value masked
}

// scratch is what one worker reuses from blob to blob.
type scratch struct{ detect *detect.Scratch }

func newScratch() *scratch { return &scratch{detect: new(detect.Scratch)} }

// sight finds all matches in the bytes of one blob, in every view of them.
func (s *Scanner) sight(ctx context.Context, sc *scratch, path string, data []byte) (found []sighting, skips []unpack.Skip, err error) {
	skips, err = unpack.Views(ctx, path, data, s.opt.Unpack, func(v unpack.View) error {
		in, err := s.sightView(ctx, sc, v, len(data))
		found = append(found, in...)
		return err
	})
	return found, skips, err
}

// sightView finds the matches in one view of a blob of that size.
func (s *Scanner) sightView(ctx context.Context, sc *scratch, v unpack.View, size int) ([]sighting, error) {
	matches, err := s.detector.Text(ctx, sc.detect, v.Text)
	if err != nil {
		return nil, err
	}
	found := make([]sighting, 0, len(matches))
	for _, m := range matches {
		found = append(found, sighting{Match: m, kind: InContent, via: m.DecodedFrom})
	}
	if manifest.Looks(v.Text) {
		fields, err := s.sightManifest(ctx, sc, v, found)
		if err != nil {
			return nil, err
		}
		found = append(found, fields...)
	}
	if len(found) == 0 {
		return nil, nil
	}
	describe(found, v, size)
	return found, nil
}

// describe gives the sightings of one view their lines, columns, spans and masks.
func describe(found []sighting, v unpack.View, size int) {
	lines := newLineIndex(v.Text)
	masks := maskedSpans(found)
	hashes := LineHashes(v.Text, firstLines(found, lines))
	own := v.Name == "" && v.Offset == nil
	for i := range found {
		f := &found[i]
		f.view, f.own, f.via = v.Name, own, concat(v.Via, f.via)
		lines.place(&f.place, f.Match.Match[0], f.Match.Match[1])
		f.place.Span = mapSpan(v, f.Span, size)
		f.lineHash = hashes[f.place.StartLine]
		from, to := lines.span(f.place.StartLine-1, f.place.EndLine-1)
		f.masked = maskLines(v.Text[from:to], from, masks)
	}
}

// firstLines lists the 1-based start lines of the sightings.
func firstLines(found []sighting, lines *lineIndex) []int {
	out := make([]int, len(found))
	for i, f := range found {
		var p Place
		lines.place(&p, f.Match.Match[0], f.Match.Match[1])
		out[i] = p.StartLine
	}
	return out
}

// mapSpan translates a byte range of a view into the blob; {0, 0} where the
// view's bytes have no place of their own in it.
func mapSpan(v unpack.View, span [2]int, size int) [2]int {
	if v.Offset == nil {
		if v.Name != "" {
			return [2]int{}
		}
		return span
	}
	start, end := v.Offset(span[0]), size
	if span[1] < len(v.Text) {
		end = v.Offset(span[1])
	}
	if start < 0 || end < start {
		return [2]int{}
	}
	return [2]int{start, end}
}

// maskedSpans are the ranges of all values, sorted and merged.
func maskedSpans(found []sighting) [][2]int {
	spans := make([][2]int, 0, len(found))
	for _, f := range found {
		spans = append(spans, f.Span)
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i][0] < spans[j][0] })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s[0] < merged[n-1][1] {
			merged[n-1][1] = max(merged[n-1][1], s[1])
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// maskLines is a digest of lines with every value in them replaced by one mark,
// and without the white space around them: it stays the same when a value is
// rotated in place or the code is indented. from is the offset of the lines.
func maskLines(lines []byte, from int, masks [][2]int) [sha256.Size]byte {
	var masked bytes.Buffer
	at := 0
	first := sort.Search(len(masks), func(i int) bool { return masks[i][1] > from })
	for _, m := range masks[first:] {
		start, end := m[0]-from, m[1]-from
		if start >= len(lines) {
			break
		}
		masked.Write(lines[at:max(at, start)])
		masked.WriteByte(0)
		at = max(at, min(end, len(lines)))
	}
	masked.Write(lines[at:])
	return sha256.Sum256(bytes.TrimSpace(masked.Bytes()))
}

// sightManifest finds the plain values of Kubernetes Secrets, and what the
// rules find inside values that are written in base64.
func (s *Scanner) sightManifest(ctx context.Context, sc *scratch, v unpack.View, known []sighting) ([]sighting, error) {
	docs, _ := manifest.Parse(v.Name, v.Text) // a file that is no manifest is text, and was read as such
	var found []sighting
	for _, f := range manifest.PlainSecrets(docs) {
		m, err := s.judgeField(ctx, sc, f)
		if err != nil {
			return nil, err
		}
		if !sighted(known, m.Secret, f.Start, f.End) {
			found = append(found, sighting{Match: m, kind: InManifest, field: f.Path, via: f.Encoding})
		}
	}
	return found, nil
}

// judgeField gives a plain field of a Secret the rule that knows its value, or
// else the rule for plain Secrets.
func (s *Scanner) judgeField(ctx context.Context, sc *scratch, f manifest.Field) (detect.Match, error) {
	place := [2]int{f.Start, f.End}
	value := f.Value.Reveal() // the rules search the decoded value
	matches, err := s.detector.Text(ctx, sc.detect, []byte(value))
	if err != nil {
		return detect.Match{}, err
	}
	for _, m := range matches {
		if strings.TrimSpace(value) == m.Secret.Reveal() && m.Confidence > rules.Possible {
			m.Match, m.Span = place, place
			return m, nil
		}
	}
	return detect.Match{
		Rule: s.plainSecret, Secret: f.Value, Match: place, Span: place,
		Confidence: s.plainSecret.Confidence,
	}, nil
}

// sighted reports whether a value was found in a byte range already.
func sighted(known []sighting, value secret.Secret, start, end int) bool {
	for _, k := range known {
		if k.Span[0] < end && start < k.Span[1] && k.Secret.Equal(value) {
			return true
		}
	}
	return false
}

func concat(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	return append(append(make([]string, 0, len(a)+len(b)), a...), b...)
}
