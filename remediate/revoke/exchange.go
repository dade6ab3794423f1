package revoke

import (
	"crypto/sha256"
	"encoding/hex"
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
	return Said{Status: r.status, Header: r.header, Body: secret.New(r.text), Wait: r.wait}, err
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
