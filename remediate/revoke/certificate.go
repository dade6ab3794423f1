package revoke

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// deriveCertificate gives what an ACME authority is told of the certificate.
func deriveCertificate(v vars) error {
	c, err := ownCertificate(v)
	if err != nil {
		return err
	}
	v["serial"], v["certificate_der"] = secret.New(fmt.Sprintf("%x", c.SerialNumber)), secret.New(string(c.Raw))
	return nil
}

// deriveIssued gives what an authority of one's own is told of a certificate that
// it issued, by its signature. Anybody can commit a certificate with the serial of
// another one.
func deriveIssued(v vars) error {
	c, err := ownCertificate(v)
	if err != nil {
		return err
	}
	issuers := parseCertificates(v["ca"].Reveal()) // no secret
	if len(issuers) == 0 {
		return errors.New("ca holds no certificate in PEM")
	}
	for _, issuer := range issuers {
		if c.CheckSignatureFrom(issuer) != nil {
			continue
		}
		v["serial_bytes"] = secret.New(serialBytes(c))
		v["certificate_pem"] = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
		v["certificate_sha256"] = secret.New(fingerprint(c))
		return nil
	}
	return errors.New("the certificate of this key was issued by none of ca")
}

// ownCertificate finds the certificate whose public key is that of the value,
// among those that were given: the key is the proof which one it is.
func ownCertificate(v vars) (*x509.Certificate, error) {
	key, err := parseSigner(v["secret"].Reveal()) // its public half is compared
	if err != nil {
		return nil, err
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, errors.New("the key is of no kind that certificates have")
	}
	for _, c := range parseCertificates(v["certificate"].Reveal()) { // no secret
		if public.Equal(c.PublicKey) {
			return c, nil
		}
	}
	return nil, errors.New("none of the certificates that were given has this key")
}

// parseCertificates reads those of a text in PEM, and skips what is none.
func parseCertificates(text string) (list []*x509.Certificate) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return list
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			list = append(list, c)
		}
	}
}

// serialBytes is a serial as bytes in hexadecimal, as in 1b-00-5f.
func serialBytes(c *x509.Certificate) string {
	var pairs []string
	for _, b := range c.SerialNumber.Bytes() {
		pairs = append(pairs, fmt.Sprintf("%02x", b))
	}
	return strings.Join(pairs, "-")
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// fingerprintOf is that of the one certificate of a text in PEM, "" for another text.
func fingerprintOf(text string) string {
	list := parseCertificates(text)
	if len(list) != 1 {
		return ""
	}
	return fingerprint(list[0])
}
