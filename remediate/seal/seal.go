// Package seal keeps evidence: the values of leaked credentials, encrypted with
// age to recipients whose keys are elsewhere, so that who stores it cannot read
// it. The key can be cut into shares of which some are needed to make it whole.
package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
)

// Evidence is what a scan found, with the values.
type Evidence struct {
	Made  time.Time
	Cases []remediate.Case
}

// file is the form inside the encryption.
type file struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Cases   []entry   `json:"cases"`
}

type entry struct {
	Credential string             `json:"credential"`
	Value      string             `json:"value"`
	Rule       string             `json:"rule"`
	Preview    string             `json:"preview"`
	Severity   string             `json:"severity"`
	Repository string             `json:"repository"`
	Exposure   remediate.Exposure `json:"exposure"`
	Seen       time.Time          `json:"seen"`
	Companions map[string]string  `json:"companions,omitempty"`
}

const (
	version = 1
	// maxSize is the largest evidence that is read, in bytes.
	maxSize = 64 << 20
)

// Recipients parses age recipients ("age1…"), one or more.
func Recipients(texts []string) ([]age.Recipient, error) {
	if len(texts) == 0 {
		return nil, errors.New("nobody could open it: name a recipient")
	}
	var all []age.Recipient
	for i, text := range texts {
		r, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("recipient %d is none of age (age1…)", i+1) // it may be a key by mistake
		}
		all = append(all, r...)
	}
	return all, nil
}

// Write encrypts evidence to the recipients.
func Write(to io.Writer, ev Evidence, recipients []age.Recipient) error {
	f := file{Version: version, Made: ev.Made}
	for _, c := range ev.Cases {
		e := entry{c.Credential, c.Value.Reveal(), c.Rule, c.Preview, c.Severity, c.Repository, c.Exposure, c.Seen, nil} // it is encrypted on its way
		for name, value := range c.Companions {
			if e.Companions == nil {
				e.Companions = map[string]string{}
			}
			e.Companions[name] = value.Reveal() // it is encrypted on its way
		}
		f.Cases = append(f.Cases, e)
	}
	w, err := age.Encrypt(to, recipients...)
	if err != nil {
		return fmt.Errorf("seal evidence: %w", err)
	}
	if err := json.NewEncoder(w).Encode(f); err != nil {
		return fmt.Errorf("seal evidence: %w", err)
	}
	return w.Close()
}

// Read decrypts evidence. Every value must be the one that its credential names
// under the key. Evidence that was cut or changed gives an error and nothing else.
func Read(from io.Reader, key secret.Key, identities ...age.Identity) (Evidence, error) {
	f, err := open(from, identities)
	if err != nil {
		return Evidence{}, err
	}
	ev := Evidence{Made: f.Made}
	for i, e := range f.Cases {
		c := remediate.Case{Credential: e.Credential, Value: secret.New(e.Value), Rule: e.Rule, Preview: e.Preview, Severity: e.Severity,
			Repository: e.Repository, Exposure: e.Exposure, Seen: e.Seen, Companions: map[string]secret.Secret{}}
		if key.ID(c.Value) != c.Credential {
			return Evidence{}, fmt.Errorf("evidence: the value of case %d is not that of %s under this installation's key", i+1, c.Credential)
		}
		for name, value := range e.Companions {
			c.Companions[name] = secret.New(value)
		}
		ev.Cases = append(ev.Cases, c)
	}
	return ev, nil
}

func open(from io.Reader, identities []age.Identity) (f file, err error) {
	r, err := age.Decrypt(from, identities...)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return f, errors.New("evidence: it is sealed to other keys than the ones given")
	case err != nil:
		return f, errors.New("evidence: the file is no age file, or was cut or changed")
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	switch {
	case err != nil:
		return f, errors.New("evidence: the file was cut or changed")
	case len(text) > maxSize:
		return f, fmt.Errorf("evidence: the file is larger than %d bytes", maxSize)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if d.Decode(&f) != nil { // the error could hold a value
		return f, errors.New("evidence: it does not parse")
	}
	if f.Version != version {
		return f, fmt.Errorf("evidence: its version is %d, this program reads %d", f.Version, version)
	}
	return f, nil
}
