package live

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

const authority = "/api/v1/namespaces/leakgate/secrets/leakgate-admission-authority"

// Rotate puts the next authority beside the one that signs, as the webhook does
// itself ninety days before the end of one. The replicas publish it at their next
// look, which they take every minute, and it signs ten minutes after it is valid.
// It returns the wait for a new authority to sign.
func (d *Door) Rotate(ctx context.Context, signs time.Time) (func(context.Context) error, error) {
	before, err := d.signing(ctx)
	if err != nil {
		return nil, err
	}
	cert, key, err := newAuthority(signs.Add(-10 * time.Minute))
	if err != nil {
		return nil, err
	}
	if err := d.next(ctx, cert, key); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return kube.Eventually(ctx, func(ctx context.Context) error {
			now, err := d.signing(ctx)
			if err == nil && now == before {
				err = errors.New("the old authority still signs")
			}
			return err
		})
	}, nil
}

// next stores the next authority as the webhook does, which may update that Secret
// and do nothing else with it.
func (d *Door) next(ctx context.Context, cert, key []byte) error {
	text, own := base64.StdEncoding.EncodeToString, d.cluster.WithToken(d.token)
	held, err := own.Get(ctx, authority)
	if err != nil {
		return err
	}
	data, _ := held["data"].(kube.Object)
	data["next.crt"], data["next.key"] = text(cert), text(key)
	_, err = own.Do(ctx, kube.Request{Method: "PUT", Path: authority, Body: held})
	return err
}

// signing is the certificate of the authority that signs.
func (d *Door) signing(ctx context.Context) (string, error) {
	held, err := d.cluster.Admin().Get(ctx, authority)
	if err != nil {
		return "", err
	}
	data, _ := held["data"].(kube.Object)
	cert, _ := data["ca.crt"].(string)
	return cert, nil
}

func newAuthority(from time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "leakgate admission authority"},
		NotBefore: from, NotAfter: from.Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x509.MarshalECPrivateKey(private)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return block("CERTIFICATE", der), block("EC PRIVATE KEY", raw), err
}
