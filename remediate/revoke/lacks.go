package revoke

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
)

// Lacks names the needs of the provider's check, of its list and of a deed that
// were not given and have no default.
func (p *Provider) Lacks(d Deed, given map[string]secret.Secret) (lacking []Need) {
	asked := slices.Clone(derivations[p.Derive].needs)
	if p.Check != nil {
		asked = append(asked, namesOf(p.Check.Request)...)
	}
	if p.Find != nil {
		asked = append(asked, namesOf(p.Find.Request)...)
	}
	if action := p.action(d); action != nil {
		asked = append(asked, namesOf(action.Request)...)
	}
	for _, n := range p.Needs {
		if slices.Contains(asked, n.Name) && n.Default == "" && given[n.Name].IsZero() {
			lacking = append(lacking, n)
		}
	}
	return lacking
}

// Fits reports why the requests for a value cannot be made of what was given, as
// when a certificate does not belong to a key.
func (p *Provider) Fits(in Input) error {
	v, err := p.vars(in)
	if err != nil && v != nil {
		return fmt.Errorf("%s", p.hide(err.Error(), v))
	}
	return err
}

func namesOf(r Request) (all []string) {
	for _, template := range r.templates() {
		all = append(all, names(template)...)
	}
	return all
}

// Digest stands for all that the provider's data says. A plan names it, so that
// what was approved is what is done.
func (p *Provider) Digest() (string, error) {
	text, err := toml.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("digest of %s: %w", p.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
