package revoke

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
)

// parseSigner reads a private key in PKCS #8, PKCS #1 or SEC 1.
func parseSigner(text string) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the value is no private key in PEM")
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errors.New("the value is no private key that signs")
}

// revokeByKey asks a certificate authority to revoke a certificate, signed with
// the certificate's own key (https://www.rfc-editor.org/rfc/rfc8555#section-7.6).
func (c *Client) revokeByKey(ctx context.Context, p *Provider, action *Action, v vars) (*reply, error) {
	directory, err := v.url(action.URL)
	if err != nil {
		return nil, err
	}
	key, err := parseSigner(v["secret"].Reveal())
	if err != nil {
		return nil, err
	}
	client := &acme.Client{
		DirectoryURL: directory, UserAgent: "leakgate",
		HTTPClient:   &http.Client{Transport: &hostsOnly{c.http(), p, v}, Timeout: c.http().Timeout, CheckRedirect: c.http().CheckRedirect},
		RetryBackoff: func(int, *http.Request, *http.Response) time.Duration { return -1 }, // one call
	}
	err = client.RevokeCert(ctx, key, []byte(v["certificate_der"].Reveal()), acme.CRLReasonKeyCompromise)
	if err == nil {
		return &reply{status: http.StatusOK}, nil
	}
	fault, ok := errors.AsType[*acme.Error](err)
	if !ok {
		return nil, errors.New("the certificate authority did not answer as RFC 8555 says") // the error may hold what it sent
	}
	r := &reply{status: fault.StatusCode, text: fault.ProblemType, header: fault.Header, wait: c.retryAfter(fault.Header)}
	if fault.StatusCode == http.StatusTooManyRequests || fault.StatusCode >= 500 {
		return r, fmt.Errorf("%s asks for patience or is out of order (status %d)", p.ID, fault.StatusCode)
	}
	return r, nil
}

// hostsOnly holds what a library sends to the hosts of a provider, and what it
// reads to a size.
type hostsOnly struct {
	client *http.Client
	p      *Provider
	v      vars
}

func (h *hostsOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := h.p.allowed(req.URL, h.v); err != nil || req.URL.Scheme != "https" {
		return nil, errors.New("the certificate authority names an address that is not its own")
	}
	res, err := h.client.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	res.Body.Close()
	switch {
	case err != nil:
	case len(body) > maxAnswer:
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	case req.Method == http.MethodPost && res.StatusCode == http.StatusOK && len(bytes.TrimSpace(body)) > 0:
		err = errors.New("a document where RFC 8555 has none") // of something in between
	}
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}
