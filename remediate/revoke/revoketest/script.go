package revoketest

import "net/http"

// Script is a transcript for other suites that play exchanges on a [Fake]: its
// requests and answers may name the values. Those that are secret must not be
// seen in an address.
func Script(values map[string]string, secrets ...string) *Transcript {
	t := &Transcript{values: values}
	t.values["secret"] = ""
	t.Record.Shown, t.Record.Minted = true, secrets
	return t
}

// Fill replaces {{name}} and {{name|filter}}.
func (t *Transcript) Fill(template string) string { return t.fill(template) }

// Answer is a documented answer as the fake gives it.
func (t *Transcript) Answer(r Reply) http.HandlerFunc {
	kind := r.Type
	if kind == "" {
		kind = "application/json"
	}
	var headers []string
	for _, name := range keys(r.Headers) {
		headers = append(headers, name, t.fill(r.Headers[name]))
	}
	return status(r.Status, kind, t.fill(r.Body), headers...)
}

// Failures are the ways in which whoever is asked, or what stands before it,
// fails: none of them is an answer.
func Failures() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for _, f := range faults {
		all[f.name] = f.serve
	}
	return all
}
