package revoke

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/leakgate/leakgate/internal/secret"
)

// Said is what a host answered. The body may hold values.
type Said struct {
	Status int
	Header http.Header
	Body   secret.Secret
	Wait   time.Duration // how long the host asks to wait; 0 when it does not say
	tree   any
}

// At is the scalar at a path of names and indexes, as in "data.0.id", "" for none.
func (s Said) At(path string) secret.Secret { return secret.New(word(at(s.tree, path))) }

// Each visits the documents of the list at a path. XML does not tell a list of
// one from what is in it.
func (s Said) Each(path string, visit func(Said)) {
	switch node := at(s.tree, path).(type) {
	case []any:
		for _, item := range node {
			visit(Said{tree: item})
		}
	case map[string]any:
		visit(Said{tree: node})
	}
}

// Exchange makes one call to one host under the client's rules: https, that
// host and no other, no redirect, a bounded answer in JSON. Too many calls, an
// outage, a redirect and a page of HTML are errors; none holds an address.
func (c *Client) Exchange(req *http.Request, host string) (Said, error) {
	if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Host, host) {
		return Said{}, fmt.Errorf("only https://%s is asked", host)
	}
	r, err := c.exchange(&Provider{ID: host}, req, "json")
	if r == nil {
		return Said{}, err
	}
	return said(r), err
}

func said(r *reply) Said {
	return Said{Status: r.status, Header: r.header, Body: secret.New(r.text), Wait: r.wait, tree: r.tree}
}

// Call makes one call from templates, which may name the values, to one of the
// hosts, under the rules of [Client.Exchange].
func (c *Client) Call(ctx context.Context, id string, hosts []string, r Request, values map[string]secret.Secret) (Said, error) {
	p := &Provider{ID: id, Hosts: hosts}
	req, err := p.build(ctx, r, values)
	if err != nil {
		return Said{}, errors.New(p.hide(err.Error(), values))
	}
	got, err := c.exchange(p, req, r.Format)
	if got == nil {
		return Said{}, err
	}
	return said(got), err
}

// AWSKey signs requests to AWS.
type AWSKey struct {
	ID      string
	Secret  secret.Secret
	Session secret.Secret // of temporary credentials
}

// Sign signs a request as AWS wants it, for one service in one region.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
func (k AWSKey) Sign(req *http.Request, body []byte, service, region string, now time.Time) error {
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret.Reveal(), SessionToken: k.Session.Reveal()} // the signer makes a signature of them
	if err := v4.NewSigner().SignHTTP(req.Context(), credentials, req, hex.EncodeToString(sum[:]), service, region, now); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	return nil
}
