package revoketest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// assertion verifies the signed request for an access token, as Google
// describes it: https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
func (t *Transcript) assertion(text string) error {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return errors.New("the assertion is no JSON Web Token")
	}
	var header struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Exp, Iat        int64
	}
	if err := errors.Join(segment(parts[0], &header), segment(parts[1], &claims)); err != nil {
		return err
	}
	if header.Alg != "RS256" || header.Kid != t.values["key_id"] || claims.Iss != t.values["email"] ||
		claims.Aud != "https://oauth2.googleapis.com/token" || claims.Scope != "https://www.googleapis.com/auth/cloud-platform" ||
		claims.Exp <= claims.Iat || claims.Exp-claims.Iat > 3600 {
		return errors.New("the claims of the assertion are not as documented")
	}
	der, err := base64.StdEncoding.DecodeString(t.values["google_public"])
	if err != nil {
		return err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], signature)
}

func segment(text string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
