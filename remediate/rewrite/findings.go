package rewrite

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
)

// sighting is what is needed of a finding in the report of `leakgate scan -f json`.
type sighting struct {
	Credential  string   `json:"credential"`
	Fingerprint string   `json:"fingerprint"`
	Blob        string   `json:"blob"`
	Span        [2]int   `json:"span"`
	DecodedFrom []string `json:"decodedFrom"`
}

// ReadFindings takes the values of credentials from where a report says that they
// stand. only names credentials or findings, none all of them. A value that is not
// that of its credential under the key is refused: the report is of another key.
func ReadFindings(repo *gitrepo.Repo, from io.Reader, only []string, key secret.Key) (Spec, error) {
	var report struct {
		Stable   bool       `json:"credentialIdsStable"`
		Findings []sighting `json:"findings"`
	}
	if err := json.NewDecoder(from).Decode(&report); err != nil {
		return Spec{}, fmt.Errorf("%w: no report of leakgate scan --format json", ErrSpec)
	}
	if !report.Stable || !key.Stable() {
		return Spec{}, fmt.Errorf("%w: the report's credentials have names of one run only, so nothing proves what is read; scan again with a key that stays", ErrSpec)
	}
	var spec Spec
	rd := repo.NewReader(8 << 20)
	done := map[string]bool{}
	for _, f := range report.Findings {
		if len(only) > 0 && !slices.Contains(only, f.Credential) && !slices.Contains(only, f.Fingerprint) || f.Credential == "" || done[f.Credential] {
			continue
		}
		value, err := f.read(rd)
		if err != nil || key.ID(value) != f.Credential {
			continue // another place may tell
		}
		done[f.Credential] = true
		spec.Literals = append(spec.Literals, Literal{value, Placeholder})
	}
	return spec, lacking(report.Findings, only, done)
}

// lacking is the error for credentials whose value nothing told.
func lacking(findings []sighting, only []string, done map[string]bool) error {
	for _, f := range findings {
		asked := len(only) == 0 || slices.Contains(only, f.Credential) || slices.Contains(only, f.Fingerprint)
		if asked && f.Credential != "" && !done[f.Credential] {
			return fmt.Errorf("%w: the value of %s is not where the report says; scan this repository again, or give --credential %s without a report", ErrSpec, f.Credential, f.Credential)
		}
	}
	for _, name := range only {
		if !slices.ContainsFunc(findings, func(f sighting) bool { return f.Credential == name || f.Fingerprint == name }) {
			return fmt.Errorf("%w: the report has no %q", ErrSpec, name)
		}
	}
	if len(done) == 0 {
		return fmt.Errorf("%w: the report has no finding with a value", ErrSpec)
	}
	return nil
}

// read gives the value at the place of a finding.
func (f *sighting) read(rd *gitrepo.Reader) (secret.Secret, error) {
	id, err := gitrepo.ParseID(f.Blob)
	if err != nil {
		return secret.Secret{}, err
	}
	o, err := rd.Object(id)
	if err != nil {
		return secret.Secret{}, err
	}
	if f.Span[0] < 0 || f.Span[0] >= f.Span[1] || f.Span[1] > len(o.Data) {
		return secret.Secret{}, ErrSpec
	}
	text := string(o.Data[f.Span[0]:f.Span[1]])
	for _, by := range f.DecodedFrom {
		if text, err = decode(by, text); err != nil {
			return secret.Secret{}, ErrSpec
		}
	}
	return secret.New(text), nil
}

func decode(by, text string) (string, error) {
	switch by {
	case "base64":
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if raw, err := enc.DecodeString(strings.TrimRight(text, "=")); err == nil {
				return string(raw), nil
			}
		}
	case "hex":
		raw, err := hex.DecodeString(text)
		return string(raw), err
	case "percent":
		return url.PathUnescape(text)
	}
	return "", ErrSpec
}
