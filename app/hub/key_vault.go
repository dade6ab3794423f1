package hub

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// VaultKey is a key in the transit engine of a Vault or OpenBao, of the type rsa-2048 or
// larger: it signs there and never leaves. Imported keys do as well as made ones.
// https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data
type VaultKey struct {
	Address   string // https://vault.example.com:8200
	Mount     string // of the engine; by default transit
	Name      string // of the key
	Namespace string // "" for none
	// Token gives the token of Vault for one request: it may have been renewed since.
	Token  func() (secret.Secret, error)
	Client *http.Client // by default one without redirects
}

// vaultName is a part of a path of Vault.
var vaultName = regexp.MustCompile(`^[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*$`)

// maxAnswer is more than any answer of Vault about one signature.
const maxAnswer = 64 << 10

// Check says what is wrong with the settings, without asking Vault.
func (v VaultKey) Check() error {
	u, err := url.Parse(v.Address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
		return errors.New("the address of Vault is that of its server, as in https://vault.example.com:8200")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return errors.New("the way to Vault is https only: its token travels with every request")
	case !vaultName.MatchString(v.mount()) || !vaultName.MatchString(v.Name) || strings.Contains(v.Name+v.mount(), ".."):
		return errors.New("the key in Vault is named by the mount of the transit engine and by its own name")
	case v.Token == nil:
		return errors.New("there is no token for Vault")
	}
	return nil
}

func (v VaultKey) mount() string {
	if v.Mount == "" {
		return "transit"
	}
	return strings.Trim(v.Mount, "/")
}

// Sign has Vault sign a digest.
func (v VaultKey) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	token, err := v.Token()
	if err != nil {
		return nil, fmt.Errorf("the token for Vault: %w", err)
	}
	body, err := json.Marshal(map[string]any{
		"input": base64.StdEncoding.EncodeToString(digest), "prehashed": true, "signature_algorithm": "pkcs1v15",
	})
	if err != nil {
		return nil, err
	}
	address := strings.TrimRight(v.Address, "/") + "/v1/" + v.mount() + "/sign/" + v.Name + "/sha2-256"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", token.Reveal()) // to Vault, whose token it is
	if v.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.Namespace)
	}
	resp, err := v.client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask Vault to sign: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask Vault to sign: %w", err)
	}
	if resp.StatusCode != http.StatusOK { // its text may repeat what it was sent
		return nil, fmt.Errorf("ask Vault to sign: status %d%s", resp.StatusCode, map[int]string{
			http.StatusForbidden: fmt.Sprintf(": its token needs update on %s/sign/%s/sha2-256", v.mount(), v.Name), http.StatusNotFound: ": there is no such key",
			http.StatusBadRequest: ": the key is no RSA key", http.StatusServiceUnavailable: ": it is sealed",
		}[resp.StatusCode])
	}
	return signature(text)
}

// signature is what stands in vault:v1:BASE64.
func signature(text []byte) ([]byte, error) {
	var answer struct {
		Data struct {
			Signature string `json:"signature"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, errors.New("ask Vault to sign: its answer is not JSON")
	}
	parts := strings.Split(answer.Data.Signature, ":")
	if len(parts) != 3 || parts[0] != "vault" {
		return nil, errors.New("ask Vault to sign: its answer has no signature")
	}
	out, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(out) < 256 {
		return nil, errors.New("ask Vault to sign: the signature is not that of an RSA key of 2048 bits or more")
	}
	return out, nil
}

func (v VaultKey) client() *http.Client {
	if v.Client != nil {
		return v.Client
	}
	return &http.Client{Timeout: signTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
