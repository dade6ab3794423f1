package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Object is a Kubernetes object as JSON decodes it.
type Object = map[string]any

// Client speaks to the API server as one identity. It sends what it is given and
// nothing else, so that a test decides each byte.
type Client struct {
	url    string
	http   *http.Client
	header http.Header
}

// Request is one call. Body may be []byte, string (both sent as they are) or
// anything that encodes as JSON.
type Request struct {
	Method, Path string
	ContentType  string // application/json when empty
	Body         any
}

// Answer is what the server said, when it did not refuse.
type Answer struct {
	Body     []byte
	Object   Object   // the body, when it is a JSON object
	Warnings []string // of admission and of the server
}

// StatusError is a refusal by the server; Message is what its user reads.
type StatusError struct {
	Code            int
	Reason, Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Message) }

// Admin is the cluster's administrator, of the group system:masters.
func (c *Cluster) Admin() *Client { return c.WithToken(c.admin) }

// WithToken is whoever the token belongs to.
func (c *Cluster) WithToken(token string) *Client {
	return c.client(nil, http.Header{"Authorization": {"Bearer " + token}})
}

// WithCertificate is a user by certificate, with any name that the test wants.
func (c *Cluster) WithCertificate(user string, groups ...string) (*Client, error) {
	pair, err := c.authority.pair(certificate(user, groups))
	if err != nil {
		return nil, err
	}
	return c.client([]tls.Certificate{pair}, http.Header{}), nil
}

func (c *Cluster) client(pairs []tls.Certificate, header http.Header) *Client {
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: c.authority.pool(), Certificates: pairs},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
	}
	return &Client{url: c.URL, header: header, http: &http.Client{Transport: transport, Timeout: 5 * time.Minute}}
}

// As is the same client, impersonating. Further headers, as Impersonate-Uid or
// Impersonate-Extra-NAME, are set with With.
func (c *Client) As(user string, groups ...string) *Client {
	with := c.With("Impersonate-User", user)
	for _, group := range groups {
		with.header.Add("Impersonate-Group", group)
	}
	return with
}

// With is the same client with one header more, which may have several values.
func (c *Client) With(name string, values ...string) *Client {
	header := c.header.Clone()
	header.Del(name)
	for _, value := range values {
		header.Add(name, value)
	}
	return &Client{url: c.url, http: c.http, header: header}
}

// Do makes one call. What the server refuses is a *StatusError.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	body, err := encode(r.Body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.url+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = c.header.Clone()
	req.Header.Set("Accept", "application/json")
	if r.Body != nil {
		req.Header.Set("Content-Type", orJSON(r.ContentType))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return read(resp)
}

// Create posts to a collection, as /api/v1/namespaces/a/secrets.
func (c *Client) Create(ctx context.Context, collection string, object any) (Object, error) {
	return c.object(ctx, Request{Method: "POST", Path: collection, Body: object})
}

// Get reads an object, as /api/v1/namespaces/a/secrets/b.
func (c *Client) Get(ctx context.Context, path string) (Object, error) {
	return c.object(ctx, Request{Method: "GET", Path: path})
}

// Merge applies a JSON merge patch.
func (c *Client) Merge(ctx context.Context, path string, patch any) (Object, error) {
	return c.object(ctx, Request{Method: "PATCH", Path: path, ContentType: "application/merge-patch+json", Body: patch})
}

// Delete removes an object or, by the path of its collection, all of them.
func (c *Client) Delete(ctx context.Context, path string) error {
	_, err := c.Do(ctx, Request{Method: "DELETE", Path: path})
	return err
}

func (c *Client) object(ctx context.Context, r Request) (Object, error) {
	answer, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return answer.Object, nil
}

func read(resp *http.Response) (*Answer, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	answer := &Answer{Body: body}
	_ = json.Unmarshal(body, &answer.Object) // /readyz and the like answer in words
	for _, warning := range resp.Header.Values("Warning") {
		answer.Warnings = append(answer.Warnings, warningText(warning))
	}
	if resp.StatusCode < 300 {
		return answer, nil
	}
	status := &StatusError{Code: resp.StatusCode, Message: strings.TrimSpace(string(body))}
	if answer.Object["kind"] == "Status" {
		status.Reason, _ = answer.Object["reason"].(string)
		status.Message, _ = answer.Object["message"].(string)
	}
	return answer, status
}

// warningText is the text of a header like: 299 - "unknown field \"sops\"".
func warningText(header string) string {
	_, text, _ := strings.Cut(header, ` "`)
	return strings.ReplaceAll(strings.TrimSuffix(text, `"`), `\"`, `"`)
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return body, nil
	case string:
		return []byte(body), nil
	}
	return json.Marshal(body)
}

func orJSON(contentType string) string {
	if contentType == "" {
		return "application/json"
	}
	return contentType
}
