// Package revoketest plays providers for tests: a TLS server that answers as
// the providers' documentation says, and the suite that holds each provider's
// data to it. What it knows comes from transcripts/*.toml, which are written
// from the documentation alone and never from the data under test.
package revoketest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

//go:embed transcripts/*.toml
var files embed.FS

// Transcript is what the documentation of a provider says about one kind.
type Transcript struct {
	Documentation string         `toml:"documentation"`
	Read          toml.LocalDate `toml:"read"` // when the documentation was read
	// Secret is the template of a value, see rules.ExpandExample; or Generate
	// names a kind of key file that is made at run time.
	Secret   string `toml:"secret"`
	Generate string `toml:"generate"`
	// Foreign are templates of values that the rules find too and that are of another kind.
	Foreign []string `toml:"foreign"`
	// Misfits are given values with which, one at a time, nobody is asked: by them the value is somebody else's.
	Misfits map[string]string `toml:"misfits"`
	Given   map[string]string `toml:"given"`
	Seen    time.Time         `toml:"seen"`
	Record  Record            `toml:"record"`

	Check   *Step    `toml:"check"`
	Look    *Step    `toml:"look"`
	Find    *Listing `toml:"find"`
	Disable *Step    `toml:"disable"`
	Undo    *Step    `toml:"undo"`
	Revoke  *Step    `toml:"revoke"`

	ID     string `toml:"-"` // of the provider: the file's name
	values map[string]string
}

// Record is what a provider must say of itself.
type Record struct {
	Class     revoke.Class        `toml:"class"`
	Place     string              `toml:"place"` // what proves that the value is asked about at the right place
	Proof     revoke.Proof        `toml:"proof"`
	Target    string              `toml:"target"` // the id of the true record
	Rules     []string            `toml:"rules"`
	Hosts     []string            `toml:"hosts"`
	Effects   string              `toml:"effects"`
	Critical  []string            `toml:"critical"` // scopes that make a value critical
	Rate      string              `toml:"rate"`     // as in "60 per 1h0m0s"; "" when not documented
	Batch     int                 `toml:"batch"`
	Settle    revoke.Duration     `toml:"settle"`
	Notifies  bool                `toml:"notifies_owner"`
	InURL     bool                `toml:"secret_in_url"`
	Public    []string            `toml:"public"`      // parts of the value that are no secret
	Shown     bool                `toml:"shown"`       // the value is an id and no secret
	Minted    []string            `toml:"also_secret"` // of the answers' values, what is a secret
	Admin     []string            `toml:"admin"`       // names of needs, by where they come from
	Leak      []string            `toml:"leak"`
	LeakedIDs []string            `toml:"leak_public"`
	Settings  map[string]string   `toml:"settings"` // with their defaults
	Choices   map[string][]string `toml:"choices"`
	Over      []string            `toml:"over"` // providers that are not asked where this one fits
}

// Expected is the one request that the documentation asks for.
type Expected struct {
	Method  string            `toml:"method"`
	Host    string            `toml:"host"`
	Path    string            `toml:"path"`
	Query   map[string]string `toml:"query"`
	Headers map[string]string `toml:"headers"`
	Basic   []string          `toml:"basic"`
	Form    map[string]string `toml:"form"`
	JSON    any               `toml:"json"`
	Signed  *Signed           `toml:"signed"`
	JWS     *JWS              `toml:"jws"`
}

// Signed is what a signature of AWS must be made for.
type Signed struct {
	Service string `toml:"service"`
	Region  string `toml:"region"`
	KeyID   string `toml:"key_id"`
	Key     string `toml:"key"`
	Session string `toml:"session"`
}

// Step is one request and its documented answers.
type Step struct {
	Before  []Before `toml:"before"` // what is asked for before the request
	Request Expected `toml:"request"`
	// Many is the request for the three values secret, second and third at once,
	// where one call may carry several.
	Many    *Expected `toml:"many"`
	Rate    string    `toml:"rate"` // of this call alone, as in "60 per 1h0m0s"
	Answers []Reply   `toml:"answer"`
}

// Reply is one documented answer and what it means.
type Reply struct {
	Name          string            `toml:"name"`
	Documentation string            `toml:"documentation"` // where it differs from the transcript's
	Expect        string            `toml:"expect"`        // live, dead, unknown; done, gone, refused, unclear; worse, fine, unknown
	Status        int               `toml:"status"`
	Type          string            `toml:"type"` // application/json when empty
	Headers       map[string]string `toml:"headers"`
	Body          string            `toml:"body"`
	Identity      map[string]string `toml:"identity"`
	Scopes        []string          `toml:"scopes"`
	State         string            `toml:"state"`  // "disabled": the answer for a value that is disabled
	Absent        bool              `toml:"absent"` // it says only that the value is not known there: dead where the place is proven
}

// Listing is a list in pages. The text {{record}} stands where the true record is.
type Listing struct {
	Request Expected `toml:"request"`
	Record  string   `toml:"record"`
	SameID  bool     `toml:"same_id"` // what is compared is the id, so no two records can fit
	Pages   []Page   `toml:"page"`
}

// Page is one page and the query by which it is asked for.
type Page struct {
	Query   map[string]string `toml:"query"`
	Headers map[string]string `toml:"headers"`
	Body    string            `toml:"body"`
}

// Transcripts reads them all, by provider.
func Transcripts() (map[string]*Transcript, error) {
	list, err := files.ReadDir("transcripts")
	if err != nil {
		return nil, err
	}
	all := map[string]*Transcript{}
	for _, file := range list {
		text, err := files.ReadFile(path.Join("transcripts", file.Name()))
		if err != nil {
			return nil, err
		}
		t := &Transcript{}
		if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(t); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), strictly(err))
		}
		t.ID = file.Name()[:len(file.Name())-len(".toml")]
		if err := t.generate(); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		all[t.ID] = t
	}
	return all, nil
}

func strictly(err error) error {
	if e, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return errors.New(e.String())
	}
	return err
}

// Input is a new value of the kind with all that its requests need.
func (t *Transcript) Input() revoke.Input {
	in := revoke.Input{Secret: secret.New(t.values["secret"]), Given: map[string]secret.Secret{}, Seen: t.Seen, Home: t.Record.Place == revoke.PlaceNone}
	for name := range t.Given {
		in.Given[name] = secret.New(t.values[name])
	}
	return in
}

// Secrets are the values that must not be seen anywhere.
func (t *Transcript) Secrets() []secret.Secret {
	var list []secret.Secret
	if !t.Record.Shown {
		list = append(list, secret.New(t.values["secret"]))
	}
	for _, names := range [][]string{t.Record.Admin, t.Record.Leak, t.Record.Minted} {
		for _, name := range names {
			list = append(list, secret.New(t.values[name]))
		}
	}
	return list
}
