package hub

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/leakgate/leakgate/internal/secret"
)

// Key signs for the App. It is a file, a key in Vault, or whatever a key management
// service does: only digests go in, and the key itself need never be here.
type Key interface {
	// Sign signs a SHA-256 digest by RSA with PKCS #1 v1.5. It may be called at the same
	// time by many.
	Sign(ctx context.Context, digest []byte) ([]byte, error)
}

// FileKey reads a private key as GitHub gives it out, in PEM. A file that others can
// read is refused.
func FileKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the App's private key: %w", err)
	}
	if err := secret.Private(info); err != nil {
		return nil, fmt.Errorf("the App's private key %s %w", path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the App's private key: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("the App's private key %s: %w", path, err)
	}
	return key, nil
}

// ParseKey reads a private key in PEM, PKCS #1 or PKCS #8.
func ParseKey(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it holds no key in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return rsaKey{key}, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(*rsa.PrivateKey); err == nil && ok {
		return rsaKey{key}, nil
	}
	return nil, errors.New("it holds no RSA key: download one from the App's settings page")
}

type rsaKey struct{ key *rsa.PrivateKey }

func (k rsaKey) Sign(_ context.Context, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, digest)
}

// String hides the key.
func (k rsaKey) String() string { return "[redacted]" }

// Format hides the key from every verb of fmt.
func (k rsaKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// signTimeout is for a signature from a service. ghinstallation hands on no context.
const signTimeout = 15 * time.Second

// signer makes the JWT of the App: ghinstallation's claims, in GitHub's time.
type signer struct {
	key  Key
	skew *skew
}

// Sign is that of ghinstallation.Signer.
func (s signer) Sign(claims jwt.Claims) (string, error) {
	registered, ok := claims.(*jwt.RegisteredClaims)
	if !ok {
		return "", fmt.Errorf("sign: unknown claims %T", claims)
	}
	iss, ahead := *registered, s.skew.get()
	iss.IssuedAt = jwt.NewNumericDate(s.skew.now().Add(-ahead - time.Minute).Truncate(time.Second))
	iss.ExpiresAt = jwt.NewNumericDate(iss.IssuedAt.Add(5 * time.Minute))
	body, err := json.Marshal(iss)
	if err != nil {
		return "", err
	}
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(body)
	ctx, cancel := context.WithTimeout(context.Background(), signTimeout)
	defer cancel()
	digest := sha256.Sum256([]byte(text))
	signature, err := s.key.Sign(ctx, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign for the App: %w", err)
	}
	return text + "." + encode(signature), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
