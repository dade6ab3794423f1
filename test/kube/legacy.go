package kube

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
	"fmt"
	"os"
)

// LegacyToken makes the account's Secret of type service-account-token in its
// namespace, with a token that does not expire, as the controller manager fills it in.
// The claims: https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/serviceaccount/legacy.go
func (c *Cluster) LegacyToken(ctx context.Context, a *Account, secret string) (string, error) {
	const prefix = "kubernetes.io/serviceaccount/"
	token, err := c.sign(Object{
		"iss": "kubernetes/serviceaccount", "sub": a.User(),
		prefix + "namespace": a.Namespace, prefix + "secret.name": secret,
		prefix + "service-account.name": a.Name, prefix + "service-account.uid": a.UID,
	})
	if err != nil {
		return "", fmt.Errorf("legacy token of %s: %w", a.User(), err)
	}
	_, err = c.Admin().Create(ctx, "/api/v1/namespaces/"+a.Namespace+"/secrets", Object{
		"metadata": Object{"name": secret, "annotations": Object{
			"kubernetes.io/service-account.name": a.Name, "kubernetes.io/service-account.uid": a.UID,
		}},
		"type":       "kubernetes.io/service-account-token",
		"stringData": Object{"token": token},
	})
	return token, err
}

// sign makes a JWT by the key of the API server: RFC 7519, algorithm RS256.
func (c *Cluster) sign(claims Object) (string, error) {
	text, err := os.ReadFile(c.path("accounts.key"))
	if err != nil {
		return "", err
	}
	found, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(found.Bytes)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"RS256"}`)) + "." + part(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	return signed + "." + part(signature), err
}
