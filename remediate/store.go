package remediate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Place is where consumers read a value, as the operator's file says: one key
// of one document in one store.
type Place struct {
	Name    string `toml:"name"`    // by which plans call it
	Kind    string `toml:"kind"`    // of the store
	Address string `toml:"address"` // https address of the store, where it has one of its own
	Path    string `toml:"path"`    // of the document in the store, or of the file
	Key     string `toml:"key"`     // of the value in the document; "" when the document is the value
	IDKey   string `toml:"id_key"`  // where the id of a minted value goes; "" for nowhere
	// Mint makes a new value: generate when "", stdin, or a kind of credential whose issuer is asked.
	Mint     string `toml:"mint"`
	Length   int    `toml:"length"`   // of a generated value, in characters
	Alphabet string `toml:"alphabet"` // of a generated value
	// Grace is how long the old version stays; a week when it is not given.
	Grace *revoke.Duration `toml:"grace"`
	// Proof is a command that ends with 0 when consumers use the value on its
	// standard input; nobody is asked when it is empty.
	Proof []string `toml:"proof"`
	// Settings are what the kind of store needs and is no secret.
	Settings map[string]string `toml:"settings"`
	// Credentials are what it needs of an administrator: files that only their
	// owner may read, or env:NAME.
	Credentials map[string]string `toml:"credentials"`
}

// week is how long an old version stays when nobody says otherwise.
const week = 7 * 24 * time.Hour

// Patience is how long the old version stays.
func (p Place) Patience() time.Duration {
	if p.Grace == nil {
		return week
	}
	return time.Duration(*p.Grace)
}

// Where names the place for people.
func (p Place) Where() string {
	where := p.Kind + " " + p.Path
	if p.Key != "" {
		where += "#" + p.Key
	}
	return where
}

// Digest stands for all that is configured of the place.
func (p Place) Digest() (string, error) {
	text, err := json.Marshal(p)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// Given reads the credentials of the place; env tells a variable of the environment.
func (p Place) Given(env func(string) string) (map[string]secret.Secret, error) {
	given := map[string]secret.Secret{}
	for name, from := range p.Credentials {
		if variable, ok := strings.CutPrefix(from, "env:"); ok {
			if given[name] = secret.New(env(variable)); given[name].IsZero() {
				return nil, fmt.Errorf("store %s: credential %s: the variable %s is empty", p.Name, name, variable)
			}
			continue
		}
		value, err := readPrivate(from)
		if err != nil {
			return nil, fmt.Errorf("store %s: credential %s: %w", p.Name, name, err)
		}
		given[name] = value
	}
	return given, nil
}

// Place is the place of that name, or nil.
func (p Policy) Place(name string) *Place {
	for i := range p.Stores {
		if p.Stores[i].Name == name {
			return &p.Stores[i]
		}
	}
	return nil
}

// places refuses places of which nobody could say which is meant.
func (p Policy) places() error {
	known := map[string]bool{}
	for _, place := range p.Stores {
		switch {
		case place.Name == "" || place.Kind == "" || place.Path == "":
			return errors.New("store: name, kind and path are needed")
		case known[place.Name]:
			return fmt.Errorf("store %q is there twice", place.Name)
		case place.Grace != nil && *place.Grace < 0 || place.Length < 0:
			return fmt.Errorf("store %q: grace and length are not negative", place.Name)
		case len(place.Proof) > 0 && filepath.Base(place.Proof[0]) != place.Proof[0] && !filepath.IsAbs(place.Proof[0]): // one beside a repository could be anybody's
			return fmt.Errorf("store %q: the command in proof is a name, or a whole path from the root on", place.Name)
		}
		known[place.Name] = true
	}
	return nil
}
