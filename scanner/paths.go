package scanner

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/leakgate/leakgate/scanner/detect"
)

// inName finds values in the text of a path.
func (s *Scanner) inName(ctx context.Context, sc *scratch, path string) ([]detect.Match, error) {
	if path == "" {
		return nil, nil
	}
	return s.detector.Text(ctx, sc.detect, []byte(path))
}

// named is inName, kept for the next time: a path is in many commits.
func (r *run) named(sc *scratch, path string) ([]detect.Match, error) {
	if known, ok := r.inNames.Load(path); ok {
		return known.([]detect.Match), nil
	}
	found, err := r.s.inName(r.ctx, sc, path)
	if err == nil {
		r.inNames.Store(path, found)
	}
	return found, err
}

// pathFindings are those of rules that look at the name alone, and the values
// that stand in the name.
func (s *Scanner) pathFindings(origin Origin, path, blob, commit string, place *detect.PlaceVerdict, named []detect.Match) []Finding {
	at := Place{Kind: InPath, Origin: origin, Path: path, Blob: blob}
	var out []Finding
	for _, rule := range place.PathOnly {
		if s.detector.AcceptPath(rule, place, commit) {
			key := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", rule.ID, path))
			out = append(out, Finding{
				Rule: rule, Confidence: rule.Confidence, Severity: rule.Severity, At: at, Fingerprint: fingerprint(key, 1),
			})
		}
	}
	spans := make([]sighting, len(named))
	for i, m := range named {
		spans[i].Match = m
	}
	masked := maskLines([]byte(path), 0, maskedSpans(spans))
	for i, m := range named {
		if s.detector.Accept(&named[i], place, commit) {
			key := sha256.Sum256(fmt.Appendf(nil, "name\x00%s\x00%s", m.Rule.ID, masked[:]))
			at.DecodedFrom = m.DecodedFrom
			out = append(out, Finding{
				Rule: m.Rule, Secret: m.Secret, Confidence: m.Confidence, Severity: m.Rule.Severity, At: at,
				Fingerprint: fingerprint(key, i+1), Context: m.Context,
			})
		}
	}
	return out
}
