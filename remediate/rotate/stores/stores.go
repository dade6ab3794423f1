// Package stores writes new versions of values to the stores in which
// consumers read them. Each kind is one file and one line of a table, and the
// suite in storetest holds all of them to what their makers document.
//
// It asks only the hosts that the operator's file names or that are the store's
// own, by the client of package revoke, and decides nothing.
package stores

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
	"github.com/leakgate/leakgate/remediate/rotate/mint"
)

// World opens the places of an operator's file.
type World struct {
	Client *revoke.Client
	Env    func(string) string           // the environment, for credentials
	Given  map[string]secret.Secret      // what issuers are given, by "provider.need"
	Stdin  func() (secret.Secret, error) // a value that is handed in
	Now    func() time.Time              // time.Now when nil
	Token  func() string                 // a new name for a version; random when nil
}

// setup is what a store is opened with.
type setup struct {
	place  remediate.Place
	given  map[string]secret.Secret
	client *revoke.Client
	now    func() time.Time
	token  func() string
	search string // PATH, where programs are
}

// needs reports the first credential that is missing.
func (s setup) needs(names ...string) error {
	for _, name := range names {
		if s.given[name].IsZero() {
			return fmt.Errorf("store %s: credentials.%s is needed: a file, or env:NAME", s.place.Name, name)
		}
	}
	return nil
}

// entry is a kind and how a place of it is opened.
type entry struct {
	kind rotate.Kind
	open func(setup) (rotate.Store, error)
}

// table is every kind.
var table = []entry{
	{vaultKind, newVault},
	{awsSecretKind, newAWSSecret},
	{awsParameterKind, newAWSParameter},
	{gcpKind, newGCP},
	{azureKind, newAzure},
	{dopplerKind, newDoppler},
	{infisicalKind, newInfisical},
	{onePasswordKind, newOnePassword},
	{sopsKind, newSOPS},
	{sealedKind, newSealed},
}

// Kinds lists what is known of all kinds of stores.
func Kinds() (list []rotate.Kind) {
	for _, e := range table {
		list = append(list, e.kind)
	}
	return list
}

func find(id string) (entry, bool) {
	i := slices.IndexFunc(table, func(e entry) bool { return e.kind.ID == id })
	if i < 0 {
		return entry{}, false
	}
	return table[i], true
}

// Kind is what is known of a kind.
func (World) Kind(id string) (rotate.Kind, bool) {
	e, ok := find(id)
	return e.kind, ok
}

// Store opens a place.
func (w World) Store(p remediate.Place) (rotate.Store, error) {
	given, err := p.Given(w.Env)
	if err != nil {
		return nil, err
	}
	now := w.Now
	if now == nil {
		now = time.Now
	}
	token := w.Token
	if token == nil {
		token = newToken
	}
	e, ok := find(p.Kind)
	if !ok {
		return nil, fmt.Errorf("store %s: there is no kind %q", p.Name, p.Kind)
	}
	store, err := e.open(setup{p, given, w.Client, now, token, w.Env("PATH")})
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", p.Name, err)
	}
	return store, nil
}

// Minter makes the new values of a place.
func (w World) Minter(p remediate.Place) (rotate.Minter, error) {
	m, err := w.minter(p)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", p.Name, err)
	}
	return m, nil
}

func (w World) minter(p remediate.Place) (rotate.Minter, error) {
	switch {
	case p.Mint == "" || p.Mint == "generate":
		return rotate.NewRandom(p.Length, p.Alphabet)
	case p.Length != 0 || p.Alphabet != "":
		return nil, errors.New("length and alphabet are of generated values")
	case p.Mint == "stdin":
		return rotate.Handed{Read: w.Stdin}, nil
	case slices.Contains(Mints(), p.Mint):
		return mint.New(p.Mint, w.Client, p.Settings, w.Given)
	}
	return nil, fmt.Errorf("mint is generate, stdin, or one of %s, not %q", strings.Join(Mints(), ", "), p.Mint)
}

// Mints are the kinds of credentials whose issuers make new ones.
func Mints() (ids []string) {
	all, err := mint.Issuers()
	if err != nil {
		return nil // a test says that they parse
	}
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return ids
}
