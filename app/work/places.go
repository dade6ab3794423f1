package work

import (
	"strconv"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// place is what is kept of where a credential stands: no value, and none in a name.
type place struct {
	Commit  string   `json:"commit,omitempty"`
	Path    string   `json:"path,omitempty"`
	Line    int      `json:"line,omitempty"`
	Blob    string   `json:"blob,omitempty"`
	Span    [2]int   `json:"span"`
	Decoded []string `json:"decoded_from,omitempty"`
	AtHead  bool     `json:"at_head"`
}

// sightings are the places of the credentials that stand out.
func sightings(repository int64, r *report.Report) (all []store.Sighting) {
	var values secret.Redactor
	for i := range r.Verdict.Findings {
		values.Add(r.Verdict.Findings[i].Secret)
	}
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		if f.Credential == "" || f.Rule == nil || f.Decision == gate.Allow {
			continue
		}
		all = append(all, store.Sighting{
			Credential: store.Credential{ID: f.Credential, Rule: f.Rule.ID, Preview: f.Secret.Preview(f.Rule.Prefix), Severity: f.Severity.String()},
			Repository: strconv.FormatInt(repository, 10), Fingerprint: f.Fingerprint,
			Body: place{f.Commit.ID, values.Redact(f.At.Path), f.At.StartLine, f.At.Blob, f.At.Span, f.At.DecodedFrom, f.At.AtHead},
		})
	}
	return all
}
