// Package mint asks the issuers of credentials for new ones. Each issuer is
// data: the calls that make one, list those that exist and end one, and what
// the issuer documents as answers. It writes nothing anywhere and decides
// nothing.
package mint

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
)

//go:embed issuers/*.toml
var files embed.FS

// Issuer is how one issuer makes credentials of one kind. Its id is that of the
// provider in package revoke, under which the operator gives its credentials.
type Issuer struct {
	ID          string         `toml:"id"`
	Name        string         `toml:"name"`
	Hosts       []string       `toml:"hosts"`
	Settings    []string       `toml:"settings"`    // of the [[store]]
	Credentials []string       `toml:"credentials"` // of an administrator
	Limit       int            `toml:"limit"`       // how many may exist; 0 when none is documented
	Note        string         `toml:"note"`
	Source      string         `toml:"source"`
	Reviewed    toml.LocalDate `toml:"reviewed"`
	Make        Make           `toml:"make"`
	List        List           `toml:"list"`
	Discard     Discard        `toml:"discard"`
}

// Make is the call that makes one.
type Make struct {
	revoke.Request
	Done     []int  `toml:"done"`    // statuses
	Refused  []int  `toml:"refused"` // statuses by which none was made
	ID       string `toml:"id"`      // path
	Value    string `toml:"value"`   // path
	Encoding string `toml:"encoding"`
}

// List is the call that lists those that exist.
type List struct {
	revoke.Request
	Done  []int  `toml:"done"`
	Items string `toml:"items"` // path
	ID    string `toml:"id"`    // path in an item
	More  string `toml:"more"`  // path of what says that the list goes on
}

// Discard is the call that ends one.
type Discard struct {
	revoke.Request
	Done []int `toml:"done"`
	Gone []int `toml:"gone"`
}

// Issuers reads all, sorted by id.
var Issuers = sync.OnceValues(read)

func read() (all []*Issuer, err error) {
	names, err := fs.Glob(files, "issuers/*.toml")
	for _, name := range names {
		text, e := files.ReadFile(name)
		if e != nil {
			return nil, e
		}
		i, e := Parse(text)
		if e == nil && i.ID+".toml" != path.Base(name) {
			e = fmt.Errorf("the id %q is not the file's name", i.ID)
		}
		if e != nil {
			return nil, fmt.Errorf("%s: %w", name, e)
		}
		all = append(all, i)
	}
	return all, err
}

// Parse reads and checks one issuer. An unknown key is an error.
func Parse(text []byte) (*Issuer, error) {
	i := &Issuer{}
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(i)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return nil, fmt.Errorf("unknown key %s", strings.Join(strict.Errors[0].Key(), "."))
	}
	switch {
	case err != nil:
		return nil, err
	case i.ID == "" || i.Name == "" || len(i.Hosts) == 0 || len(i.Credentials) == 0 || i.Source == "" || i.Reviewed.Year == 0:
		return nil, errors.New("id, name, hosts, credentials, source and reviewed are needed")
	case i.Make.ID == "" || i.Make.Value == "" || len(i.Make.Done) == 0 || len(i.List.Done) == 0 || i.List.ID == "" || len(i.Discard.Done) == 0:
		return nil, errors.New("make, list and discard are needed whole")
	case i.Make.Encoding != "" && i.Make.Encoding != "base64" || i.Limit < 0:
		return nil, errors.New("encoding is base64 or nothing, and limit is not negative")
	}
	return i, nil
}

// Minter asks one issuer for one place.
type Minter struct {
	issuer *Issuer
	client *revoke.Client
	values map[string]secret.Secret
}

// New gives the minter of an issuer with the settings of a place and the
// credentials that were given, by "issuer.name".
func New(id string, client *revoke.Client, settings map[string]string, given map[string]secret.Secret) (*Minter, error) {
	all, err := Issuers()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(i *Issuer) bool { return i.ID == id })
	if at < 0 {
		return nil, fmt.Errorf("nobody mints %q", id)
	}
	m := &Minter{all[at], client, map[string]secret.Secret{}}
	for _, name := range m.issuer.Settings {
		if m.values[name] = secret.New(settings[name]); settings[name] == "" {
			return nil, fmt.Errorf("mint %s needs settings.%s of the store", id, name)
		}
	}
	for _, name := range m.issuer.Credentials {
		if m.values[name] = given[id+"."+name]; m.values[name].IsZero() {
			return nil, fmt.Errorf("mint %s needs [credentials.%s] %s", id, id, name)
		}
	}
	return m, nil
}

func (m *Minter) call(ctx context.Context, r revoke.Request, values map[string]secret.Secret) (revoke.Said, error) {
	return m.client.Call(ctx, m.issuer.ID, m.issuer.Hosts, r, values)
}

// Mint makes one.
func (m *Minter) Mint(ctx context.Context) (rotate.Minted, error) {
	said, err := m.call(ctx, m.issuer.Make.Request, m.values)
	switch {
	case err != nil:
		return rotate.Minted{}, err
	case slices.Contains(m.issuer.Make.Refused, said.Status):
		return rotate.Minted{}, fmt.Errorf("%w: %s makes none (status %d)", rotate.ErrDenied, m.issuer.ID, said.Status)
	case !slices.Contains(m.issuer.Make.Done, said.Status):
		return rotate.Minted{}, m.unclear(said)
	}
	made := rotate.Minted{ID: m.name(said.At(m.issuer.Make.ID)), Value: said.At(m.issuer.Make.Value)}
	if m.issuer.Make.Encoding == "base64" {
		text, err := base64.StdEncoding.DecodeString(made.Value.Reveal()) // it goes into a secret
		if err != nil {
			return rotate.Minted{}, m.unclear(said)
		}
		made.Value = secret.New(string(text))
	}
	if made.ID == "" || made.Value.IsZero() {
		return rotate.Minted{}, m.unclear(said)
	}
	return made, nil
}

// name is the last part of an id, which some issuers write as a path. An id is
// no secret.
func (m *Minter) name(id secret.Secret) string {
	text := id.Reveal()
	return text[strings.LastIndex(text, "/")+1:]
}

// List gives the ids of all that exist, or fails.
func (m *Minter) List(ctx context.Context) ([]string, error) {
	said, err := m.call(ctx, m.issuer.List.Request, m.values)
	if err == nil && (!slices.Contains(m.issuer.List.Done, said.Status) || said.Body.IsZero()) { // nothing is not an empty list
		err = m.unclear(said)
	}
	if err != nil {
		return nil, err
	}
	if more := said.At(m.issuer.List.More).Reveal(); m.issuer.List.More != "" && more != "" && more != "false" { // no secret
		return nil, fmt.Errorf("%s lists more than one page, which are too many to tell a new one from", m.issuer.ID)
	}
	ids := []string{}
	said.Each(m.issuer.List.Items, func(item revoke.Said) { ids = append(ids, m.name(item.At(m.issuer.List.ID))) })
	if slices.Contains(ids, "") {
		return nil, m.unclear(said)
	}
	return ids, nil
}

// Full says why the issuer would make no more, "" when it would.
func (m *Minter) Full(ids []string) string {
	if m.issuer.Limit == 0 || len(ids) < m.issuer.Limit {
		return ""
	}
	return fmt.Sprintf("%s allows %d, and there are %s: end one that nobody uses, or revoke the leaked one first", m.issuer.Name, m.issuer.Limit, strings.Join(ids, " and "))
}

// Discard ends one.
func (m *Minter) Discard(ctx context.Context, id string) error {
	values := map[string]secret.Secret{"target": secret.New(id)}
	for name, value := range m.values {
		values[name] = value
	}
	said, err := m.call(ctx, m.issuer.Discard.Request, values)
	if err == nil && !slices.Contains(m.issuer.Discard.Done, said.Status) && !slices.Contains(m.issuer.Discard.Gone, said.Status) {
		err = m.unclear(said)
	}
	return err
}

func (m *Minter) unclear(said revoke.Said) error {
	return fmt.Errorf("%s answered with status %d, which is no answer that it documents: %s", m.issuer.ID, said.Status, http.StatusText(said.Status))
}
