package revoke

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

//go:embed providers/*.toml runbooks/*.toml
var files embed.FS

// Catalogue is every provider and every runbook.
type Catalogue struct {
	Providers []*Provider // sorted by ID
	Runbooks  []*Runbook  // sorted by Name
}

// Default is the built-in catalogue. It is made once and shared: it must not change.
var Default = sync.OnceValues(readDefault)

func readDefault() (*Catalogue, error) {
	c := &Catalogue{}
	err := eachFile("providers", func(name string, text []byte) error {
		p, err := ParseProvider(text)
		if err == nil && p.ID+".toml" != path.Base(name) {
			err = fmt.Errorf("the id %q is not the file's name", p.ID)
		}
		c.Providers = append(c.Providers, p)
		return err
	})
	err = errors.Join(err, eachFile("runbooks", func(_ string, text []byte) error {
		books, err := parseRunbooks(text)
		c.Runbooks = append(c.Runbooks, books...)
		return err
	}))
	if err != nil {
		return nil, err
	}
	sort.Slice(c.Runbooks, func(i, j int) bool { return c.Runbooks[i].Name < c.Runbooks[j].Name })
	return c, nil
}

func eachFile(folder string, do func(name string, text []byte) error) error {
	list, err := fs.Glob(files, folder+"/*.toml")
	for _, name := range list {
		text, e := files.ReadFile(name)
		if e == nil {
			e = do(name, text)
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	return err
}

// ParseProvider reads and checks one provider. An unknown key is an error.
func ParseProvider(text []byte) (*Provider, error) {
	p := &Provider{}
	if err := decode(text, p); err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	return p, nil
}

func decode(text []byte, into any) error {
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(into)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return fmt.Errorf("unknown key %s", strings.Join(strict.Errors[0].Key(), "."))
	}
	return err
}

// Provider is the provider of that id, or nil.
func (c *Catalogue) Provider(id string) *Provider {
	for _, p := range c.Providers {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// ForRule lists the providers for values of a rule, those that need the least first.
func (c *Catalogue) ForRule(rule string) (list []*Provider) {
	for _, class := range []Class{ClassU, ClassS, ClassA} {
		for _, p := range c.Providers {
			if p.Class == class && contains(p.Rules, rule) {
				list = append(list, p)
			}
		}
	}
	return list
}

// Runbook is what a person does about values of a rule, or nil.
func (c *Catalogue) Runbook(rule string) *Runbook {
	for _, b := range c.Runbooks {
		if contains(b.Rules, rule) {
			return b
		}
	}
	return nil
}
