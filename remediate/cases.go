package remediate

import (
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/scanner"
)

// Cases are the credentials that a scan found, with their values and what leaked
// beside them, read from the blobs.
func Cases(r scanner.Result, catalogue *revoke.Catalogue, repository string, exposure Exposure, read Blobs) []Case {
	var all []Case
	for _, c := range r.Credentials {
		if c.Secret.IsZero() {
			continue
		}
		known := Case{Credential: c.ID, Value: c.Secret, Rule: known(c.Rules, catalogue), Repository: repository, Exposure: exposure, Seen: c.FirstSeen}
		for _, f := range r.Findings {
			if f.Rule.ID == known.Rule && f.Secret.Equal(c.Secret) {
				known.Preview, known.Severity = c.Secret.Preview(f.Rule.Prefix), f.Severity.String()
				break
			}
		}
		known.Companions = besides(r, c, known.Rule, read)
		all = append(all, known)
	}
	return all
}

// known is the rule that says most about whom to ask.
func known(rules []string, catalogue *revoke.Catalogue) string {
	for _, r := range rules {
		if len(catalogue.ForRule(r)) > 0 {
			return r
		}
	}
	for _, r := range rules {
		if catalogue.Runbook(r) != nil {
			return r
		}
	}
	return rules[0]
}

// Sightings are the places of cases, for the store.
func Sightings(r scanner.Result, cases []Case) []store.Sighting {
	var all []store.Sighting
	var values secret.Redactor // names of files and people may hold one
	for _, c := range cases {
		values.Add(c.Value)
	}
	for _, c := range cases {
		for _, f := range r.Findings {
			if !f.Secret.Equal(c.Value) {
				continue
			}
			at := store.Place{
				Commit: f.Commit.ID, Author: values.Redact(f.Commit.Author), Date: store.Dated(f.Commit.Date), Path: values.Redact(f.At.Path),
				Line: f.At.StartLine, Blob: f.At.Blob, Span: f.At.Span, Decoded: f.At.DecodedFrom, AtHead: f.At.AtHead,
			}
			all = append(all, store.Sighting{
				Credential: store.Credential{ID: c.Credential, Rule: c.Rule, Preview: c.Preview, Severity: c.Severity},
				Repository: c.Repository, Fingerprint: f.Fingerprint, Body: at,
			})
		}
	}
	return all
}
