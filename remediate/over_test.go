package remediate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// A certificate that one's own authority signed is asked about there, and any other
// at the public one.
func TestTheAuthorityThatSignedACertificateIsAsked(t *testing.T) {
	catalogue, err := revoke.Default()
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	own := secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	c := Case{
		Rule: "private-key", Value: secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE" + " KEY", Bytes: private}))),
		Companions: map[string]secret.Secret{"certificate": own},
	}
	e := &Engine{Catalogue: catalogue, Given: map[string]secret.Secret{
		"vault-certificate.host": secret.New("vault.example:8200"), "vault-certificate.admin_token": secret.New("token"),
	}}
	for ca, want := range map[string]string{"": "acme-certificate", "nobody": "acme-certificate", own.Reveal(): "vault-certificate"} {
		delete(e.Given, "vault-certificate.ca")
		if ca != "" {
			e.Given["vault-certificate.ca"] = secret.New(ca)
		}
		p, note := e.provider(c)
		if p == nil || p.ID != want {
			t.Errorf("asked %v (%s), want %s", p, note, want)
		}
	}
}
