package revoke

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// vars collects what the provider's templates may name.
func (p *Provider) vars(in Input) (vars, error) {
	v := vars{"secret": in.Secret}
	if in.Secret.IsZero() {
		return nil, fmt.Errorf("no value to ask %s about", p.ID)
	}
	if p.value != nil {
		m := p.value.FindStringSubmatch(in.Secret.Reveal()) // a provider's ids are parts of the value
		if m == nil {
			return nil, fmt.Errorf("the value is not of the kind %s", p.ID)
		}
		for i, name := range p.value.SubexpNames() {
			if name != "" && m[i] != "" {
				v[name] = secret.New(m[i])
			}
		}
	}
	for _, n := range p.Needs {
		value, err := n.choose(in.Given[n.Name])
		if err != nil {
			return nil, err
		}
		v[n.Name] = value
	}
	if p.Derive == "" {
		return v, nil
	}
	return v, derivations[p.Derive].make(v)
}

// choose is the given value, or the setting's default.
func (n Need) choose(given secret.Secret) (secret.Secret, error) {
	if given.IsZero() {
		return secret.New(n.Default), nil
	}
	if len(n.Choices) > 0 && !slices.Contains(n.Choices, given.Reveal()) { // a setting is no secret
		return given, fmt.Errorf("%s is one of %s", n.Name, strings.Join(n.Choices, ", "))
	}
	return given, nil
}

// with is v and more names.
func (v vars) with(more vars) vars {
	all := vars{}
	for name, value := range v {
		all[name] = value
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

// missing names the first need of the request that was not given.
func (p *Provider) missing(r Request, v vars) error {
	for _, template := range r.templates() {
		for _, name := range names(template) {
			i := slices.IndexFunc(p.Needs, func(n Need) bool { return n.Name == name })
			if i >= 0 && v[name].IsZero() {
				return fmt.Errorf("%s is needed: %s", name, p.Needs[i].Help)
			}
		}
	}
	return nil
}

// hide makes text fit to be shown: without any value, on one line, of bounded length.
func (p *Provider) hide(text string, v vars) string {
	var r secret.Redactor
	for name, value := range v {
		if !p.public(name) && !p.alsoPublic(value, v) {
			r.Add(value)
		}
	}
	line := []rune(strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return ' '
		}
		return c
	}, r.Redact(text)))
	return string(line[:min(len(line), 300)])
}

// alsoPublic reports whether a public part is the whole value, as of a key id
// whose secret stands beside it.
func (p *Provider) alsoPublic(value secret.Secret, v vars) bool {
	return slices.ContainsFunc(p.Public, func(name string) bool { return v[name].Equal(value) })
}

// public reports whether a name's value may be shown.
func (p *Provider) public(name string) bool {
	if own, ok := strings.CutPrefix(name, "own."); ok {
		return p.Check == nil || p.Check.Own[own] == nil || !p.Check.Own[own].Secret
	}
	for _, n := range p.Needs {
		if n.Name == name {
			return !n.Secret()
		}
	}
	return name == "target" || name == "found.id" || slices.Contains(p.Public, name) || slices.Contains(derivations[p.Derive].public, name)
}
