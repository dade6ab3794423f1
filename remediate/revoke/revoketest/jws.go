package revoketest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"reflect"
	"time"
)

// JWS is a request that is signed with the leaked key itself, as RFC 8555 says:
// https://www.rfc-editor.org/rfc/rfc8555#section-6.2
type JWS struct {
	Nonce   string         `toml:"nonce"`
	URL     string         `toml:"url"`
	Payload map[string]any `toml:"payload"`
}

// Before is a request that comes before the one that is meant, with its answer.
type Before struct {
	Request Expected          `toml:"request"`
	Status  int               `toml:"status"`
	Headers map[string]string `toml:"headers"`
	Body    string            `toml:"body"`
}

// queue is everything that a step sends, answered by serve at its end.
func (t *Transcript) queue(step *Step, serve http.HandlerFunc) (all []Exchange) {
	for _, b := range step.Before {
		all = append(all, Exchange{b.Request, t.serve(Reply{Status: b.Status, Headers: b.Headers, Body: b.Body})})
	}
	return append(all, Exchange{step.Request, serve})
}

// jws verifies a signed request, and says how it is not the documented one.
func (t *Transcript) jws(body string, want JWS) string {
	var sent struct{ Protected, Payload, Signature string }
	var header struct {
		Alg, Nonce, URL, Kid string
		JWK                  struct{ Kty, Crv, X, Y string }
	}
	if json.Unmarshal([]byte(body), &sent) != nil || segment(sent.Protected, &header) != nil {
		return "the body is no signed request"
	}
	block, _ := pem.Decode([]byte(t.values["secret"]))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return err.Error()
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return err.Error()
	}
	x, y := point[1:33], point[33:]
	raw := base64.RawURLEncoding
	if header.Alg != "ES256" || header.Kid != "" || header.JWK.Kty != "EC" || header.JWK.Crv != "P-256" ||
		header.JWK.X != raw.EncodeToString(x) || header.JWK.Y != raw.EncodeToString(y) || header.Nonce != want.Nonce || header.URL != want.URL {
		return "the header of the signed request is not as documented"
	}
	signature, err := raw.DecodeString(sent.Signature)
	sum := sha256.Sum256([]byte(sent.Protected + "." + sent.Payload))
	if err != nil || len(signature) != 64 || !ecdsa.Verify(&key.PublicKey, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return "the request is not signed with the leaked key"
	}
	var got, expected any
	text, err := json.Marshal(want.Payload)
	if err != nil || segment(sent.Payload, &got) != nil || json.Unmarshal(text, &expected) != nil || !reflect.DeepEqual(got, t.fillTree(expected)) {
		return "the signed document is not as documented"
	}
	return ""
}

// generateCertificate makes a key, its certificate, and a decoy that stands first.
func (t *Transcript) generateCertificate() error {
	bundle := ""
	for serial := int64(7001); serial <= 7002; serial++ {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "www.example"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return err
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return err
		}
		bundle += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		t.values["secret"] = string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE" + " KEY", Bytes: private}))
		t.values["serial"], t.values["certificate_url"] = big.NewInt(serial).Text(16), base64.RawURLEncoding.EncodeToString(der)
	}
	t.values["certificate"] = bundle
	return nil
}
