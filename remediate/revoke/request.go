package revoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// build makes the request of a step. It never speaks of the address in an
// error, which may hold a value.
func (p *Provider) build(ctx context.Context, r Request, v vars) (*http.Request, error) {
	address, err := v.url(r.URL)
	if err != nil {
		return nil, err
	}
	body, kind, err := r.body(v)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address does not parse")
	}
	if err := p.allowed(req.URL, v); err != nil {
		return nil, err
	}
	if err := r.dress(req, kind, v); err != nil {
		return nil, err
	}
	return req, r.Sign.apply(req, body, v)
}

// body is what is sent, and of which type.
func (r Request) body(v vars) (body []byte, kind string, err error) {
	switch {
	case r.Form != nil:
		form := url.Values{}
		for _, key := range sortedKeys(r.Form) {
			value, err := v.expand(r.Form[key], asIs)
			if err != nil {
				return nil, "", err
			}
			form.Set(key, value)
		}
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	case r.JSON != nil:
		tree, err := v.tree(r.JSON)
		if err != nil {
			return nil, "", err
		}
		body, err = json.Marshal(tree)
		return body, "application/json", err
	default:
		return nil, "", nil
	}
}

func (r Request) dress(req *http.Request, kind string, v vars) error {
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if r.Format == "" || r.Format == "json" {
		req.Header.Set("Accept", "application/json")
	}
	for _, key := range sortedKeys(r.Headers) {
		value, err := v.expand(r.Headers[key], inHeader)
		if err != nil {
			return err
		}
		req.Header.Set(key, value)
	}
	if len(r.Basic) == 2 {
		user, err := v.expand(r.Basic[0], inHeader)
		if err != nil {
			return err
		}
		password, err := v.expand(r.Basic[1], inHeader)
		if err != nil {
			return err
		}
		req.SetBasicAuth(user, password)
	}
	return nil
}

// allowed holds the request to the provider's list of hosts.
func (p *Provider) allowed(address *url.URL, v vars) error {
	for _, host := range p.Hosts {
		name, err := v.expand(host, inHost)
		if err == nil && strings.EqualFold(name, address.Host) {
			return nil
		}
	}
	return fmt.Errorf("the host %q is not one of %s", address.Host, p.ID)
}

// templates lists all that a request is made of.
func (r Request) templates() []string {
	list := slices.Concat([]string{r.URL}, r.Basic, r.SQL)
	for _, key := range sortedKeys(r.Headers) {
		list = append(list, r.Headers[key])
	}
	for _, key := range sortedKeys(r.Form) {
		list = append(list, r.Form[key])
	}
	if r.Sign != nil {
		list = append(list, r.Sign.KeyID, r.Sign.Key, r.Sign.Session, r.Sign.Region)
	}
	return append(list, leaves(r.JSON)...)
}

func leaves(node any) (list []string) {
	switch n := node.(type) {
	case string:
		return []string{n}
	case []any:
		for _, item := range n {
			list = append(list, leaves(item)...)
		}
	case map[string]any:
		for _, key := range sortedKeys(n) {
			list = append(list, leaves(n[key])...)
		}
	}
	return list
}
