package revoketest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
)

// generateIssued makes two authorities, a key with its certificate by the second, and
// before it a decoy: a certificate of another key.
func (t *Transcript) generateIssued() error {
	pair := func(of *x509.Certificate, by *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		of.NotBefore, of.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
		if by == nil {
			of.IsCA, of.BasicConstraintsValid, of.KeyUsage = true, true, x509.KeyUsageCertSign
			by, signer = of, key
		}
		der, err := x509.CreateCertificate(rand.Reader, of, by, key.Public(), signer)
		if err != nil {
			return nil, nil, err
		}
		c, err := x509.ParseCertificate(der)
		return c, key, err
	}
	named := func(name string, serial int64) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}}
	}
	other, _, err := pair(named("other", 1), nil, nil)
	if err != nil {
		return err
	}
	authority, signer, err := pair(named("authority", 2), nil, nil)
	if err != nil {
		return err
	}
	decoy, _, err := pair(named("www.example", 7001), authority, signer)
	if err != nil {
		return err
	}
	own, key, err := pair(named("www.example", 7002), authority, signer)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(own.Raw)
	t.values["secret"] = string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE" + " KEY", Bytes: private}))
	t.values["ca"] = inPEM(other) + inPEM(authority)
	t.values["certificate"] = inPEM(decoy) + inPEM(own)
	t.values["certificate_pem"], t.values["issued"] = inPEM(own), strings.TrimSpace(inPEM(own))
	t.values["certificate_sha256"] = hex.EncodeToString(sum[:])
	return nil
}

func inPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
