package stores

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
	"github.com/leakgate/leakgate/remediate/rotate"
)

func scriptOf(t *testing.T, kind string) *script {
	t.Helper()
	for _, s := range scripts(t) {
		if s.kind == kind {
			return s
		}
	}
	t.Fatal("no transcript of " + kind)
	return nil
}

// A service account of Google signs in once, and its token serves until it ends.
// https://developers.google.com/identity/protocols/oauth2/service-account, read 2026-11-26
func TestAServiceAccountSignsInForAToken(t *testing.T) {
	s := scriptOf(t, "gcp-secret-manager")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	check(t, err)
	s.values["email"], s.values["key_id"], s.values["google_public"] = "robot@example-project.iam.gserviceaccount.com", "c0ffee", base64.StdEncoding.EncodeToString(public)
	file, err := json.Marshal(map[string]string{"client_email": s.values["email"], "private_key_id": "c0ffee",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	check(t, err)
	s.values["key"] = string(file)
	b := signedIn(t, s, "key", revoketest.Expected{Method: "POST", Host: "oauth2.googleapis.com", Path: "/token",
		Form: map[string]string{"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "<signed>"}})
	b.signs()
}

// An application of Entra signs in with its secret.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, read 2026-11-26
func TestAnApplicationSignsInForAToken(t *testing.T) {
	s := scriptOf(t, "azure-key-vault")
	s.values["client_secret"] = rand.Text()
	s.Place.Settings = map[string]string{"tenant": "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "client_id": "00001111-aaaa-2222-bbbb-3333cccc4444"}
	b := signedIn(t, s, "client_secret", revoketest.Expected{Method: "POST", Host: "login.microsoftonline.com", Path: "/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/oauth2/v2.0/token",
		Form: map[string]string{"grant_type": "client_credentials", "client_id": "00001111-aaaa-2222-bbbb-3333cccc4444", "client_secret": "{{client_secret}}", "scope": "https://vault.azure.net/.default"}})
	b.signs()
}

// A role of Vault signs in with its secret id.
// https://developer.hashicorp.com/vault/api-docs/auth/approle, read 2026-11-26
func TestARoleSignsInForAToken(t *testing.T) {
	s := scriptOf(t, "vault")
	s.values["secret_id"] = rand.Text()
	s.Place.Settings["role_id"], s.Place.Settings["approle"] = "59d6d1ca-47bb-4e7e-a40b-8be3bc5a0ba8", "apps"
	b := signedIn(t, s, "secret_id", revoketest.Expected{Method: "POST", Host: "vault.example.com:8200", Path: "/v1/auth/apps/login",
		Headers: map[string]string{"X-Vault-Request": "true", "X-Vault-Namespace": "payments/eu"},
		JSON:    map[string]any{"role_id": "59d6d1ca-47bb-4e7e-a40b-8be3bc5a0ba8", "secret_id": "{{secret_id}}"}})
	b.gives = `{"auth":{"client_token":"{{token}}","lease_duration":1200,"renewable":true,"policies":["default","rotate"]},"data":null}`
	b.signs()
}

// signing is a store that signs in first.
type signing struct {
	*bench
	token revoketest.Expected
	gives string // the answer with a token
}

func signedIn(t *testing.T, s *script, credential string, token revoketest.Expected) signing {
	t.Helper()
	s.Place.Credentials = []string{credential}
	return signing{newBench(t, s), token, `{"access_token":"{{token}}","expires_in":3599,"token_type":"Bearer"}`}
}

func (b signing) answer(status int, body string) revoketest.Exchange {
	return revoketest.Exchange{Request: b.token, Serve: b.play.Answer(revoketest.Reply{Status: status, Body: body})}
}

func (b signing) signs() {
	b.t.Helper()
	for name, refusal := range map[string]revoketest.Exchange{
		"no": b.answer(400, `{"error":"invalid_grant"}`), "no token": b.answer(200, `{}`), "HTML": {Request: b.token, Serve: revoketest.Failures()["HTML that says fine"]},
	} {
		b.fake.Expect(b.play, refusal)
		_, err := b.store.Read(b.t.Context(), "")
		b.came(name, err)
		if err == nil || errors.Is(err, rotate.ErrGone) {
			b.t.Errorf("%s: %v", name, err)
		}
	}
	b.fake.Expect(b.play, append([]revoketest.Exchange{b.answer(200, b.gives)}, b.queue(b.t, append(b.Flow.Read, b.Flow.Write...))...)...)
	_, err := b.store.Read(b.t.Context(), "")
	if err == nil {
		_, err = b.write(b.t.Context())
	}
	b.came("sign in", err)
	check(b.t, err)
}
