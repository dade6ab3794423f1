package revoke

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// Runbook is what a person does about a kind that no call can revoke (class M).
type Runbook struct {
	Rules    []string       `toml:"rules"`
	Name     string         `toml:"name"`
	Steps    []string       `toml:"steps"`  // in the issuer's console, in order
	Verify   string         `toml:"verify"` // how to see that it is dead
	Look     string         `toml:"look"`   // where its use since the leak shows
	Breaks   string         `toml:"breaks"` // what stops working
	Why      string         `toml:"why"`    // why no call does it
	Link     string         `toml:"link"`
	Reviewed toml.LocalDate `toml:"reviewed"`
	Evidence Evidence       `toml:"evidence"`
}

func parseRunbooks(text []byte) ([]*Runbook, error) {
	var file struct {
		Reviewed toml.LocalDate `toml:"reviewed"`
		Evidence Evidence       `toml:"evidence"`
		Runbook  []*Runbook     `toml:"runbook"`
	}
	if err := decode(text, &file); err != nil {
		return nil, err
	}
	var err error
	for _, b := range file.Runbook {
		if b.Reviewed.Year == 0 {
			b.Reviewed = file.Reviewed
		}
		if b.Evidence == "" {
			b.Evidence = file.Evidence
		}
		if e := b.validate(); e != nil {
			err = errors.Join(err, fmt.Errorf("runbook %q: %w", b.Name, e))
		}
	}
	return file.Runbook, err
}

func (b *Runbook) validate() error {
	link, err := url.Parse(b.Link)
	switch {
	case b.Name == "" || len(b.Rules) == 0 || len(b.Steps) == 0:
		return errors.New("name, rules and steps are needed")
	case b.Verify == "" || b.Look == "" || b.Breaks == "":
		return errors.New("verify, look and breaks are needed")
	case err != nil || link.Scheme != "https" || link.Host == "":
		return errors.New("link is not an https address")
	case b.Reviewed.Year == 0 || b.Evidence == "":
		return errors.New("reviewed and evidence are needed")
	}
	return nil
}

func contains(list []string, text string) bool { return slices.Contains(list, text) }
