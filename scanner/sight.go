package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
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
	object    Object
	about     string            // see [manifest.Fault.About]
	fix       string            // what mends a fault of a manifest
	via       []string          // how the view was made, and how the value was decoded
	place     Place             // lines, columns and span; the rest is filled where the blob is used
	own       bool              // the lines are lines of the blob's bytes, so a diff can tell what is new
	inherited bool              // in a use of the blob: it was there before
	lineHash  string            // see hash
	masked    [sha256.Size]byte // the lines of the match with every value masked
}

// scratch is what one worker reuses from blob to blob.
type scratch struct {
	detect *detect.Scratch
	skips  []unpack.Skip // documents that were not read
	path   string        // where the blob at hand is used, as far as it is known

	outside bool // what was found may hang on more than the bytes: the time, a path, keys

	over    *detect.Overlay // what the blob at hand has of its delta base
	copied  []gitrepo.Copied
	copies  []detect.Copy
	bases   bool            // other blobs are deltas of the one at hand
	outline *detect.Outline // of the blob at hand, for them
}

// takeScratch gives a scratch that nobody uses. What it has built for earlier
// texts serves later ones too.
func (s *Scanner) takeScratch() *scratch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		sc := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return sc
	}
	return newScratch()
}

func newScratch() *scratch { return &scratch{detect: new(detect.Scratch)} }

// giveBack makes a scratch free for others.
func (s *Scanner) giveBack(sc *scratch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, sc)
}

// unread notes the documents that could hold Secrets and are larger or deeper
// than what is parsed; strict: all that cannot be read. Other errors mean that a
// text is no manifest; it was searched as text.
func (sc *scratch) unread(view string, err error, strict bool) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			sc.unread(view, e, strict)
		}
		return
	}
	var fault *manifest.SyntaxError
	if errors.As(err, &fault) && (fault.Limit || strict) && fault.Looks {
		sc.skips = append(sc.skips, unpack.Skip{
			Path: view, Reason: fmt.Sprintf("the Kubernetes document at line %d is not read: %s", fault.Line, fault.Reason),
		})
	}
}

// sight finds all matches in the bytes of one blob, in every view of them. Rules
// that pointless names may be left out; nil names none.
func (s *Scanner) sight(ctx context.Context, sc *scratch, path string, data []byte, pointless func(*rules.Rule) bool) (found []sighting, skips []unpack.Skip, err error) {
	skips, err = unpack.Views(ctx, path, data, s.opt.Unpack, func(v unpack.View) error {
		in, err := s.sightView(ctx, sc, v, data, pointless)
		found = append(found, unseen(found, in)...)
		return err
	})
	skips, sc.skips = append(skips, sc.skips...), nil
	return found, skips, err
}

// unseen leaves out what an earlier view has shown at the same bytes.
func unseen(found, more []sighting) []sighting {
	if len(found) == 0 {
		return more
	}
	type spot struct {
		rule  *rules.Rule
		span  [2]int
		value string
	}
	shown := make(map[spot]bool, len(found))
	for _, f := range found {
		shown[spot{f.Rule, f.place.Span, f.Secret.Reveal()}] = true
	}
	return slices.DeleteFunc(more, func(m sighting) bool {
		return m.place.Span != [2]int{} && shown[spot{m.Rule, m.place.Span, m.Secret.Reveal()}]
	})
}

// sightView finds the matches in one view of a blob.
func (s *Scanner) sightView(ctx context.Context, sc *scratch, v unpack.View, blob []byte, pointless func(*rules.Rule) bool) ([]sighting, error) {
	var over *detect.Overlay
	own := v.Name == "" && v.Offset == nil && len(v.Text) == len(blob) // the bytes of the blob itself
	if own {
		over = sc.over
	}
	matches, err := s.memory.Text(ctx, sc.detect, v.Text, over, pointless)
	if err != nil {
		return nil, err
	}
	if sc.detect.Deeper() {
		sc.skips = append(sc.skips, unpack.Skip{
			Path: v.Name, Reason: fmt.Sprintf("something is encoded more than %d times over", s.opt.Depth), Limit: true, Closed: s.opt.Named.Depth,
		})
	}
	found := make([]sighting, 0, len(matches))
	for _, m := range matches {
		found = append(found, sighting{Match: m, kind: InContent, via: m.DecodedFrom})
	}
	if own && sc.bases {
		sc.outline = sc.detect.Outline()
	}
	if marks := manifest.Marks(sc.detect.Marks()); s.role(sc, v).Always() || marks.Looks(v.Text) || marks.LooksJudged(v.Text) {
		fields, sealed, err := s.sightManifest(ctx, sc, v, found)
		if err != nil {
			return nil, err
		}
		found = append(withoutSealed(found, sealed), fields...)
	}
	if len(found) == 0 {
		return nil, nil
	}
	describe(found, v, blob)
	return found, nil
}

// withoutSealed leaves out what is only possible and lies in ciphertext: that looks
// random to every rule that goes by looks.
func withoutSealed(found []sighting, sealed [][2]int) []sighting {
	if len(sealed) == 0 {
		return found
	}
	return slices.DeleteFunc(found, func(f sighting) bool {
		return f.Confidence <= rules.Possible && slices.ContainsFunc(sealed, func(s [2]int) bool { return s[0] <= f.Span[0] && f.Span[1] <= s[1] })
	})
}

// describe gives the sightings of one view their lines, columns, spans and masks.
func describe(found []sighting, v unpack.View, blob []byte) {
	masks := maskedSpans(found)
	lines := newLineIndex(v.Text)
	masked := lineMask{text: v.Text, lines: lines, masks: masks}
	for i := range found {
		f := &found[i]
		var at Place
		lines.place(&at, f.Match.Match[0], f.Match.Match[1])
		f.masked = masked.digest(at.StartLine-1, at.EndLine-1)
		f.view, f.via = v.Name, concat(v.Via, f.via)
		f.place = at
		f.place.Span = mapSpan(v, f.Span, len(blob))
	}
	if v.Name == "" && (v.Offset == nil || slices.Contains(v.Via, "notebook")) {
		settle(found, v, blob)
	}
	if !found[0].own {
		hash(found, v.Text)
	}
}

// lineMask makes the digests of masked lines, of which neighbours share many.
type lineMask struct {
	text        []byte
	lines       *lineIndex
	masks       [][2]int
	first, last int
	known       [sha256.Size]byte
	any         bool
}

func (m *lineMask) digest(first, last int) [sha256.Size]byte {
	if !m.any || m.first != first || m.last != last {
		from, to := m.lines.span(first, last)
		m.known, m.first, m.last, m.any = maskLines(m.text[from:to], from, m.masks), first, last, true
	}
	return m.known
}

// settle places sightings by the lines of the blob itself, where a view shows
// bytes of the blob, so that a diff can tell which of them are new.
func settle(found []sighting, v unpack.View, blob []byte) {
	if v.Offset != nil {
		lines := newLineIndex(blob)
		for i := range found {
			whole := mapSpan(v, found[i].Match.Match, len(blob))
			lines.place(&found[i].place, whole[0], whole[1])
		}
	}
	for i := range found {
		found[i].own = true
	}
}

// hash computes what GitHub knows the lines by. It takes its time, so that for
// the lines of blobs it waits until a sighting is reported.
func hash(found []sighting, text []byte) {
	starts := make([]int, len(found))
	for i, f := range found {
		starts[i] = f.place.StartLine
	}
	hashes := LineHashes(text, starts)
	for i := range found {
		found[i].lineHash = hashes[found[i].place.StartLine]
	}
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
		if !f.Secret.IsZero() {
			spans = append(spans, f.Span)
		}
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

// harmless says why a value of a Secret is probably not worth one, or "".
func harmless(value string) string {
	value = strings.TrimSpace(value)
	address, err := url.Parse(value)
	_, number := strconv.ParseFloat(value, 64)
	switch {
	case len(value) < 6:
		return "a short value"
	case number == nil:
		return "a number"
	case err == nil && bare(address):
		return "an address without credentials"
	}
	return stand(value)
}

// bare reports whether an address holds no credentials; of one within another
// scheme, as restic's s3:https://host/path, whether that does not.
func bare(address *url.URL) bool {
	if address.RawQuery != "" {
		return false
	}
	if inner, err := url.Parse(address.Opaque); address.Opaque != "" && err == nil && inner.Opaque == "" {
		address = inner
	}
	return address.Host != "" && address.User == nil && address.RawQuery == ""
}

// sighted reports whether a value was found in a byte range already, by a rule
// that is not in doubt.
func sighted(known []sighting, value secret.Secret, start, end int) bool {
	for _, k := range known {
		if k.Confidence > rules.Possible && k.Span[0] < end && start < k.Span[1] && k.Secret.Equal(value) {
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
