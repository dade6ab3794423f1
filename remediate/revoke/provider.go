package revoke

import (
	"regexp"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
)

// Provider is how one issuer treats one kind of credential. All of it is data,
// read from providers/*.toml and checked; see docs/design/remediation.md.
type Provider struct {
	ID   string `toml:"id"`
	Name string `toml:"name"` // for people, as in "GitHub token"
	// Speaks is what the issuer is asked in: https when empty, or a database's
	// postgresql or mysql, see [Request.SQL].
	Speaks string   `toml:"speaks,omitempty"`
	Class  Class    `toml:"class"`
	Rules  []string `toml:"rules"`  // ids of the rules whose values are of this kind
	Value  string   `toml:"value"`  // expression that the whole value must match; its groups are parts
	Public []string `toml:"public"` // parts that are no secret
	Derive string   `toml:"derive"` // name of a function that makes more parts of the value
	Hosts  []string `toml:"hosts"`  // exactly the hosts that may be asked
	Needs  []Need   `toml:"needs"`
	Place  string   `toml:"place"` // what proves that the value is asked about where it would be known: form, none or a setting
	Proof  Proof    `toml:"proof"`
	Target string   `toml:"target"` // template of the record's id
	// Effects of the check: none, or log when it shows in the provider's own
	// logs only. Others are not read-only and not for the default set.
	Effects     string   `toml:"effects"`
	SecretInURL string   `toml:"secret_in_url"` // why the provider demands it there; "" when it does not
	Rate        Rate     `toml:"rate"`
	Batch       int      `toml:"batch"`  // how many values one call may carry
	Settle      Duration `toml:"settle"` // until when a revoked value may still work
	Notifies    bool     `toml:"notifies_owner"`
	Unchecked   string   `toml:"unchecked"`    // why there is no check
	Outage      string   `toml:"outage"`       // what stops working
	Forever     string   `toml:"irreversible"` // what cannot be taken back
	Note        string   `toml:"note"`
	// Over are the providers that are not asked where the requests of this one can
	// be made: it proved offline that the value is its own.
	Over     []string       `toml:"over,omitempty"`
	Evidence Evidence       `toml:"evidence"`
	Source   string         `toml:"source"`
	Reviewed toml.LocalDate `toml:"reviewed"`

	Crown []string `toml:"critical"` // scopes that make a credential critical

	Check   *Check  `toml:"check"`
	Look    *Look   `toml:"look"`
	Find    *Find   `toml:"find"`
	Disable *Action `toml:"disable"`
	Undo    *Action `toml:"undo"`
	Revoke  *Action `toml:"revoke"`

	value *regexp.Regexp
}

// Evidence says how it is known what the provider answers.
type Evidence string

// From the strongest to none. Nothing may act on Unverified without a word of the operator.
const (
	TriedLive     Evidence = "live"
	Specification Evidence = "specification"
	SDK           Evidence = "sdk"
	Unverified    Evidence = "unverified"
)

// Need is something that a request needs beside the leaked value.
type Need struct {
	Name    string   `toml:"name"`
	From    string   `toml:"from"` // leak, admin or setting
	Help    string   `toml:"help"`
	Default string   `toml:"default"` // of a setting
	Choices []string `toml:"choices"` // of a setting; empty: any
}

// Secret reports whether the need's value must not be shown.
func (n Need) Secret() bool { return n.From != "setting" && n.From != "leak-public" }

// Request is one call, as templates.
type Request struct {
	Method  string            `toml:"method"`
	URL     string            `toml:"url"`
	Headers map[string]string `toml:"headers"`
	Basic   []string          `toml:"basic"` // user and password
	Form    map[string]string `toml:"form"`
	JSON    any               `toml:"json"`
	Sign    *Sign             `toml:"sign"`
	// SQL are statements that are run in turn, where the provider speaks that.
	// {{x}} is a text in quotes and {{x|name}} the name of a role. A column "run"
	// of an answer holds statements that are run too.
	SQL    []string `toml:"sql,omitempty"`
	Format string   `toml:"format"` // of the answer: json when empty, xml or text
}

// Sign asks for AWS Signature Version 4.
type Sign struct {
	Service string `toml:"service"`
	Region  string `toml:"region"`
	KeyID   string `toml:"key_id"`
	Key     string `toml:"key"`
	Session string `toml:"session"`
}

// Answer is one documented answer. All that is set must hold.
type Answer struct {
	Status []int          `toml:"status"`
	Fields map[string]any `toml:"fields"` // path of the answer to its value, or to a list of them
	Text   string         `toml:"text"`   // part of the answer's text
	// Code is, in place of a status, what a database answers: a SQLSTATE of
	// PostgreSQL, a number of MySQL, "0" for success.
	Code []string `toml:"code,omitempty"`
	// Unless is a statement of the administrator that counts what speaks against
	// the answer, and But says what that is. Unless the count is 0 nothing was decided.
	Unless string `toml:"unless,omitempty"`
	But    string `toml:"but,omitempty"`
	Absent *bool  `toml:"absent"` // of a dead answer: it says only that the value is not known here
	Means  string `toml:"means"`  // in plain words
}

// Capture takes something out of an answer.
type Capture struct {
	Path   string `toml:"path"`
	Header string `toml:"header"`
	Match  string `toml:"match"`        // expression whose first group is meant
	As     string `toml:"as,omitempty"` // "certificate": the SHA-256 of the certificate that it is in PEM
	Secret bool   `toml:"secret"`       // must not be shown
	re     *regexp.Regexp
}

// Check asks whether the value works. It changes nothing.
type Check struct {
	Request
	Live []Answer            `toml:"live"`
	Dead []Answer            `toml:"dead"`
	Own  map[string]*Capture `toml:"own"` // what the provider tells of the value itself
}

// Find reads the provider's complete list of records and picks the one that is the value.
type Find struct {
	Request
	Found  []Answer          `toml:"found"`
	Items  string            `toml:"items"`  // path of the list; "" for the whole answer
	Where  map[string]string `toml:"where"`  // fields that a record must have to count
	Field  string            `toml:"field"`  // path in the record that is compared
	Equals string            `toml:"equals"` // template of what it must equal, for ProofListValue
	Prefix string            `toml:"prefix"` // path of the first characters, for ProofListEdges
	Suffix string            `toml:"suffix"` // path of the last characters, for ProofListEdges
	Made   string            `toml:"created"`
	ID     string            `toml:"id"`
	Absent string            `toml:"absent"` // "dead" when a value that the list lacks is dead
	Page   *Page             `toml:"page"`
}

// Page says how the rest of a list is asked for.
type Page struct {
	Kind  string `toml:"kind"`  // link, cursor or number
	Query string `toml:"query"` // parameter that the next request carries
	Path  string `toml:"path"`  // of the cursor, or of the next page's address when it is no header
	More  string `toml:"more"`  // path of the flag that more follows
}

// Action is one deed.
type Action struct {
	Request
	Via     string   `toml:"via"`  // "acme" when a library makes the call, to the directory at the address
	Rate    Rate     `toml:"rate"` // of this call, whoever makes it; without one that of the provider
	Done    []Answer `toml:"done"`
	Gone    []Answer `toml:"gone"`
	Refused []Answer `toml:"refused"`
}

// Rate is how often a provider may be asked. The zero Rate is not documented.
type Rate struct {
	Calls int      `toml:"calls"`
	Per   Duration `toml:"per"`
}

// Pace is how often a deed may be called for, and the name under which calls
// count: providers that make the same call share its rate. For "" it is that of
// all else that a provider is asked.
func (p *Provider) Pace(d Deed) (name string, rate Rate) {
	if a := p.action(d); a != nil && a.Rate.Calls > 0 {
		return a.Method + " " + a.URL, a.Rate
	}
	return p.ID, p.Rate
}

// rates are all that the data says.
func (p *Provider) rates() []Rate {
	all := []Rate{p.Rate}
	for _, d := range []Deed{Disable, Undo, Revoke} {
		if a := p.action(d); a != nil {
			all = append(all, a.Rate)
		}
	}
	return all
}

// Duration is a time.Duration that is written as text, as in "15m".
type Duration time.Duration

// UnmarshalText reads the text form.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// action is how the deed is done, nil when the provider has no such call.
func (p *Provider) action(d Deed) *Action {
	return map[Deed]*Action{Disable: p.Disable, Undo: p.Undo, Revoke: p.Revoke}[d]
}

// Reversible reports whether the credential can be disabled and enabled again.
func (p *Provider) Reversible() bool { return p.Disable != nil && p.Undo != nil }

// Can reports whether the provider has a call for the deed.
func (p *Provider) Can(d Deed) bool { return p.action(d) != nil }

// Accepts reports whether the value is of the provider's kind by its form.
// Rules find what several kinds share, as GitHub's tokens.
func (p *Provider) Accepts(value secret.Secret) bool {
	return p.value == nil || p.value.MatchString(value.Reveal()) // only its form is judged
}

// Need is the need of that name, or nil.
func (p *Provider) Need(name string) *Need {
	for i := range p.Needs {
		if p.Needs[i].Name == name {
			return &p.Needs[i]
		}
	}
	return nil
}
