package scanner

import (
	"bytes"
	"context"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// Manifests says how Kubernetes documents are judged. The zero value asks for
// what is sound everywhere.
type Manifests struct {
	Formats manifest.Formats
	// Prescribed says for whom a .sops.yaml has the file at a path encrypted, nil
	// where none says. It is asked concurrently. nil: there is none.
	Prescribed func(path string) *manifest.Recipients
	Keys       secret.Secret // age identities, to verify the MACs of sops; zero: none
	// OpenKey decrypts keys of sops that are no age's, see [manifest.Checker]. It is
	// asked concurrently. nil: none.
	OpenKey func(kind, name, enc string) (secret.Secret, bool)
	Now     time.Time // against which ages are told; zero tells none
	// Strict counts what looks like a document and cannot be read as missed; else it
	// was searched as text.
	Strict bool
	// Roles say what files are that are no Kubernetes documents; nil: none is known.
	Roles map[string]manifest.Role
	// Helpers are texts that define templates which the template of a chart at a path
	// calls. It is asked concurrently. nil: none are known.
	Helpers func(path string) []string
}

// outside reports whether documents are judged by more than their bytes.
func (m *Manifests) outside() bool {
	return m.Prescribed != nil || !m.Keys.IsZero() || m.OpenKey != nil || m.Formats.SOPS.MaxAge > 0 || len(m.Formats.SealedSecret.Certificates) > 0
}

// ManifestRules are the rules under which faults of Kubernetes documents are
// reported. They have no regex: the documents' structure says what is wrong.
var ManifestRules = sync.OnceValue(func() []*rules.Rule {
	var out []*rules.Rule
	for _, f := range manifest.FaultRules() {
		if f.ID == manifest.RulePlainSecret {
			out = append(out, rules.PlainManifestSecret())
			continue
		}
		r := &rules.Rule{
			ID: f.ID, Description: f.Title, Provider: "Kubernetes", Severity: rules.High, Confidence: rules.Likely,
			Advice: f.Advice, Tags: []string{"kubernetes"}, Origin: "leakgate",
		}
		if !f.Deny {
			r.Severity, r.Confidence = rules.Medium, rules.Possible
		}
		out = append(out, r)
	}
	return out
})

// ManifestRule is the rule of that ID, or nil.
func ManifestRule(id string) *rules.Rule {
	for _, r := range ManifestRules() {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// sightManifest finds what is wrong with Kubernetes documents: the plain values
// of Secrets, also those in base64, and the faults of what stands in their place.
// sealed are the places of verified ciphertext.
func (s *Scanner) sightManifest(ctx context.Context, sc *scratch, v unpack.View, known []sighting) (found []sighting, sealed [][2]int, err error) {
	if len(v.Text) > largeManifest {
		s.large.Lock()
		defer s.large.Unlock()
	}
	m, role := s.opt.Manifests, s.role(sc, v)
	var helpers []string
	if role == manifest.Template && m.Helpers != nil {
		helpers = m.Helpers(sc.path)
	}
	docs, err := manifest.ParseAs(v.Name, v.Text, role, helpers...)
	sc.unread(v.Name, err, s.strict(sc, v))
	sc.outside = sc.outside || len(docs) > 0 && (m.outside() || len(helpers) > 0)
	checker := manifest.Checker{Formats: m.Formats, Keys: m.Keys, OpenKey: m.OpenKey, Now: m.Now}
	if m.Prescribed != nil && bytes.Contains(v.Text, []byte("sops")) {
		checker.Prescribed = m.Prescribed(sc.path)
	}
	for _, d := range docs {
		for _, f := range d.Fields {
			if f.Kept == manifest.Sealed && f.Sensitive {
				sealed = append(sealed, [2]int{f.Start, f.End})
			}
		}
	}
	for _, f := range checker.Faults(docs) {
		m, err := s.judgeFault(ctx, sc, f)
		if err != nil {
			return nil, nil, err
		}
		if f.Value.IsZero() || !sighted(known, m.Secret, f.Start, f.End) {
			found = append(found, sighting{Match: m, kind: InManifest, field: f.Path, fix: f.Fix, via: f.Encoding,
				object: Object{f.Kind, f.Namespace, f.Name}, about: f.About})
		}
	}
	return found, sealed, nil
}

// largeManifest is from how many bytes on only one document is parsed at a time: in
// memory it takes many times its size.
const largeManifest = 512 << 10

// role is what the text of a file is, besides Kubernetes documents.
func (s *Scanner) role(sc *scratch, v unpack.View) manifest.Role {
	if v.Name != "" {
		return manifest.Documents // a member of an archive
	}
	return s.opt.Manifests.Roles[sc.path]
}

// strict reports whether a text has to be readable where it looks like a document:
// by the name of its file it is one, and no template.
func (s *Scanner) strict(sc *scratch, v unpack.View) bool {
	switch path.Ext(sc.path) {
	case ".yaml", ".yml", ".json", "":
		return s.opt.Manifests.Strict && v.Name == "" && s.role(sc, v) != manifest.Template
	}
	return false
}

// judgeFault gives a fault the rule that knows its value, or else its own.
func (s *Scanner) judgeFault(ctx context.Context, sc *scratch, f manifest.Fault) (detect.Match, error) {
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
	rule := s.plainSecret
	if f.Rule != manifest.RulePlainSecret {
		rule = ManifestRule(f.Rule)
	}
	m := detect.Match{Rule: rule, Secret: f.Value, Match: place, Span: place, Confidence: rules.Possible, Context: f.Reason}
	if f.Deny {
		m.Confidence = rules.Likely
	}
	if f.Rule == manifest.RulePlainSecret {
		m.Context = ""
		if why := harmless(value); why != "" {
			m.Confidence, m.Context = rules.Possible, why
		}
	}
	return m, nil
}
