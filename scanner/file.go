package scanner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// File finds what one file holds, by itself: nothing is known of its history.
// blob is the object id of its content, or "". The skips name members of it
// that were not searched.
func (s *Scanner) File(ctx context.Context, origin Origin, path, blob string, data []byte) ([]Finding, []unpack.Skip, error) {
	sc := s.takeScratch()
	defer s.giveBack(sc)
	sc.path = path
	found, skips, err := s.sight(ctx, sc, path, data, nil)
	if err != nil {
		return nil, skips, err
	}
	named, err := s.inName(ctx, sc, path)
	return s.inFile(origin, path, blob, data, found, named), skips, err
}

func (s *Scanner) inFile(origin Origin, path, blob string, data []byte, found []sighting, named []detect.Match) []Finding {
	place := s.detector.Place(path)
	accepted := accept(s.detector, found, place, "")
	hashOwn(accepted, data)
	ordinals := map[[sha256.Size]byte]int{}
	out := s.pathFindings(origin, path, blob, "", place, named)
	for _, f := range withoutGeneric(accepted) {
		if f.Rule != nil {
			out = append(out, newFinding(origin, path, blob, f, ordinals))
		}
	}
	return out
}

// accept keeps the sightings that the rules report at a path and commit.
func accept(d *detect.Detector, found []sighting, place *detect.PlaceVerdict, commit string) []sighting {
	var out []sighting
	for i := range found {
		if d.Accept(&found[i].Match, place, commit) {
			out = append(out, found[i])
		}
	}
	return out
}

// hashOwn computes the hashes of the lines that are lines of the blob itself.
func hashOwn(found []sighting, blob []byte) {
	own := make([]sighting, 0, len(found))
	for _, f := range found {
		if f.own {
			own = append(own, f)
		}
	}
	if len(own) == 0 {
		return
	}
	hash(own, blob)
	for i, n := 0, 0; i < len(found); i++ {
		if found[i].own {
			found[i].lineHash = own[n].lineHash
			n++
		}
	}
}

// newFinding gives a sighting its place. The ordinals count equal places in one file.
func newFinding(origin Origin, path, blob string, f sighting, ordinals map[[sha256.Size]byte]int) Finding {
	at := f.place
	at.Kind, at.Origin, at.Field, at.Object, at.DecodedFrom = f.kind, origin, f.field, f.object, f.via
	at.Path, at.Blob = path+f.view, blob
	key := f.key(at.Path)
	ordinals[key]++
	return Finding{
		Rule: f.Rule, Secret: f.Secret, Confidence: f.Confidence, Severity: f.Rule.Severity, At: at,
		Fingerprint: fingerprint(key, ordinals[key]), LineHash: f.lineHash, Allowed: f.Allowed, Context: f.Context, Fix: fixIn(f.fix, path),
	}
}

// key names the place of a sighting: by its line, or where no value but the form
// of an object is at fault, by the object and its field.
func (f sighting) key(path string) [sha256.Size]byte {
	if f.kind == InManifest && f.Secret.IsZero() {
		return sha256.Sum256(fmt.Appendf(nil, "form\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s",
			f.Rule.ID, path, f.object.Kind, f.object.Namespace, f.object.Name, f.field, f.about))
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", f.Rule.ID, path, f.masked[:]))
}

// plainPath is a path that a shell takes as it is.
var plainPath = regexp.MustCompile(`\A[\w./@+-]+\z`)

// fixIn puts the path of a file into the command that mends it.
func fixIn(fix, path string) string {
	if !plainPath.MatchString(path) || path[0] == '-' {
		return fix
	}
	return strings.ReplaceAll(fix, "FILE", path)
}

// Stream scans one text of unknown length, as from a pipe, under a name of the
// caller's choice.
func (s *Scanner) Stream(ctx context.Context, from io.Reader, name string) (Result, error) {
	var c coverage
	res := Result{Range: Range{Text: "standard input"}}
	data, err := io.ReadAll(io.LimitReader(from, s.opt.MaxBlob+1))
	if err != nil {
		c.miss(Skip{Path: name, Reason: "input ended early: " + reason(err)})
	}
	if int64(len(data)) > s.opt.MaxBlob {
		data = data[:s.opt.MaxBlob]
		c.skip(Skip{Path: name, Reason: fmt.Sprintf("only the first %d bytes were read", len(data))}, s.opt.Named.MaxBlob)
	}
	c.count(len(data))
	findings, skips, err := s.File(ctx, FromStdin, name, "", data)
	s.fileSkips(&c, name, skips)
	if err != nil {
		c.miss(Skip{Path: name, Reason: "the scan was stopped: " + reason(err)})
	}
	res.Findings, res.Coverage = findings, c.report()
	finish(&res, s.opt.Key)
	return res, incomplete(res)
}

func (s *Scanner) fileSkips(c *coverage, path string, skips []unpack.Skip) {
	for _, skip := range skips {
		c.skip(Skip{Path: path + skip.Path, Reason: skip.Reason}, skip.Closed || skip.Limit && s.opt.Named.Archives)
	}
}

func incomplete(res Result) error {
	if res.Coverage.Complete() {
		return nil
	}
	return ErrIncomplete
}
