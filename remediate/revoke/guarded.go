package revoke

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/leakgate/leakgate/internal/secret"
)

// maxGuarded is the longest answer that [Client.Guarded] hands out, in bytes.
const maxGuarded = 16 << 20

// Guarded is a client for questions that no provider's data describes, with the
// same guards: https, exactly these hosts, judged addresses, no redirects, no
// proxy, bounded answers. Its errors may hold the address that was asked.
func (c *Client) Guarded(hosts ...string) *http.Client {
	client := *c.http()
	client.Transport = guarded{client.Transport, hosts}
	return &client
}

type guarded struct {
	next  http.RoundTripper
	hosts []string
}

func (g guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !slices.ContainsFunc(g.hosts, func(h string) bool { return strings.EqualFold(h, req.URL.Host) }) {
		return nil, errors.New("refused to connect: the host is not one that may be asked, by https")
	}
	if req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", "leakgate")
	}
	res, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &bounded{res.Body, maxGuarded}
	return res, nil
}

// bounded fails instead of ending early, so that half a list is no list.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return n, fmt.Errorf("an answer of more than %d bytes", maxGuarded)
	}
	return n, err
}

// SignAWS signs a request with a body as AWS wants it (Signature Version 4).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
func SignAWS(req *http.Request, body []byte, service, region string, keyID, key secret.Secret, at time.Time) error {
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: keyID.Reveal(), SecretAccessKey: key.Reveal()} // the signer's own copy
	if err := v4.NewSigner().SignHTTP(req.Context(), credentials, req, hex.EncodeToString(sum[:]), service, region, at); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	return nil
}
