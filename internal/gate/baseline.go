package gate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// BaselineFile is the name of the baseline beside the policy.
const BaselineFile = ".leakgate-baseline.json"

const (
	baselineVersion = 1
	maxBaseline     = 64 << 20 // bytes of a baseline file
)

// Baseline lists places whose values were known when it was made, so that only
// new findings block. It holds neither values nor hashes of them: the blob binds
// an entry to its value; where the form of a manifest is at fault there is no
// value, and the object and its field are all. It survives shifted lines and rebases, because
// fingerprints do. The zero Baseline is empty.
type Baseline struct {
	Version int             `json:"schemaVersion"`
	Entries []BaselineEntry `json:"entries"` // sorted by path, rule, fingerprint and blob, each once
}

// BaselineEntry is one place with one value, or one form.
type BaselineEntry struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Path        string `json:"path"`                // with every known value masked
	Blob        string `json:"blob,omitempty"`      // "" for a form
	Object      string `json:"object,omitempty"`    // of a form, as "Kind namespace/name"
	Field       string `json:"field,omitempty"`     // of a form, as "spec.provider"; "" for the object as a whole
	FirstSeen   string `json:"firstSeen,omitempty"` // of the earliest commit, RFC 3339 in UTC
}

// NewBaseline lists what a verdict found and did not allow, and keeps the
// entries of old that still allow something. Findings without a fingerprint or
// outside of git cannot be listed; they are returned.
func NewBaseline(judged []Judged, old Baseline) (b Baseline, left []Judged) {
	b.Version = baselineVersion
	paths := pathMasker(judged)
	kept := map[string]bool{}
	forms := map[string]BaselineEntry{}
	listed := map[string][]listing{}
	for _, j := range judged {
		switch {
		case j.Reason == ReasonBaseline:
			kept[j.Fingerprint] = true
		case j.Decision == Allow:
		case j.Form():
			e := entry(j, paths)
			if known, is := forms[j.Fingerprint]; !is || earlier(e, known) {
				forms[j.Fingerprint] = e
			}
		case j.Fingerprint == "" || !objectIDPattern.MatchString(j.At.Blob) || j.Secret.IsZero():
			left = append(left, j)
		default:
			listed[j.Fingerprint] = list(listed[j.Fingerprint], j, paths)
		}
	}
	for _, e := range old.Entries {
		if kept[e.Fingerprint] {
			b.Entries = append(b.Entries, e)
		}
	}
	for _, values := range listed {
		for _, l := range values {
			b.Entries = append(b.Entries, l.entry)
		}
	}
	b.Entries = slices.AppendSeq(b.Entries, maps.Values(forms))
	slices.SortFunc(b.Entries, compareEntries)
	b.Entries = slices.Compact(b.Entries)
	return b, left
}

// listing is an entry with the value that it stands for.
type listing struct {
	value secret.Secret
	entry BaselineEntry
}

// list adds a finding, unless its value is listed at that place: then the
// earlier sighting counts, and of two at one time the smaller blob, so that the
// order of the findings does not matter.
func list(known []listing, j Judged, paths *secret.Redactor) []listing {
	e := entry(j, paths)
	for i := range known {
		if known[i].value.Equal(j.Secret) {
			if earlier(e, known[i].entry) {
				known[i].entry = e
			}
			return known
		}
	}
	return append(known, listing{j.Secret, e})
}

func entry(j Judged, paths *secret.Redactor) BaselineEntry {
	e := BaselineEntry{Fingerprint: j.Fingerprint, Path: paths.Redact(j.At.Path)}
	if j.Form() {
		e.Object, e.Field = paths.Redact(j.At.Object.String()), paths.Redact(j.At.Field)
	} else {
		e.Blob = j.At.Blob
	}
	if j.Rule != nil {
		e.Rule = j.Rule.ID
	}
	if !j.Commit.Date.IsZero() {
		e.FirstSeen = j.Commit.Date.UTC().Format(time.RFC3339)
	}
	return e
}

// earlier compares by time, an unknown time (not committed yet) being the last.
func earlier(a, b BaselineEntry) bool {
	if a.FirstSeen != b.FirstSeen {
		return b.FirstSeen == "" || a.FirstSeen != "" && a.FirstSeen < b.FirstSeen
	}
	return a.Blob < b.Blob
}

// pathMasker removes values from paths: a file's name may hold one.
func pathMasker(judged []Judged) *secret.Redactor {
	r := &secret.Redactor{}
	for _, j := range judged {
		r.Add(j.Secret)
	}
	return r
}

// ParseBaseline reads a baseline file; name stands in the errors.
func ParseBaseline(name string, text []byte) (Baseline, error) {
	if len(text) > maxBaseline {
		return Baseline{}, fmt.Errorf("%s: a baseline has at most %d bytes", name, maxBaseline)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var b Baseline
	err := decoder.Decode(&b)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("text follows the document")
		}
	}
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return Baseline{}, fmt.Errorf("%s: %w; `leakgate baseline create` writes a new one", name, err)
	}
	slices.SortFunc(b.Entries, compareEntries)
	b.Entries = slices.Compact(b.Entries)
	return b, nil
}

func (b Baseline) check() error {
	if b.Version != baselineVersion {
		return fmt.Errorf("schemaVersion is not %d", baselineVersion)
	}
	for i, e := range b.Entries {
		form := e.Blob == "" && slices.Contains(FormRules(), e.Rule)
		if e.Fingerprint == "" || !form && !objectIDPattern.MatchString(e.Blob) {
			return fmt.Errorf("entry %d lacks a fingerprint or a whole blob id", i)
		}
	}
	return nil
}

// Encode is the file of the baseline: the same bytes for the same entries.
func (b Baseline) Encode() []byte {
	b.Version = baselineVersion
	b.Entries = append([]BaselineEntry{}, b.Entries...) // [] where there is none
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(b) // strings into memory: cannot fail
	return out.Bytes()
}

// DiffBaselines lists what only the new and only the old baseline has. Two
// entries are the same when fingerprint and blob are.
func DiffBaselines(before, after Baseline) (added, removed []BaselineEntry) {
	return after.without(before), before.without(after)
}

func (b Baseline) without(other Baseline) (out []BaselineEntry) {
	type key struct{ fingerprint, blob string }
	has := map[key]bool{}
	for _, e := range other.Entries {
		has[key{e.Fingerprint, e.Blob}] = true
	}
	for _, e := range b.Entries {
		if !has[key{e.Fingerprint, e.Blob}] {
			out = append(out, e)
		}
	}
	return out
}

func compareEntries(a, b BaselineEntry) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Blob, b.Blob), cmp.Compare(a.FirstSeen, b.FirstSeen))
}
