package serve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Lives of certificates, and when the next one is made.
const (
	caLife     = 365 * 24 * time.Hour
	caRenewal  = 90 * 24 * time.Hour // before the end: the next authority is published
	leafLife   = 7 * 24 * time.Hour
	leafRenew  = 2 * 24 * time.Hour // before the end
	backdating = 5 * time.Minute    // clocks differ
	// settling is how long a new authority is published before it signs: every
	// API server has to have seen the new bundle.
	settling = 5 * time.Minute
)

// Names of the data of the Secret that holds the authority.
const (
	fieldCert     = "ca.crt"
	fieldKey      = "ca.key"
	fieldNextCert = "next.crt"
	fieldNextKey  = "next.key"
	fieldOldCert  = "old.crt"
)

// authority is what the Secret holds: the certificate that signs, the one that
// will, and the one that did.
type authority map[string][]byte

// advance is what the authority should be next, and whether it changed:
// made where there is none, followed by the next before its end, replaced by
// the next when that has been public for long enough.
func (a authority) advance(now time.Time, published bool) (authority, bool, error) {
	current, err := a.certificate(fieldCert)
	if err != nil || !now.Before(current.NotAfter) || a.keyFor(fieldCert, fieldKey) != nil {
		cert, key, err := newAuthority(now)
		return authority{fieldCert: cert, fieldKey: key}, true, err
	}
	next, err := a.certificate(fieldNextCert)
	switch {
	case err != nil && now.After(current.NotAfter.Add(-caRenewal)):
		cert, key, err := newAuthority(now)
		return a.with(authority{fieldNextCert: cert, fieldNextKey: key}), true, err
	case err == nil && published && now.After(next.NotBefore.Add(backdating+settling)):
		return authority{fieldCert: a[fieldNextCert], fieldKey: a[fieldNextKey], fieldOldCert: a[fieldCert]}, true, nil
	}
	return a, false, nil
}

func (a authority) with(more authority) authority {
	out := authority{}
	for _, from := range []authority{a, more} {
		for name, value := range from {
			out[name] = value
		}
	}
	return out
}

// bundle is what API servers trust.
func (a authority) bundle() []byte {
	return bytes.Join([][]byte{a[fieldCert], a[fieldNextCert], a[fieldOldCert]}, nil)
}

func (a authority) certificate(field string) (*x509.Certificate, error) {
	block, _ := pem.Decode(a[field])
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate", field)
	}
	return x509.ParseCertificate(block.Bytes)
}

// keyFor says whether a key is that of a certificate. The error holds no key.
func (a authority) keyFor(cert, key string) error {
	if _, err := tls.X509KeyPair(a[cert], a[key]); err != nil {
		return errors.New("the key of the authority does not fit its certificate")
	}
	return nil
}

func newAuthority(now time.Time) (cert, key []byte, err error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "leakgate admission authority"}, NotBefore: now.Add(-backdating), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, MaxPathLenZero: true,
	}
	return sign(template, nil, nil)
}

// leaf is a new certificate of the server under the authority.
func (a authority) leaf(now time.Time, names []string) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(a[fieldCert], a[fieldKey])
	if err != nil {
		return nil, errors.New("the key of the authority does not fit its certificate")
	}
	parent, err := a.certificate(fieldCert)
	if err != nil {
		return nil, err
	}
	end := now.Add(leafLife)
	if end.After(parent.NotAfter) {
		end = parent.NotAfter
	}
	dns, addresses := sortNames(names)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: dns, IPAddresses: addresses, NotBefore: now.Add(-backdating), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, key, err := sign(template, parent, pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	out, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &out, nil
}

// sortNames parts names of hosts from addresses.
func sortNames(names []string) (dns []string, addresses []net.IP) {
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			addresses = append(addresses, address)
		} else {
			dns = append(dns, name)
		}
	}
	return dns, addresses
}

// sign makes a key and its certificate; without a parent it signs itself.
func sign(template, parent *x509.Certificate, by any) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	if parent == nil {
		parent, by = template, private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &private.PublicKey, by)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), nil
}
