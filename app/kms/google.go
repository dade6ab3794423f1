package kms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// google is a version of a key of Google Cloud KMS whose algorithm is one of
// RSA_SIGN_PKCS1_…_SHA256. https://cloud.google.com/kms/docs/algorithms
type googleKey struct {
	client *http.Client // which adds the token
	base   string
	name   string
}

// googleAPI is where the service is asked; googleScope is what for.
const (
	googleAPI   = "https://cloudkms.googleapis.com/v1/"
	googleScope = "https://www.googleapis.com/auth/cloudkms"
)

func openGoogle(ctx context.Context, name string) (signer, error) {
	// The tokens outlive the opening: they are renewed when one ends.
	tokens, err := google.DefaultTokenSource(context.WithoutCancel(ctx), googleScope)
	if err != nil {
		return nil, fmt.Errorf("read the credentials of Google Cloud: %w", err)
	}
	return newGoogle(tokens, googleAPI, name), nil
}

func newGoogle(tokens oauth2.TokenSource, base, name string) googleKey {
	client := oauth2.NewClient(context.Background(), tokens)
	client.Timeout = Timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return googleKey{client, base, name}
}

// signed is what Google answers. https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions/asymmetricSign
type signed struct {
	Name      string `json:"name"`
	Signature []byte `json:"signature"`
}

func (g googleKey) sign(ctx context.Context, digest []byte) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"digest": map[string][]byte{"sha256": digest}})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+g.name+":asymmetricSign", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d%s", resp.StatusCode, map[int]string{
			http.StatusForbidden:  ": whoever asks needs cloudkms.cryptoKeyVersions.useToSign (roles/cloudkms.signer)",
			http.StatusNotFound:   ": there is no such version of a key",
			http.StatusBadRequest: ": the version is none of RSA_SIGN_PKCS1_…_SHA256, or is not enabled",
		}[resp.StatusCode])
	}
	var answer signed
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, errors.New("its answer is not JSON")
	}
	if answer.Name != g.name {
		return nil, errors.New("its answer is of another key")
	}
	return answer.Signature, nil
}
