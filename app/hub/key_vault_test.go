package hub

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/secret"
)

// transit answers as Vault's engine does, with a key of its own: a real one is asked in
// test/revoke. https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data
func transit(t *testing.T, key Key, seen *string) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Input     string `json:"input"`
			Prehashed bool   `json:"prehashed"`
			Algorithm string `json:"signature_algorithm"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !body.Prehashed || body.Algorithm != "pkcs1v15" {
			t.Errorf("%+v, %v", body, err)
		}
		*seen = r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Vault-Namespace")
		if r.Header.Get("X-Vault-Token") != "good" {
			http.Error(w, `{"errors":["permission denied"]}`, http.StatusForbidden)
			return
		}
		digest, _ := base64.StdEncoding.DecodeString(body.Input)
		signature, err := key.Sign(r.Context(), digest)
		if err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(signature)}})
	}))
	t.Cleanup(server.Close)
	return server
}

func vaultToken(text string) func() (secret.Secret, error) {
	return func() (secret.Secret, error) { return secret.New(text), nil }
}

func TestAppSignsByVault(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	var seen string
	server := transit(t, w.key(), &seen)
	w.app = w.newApp(VaultKey{Address: server.URL, Mount: "team/transit", Name: "leakgate", Namespace: "org", Token: vaultToken("good")})
	w.must(w.open(ToRead()).Close(t.Context()))
	if seen != "POST /v1/team/transit/sign/leakgate/sha2-256 org" {
		t.Errorf("asked %s", seen)
	}
}

func TestVaultThatDoesNotSign(t *testing.T) {
	digest := sha256.Sum256([]byte("x"))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short, err := small.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]string{
		"a small key": `{"data":{"signature":"vault:v1:` + base64.StdEncoding.EncodeToString(short) + `"}}`, "no JSON": "<html>", "nothing": "{}", "no base64": `{"data":{"signature":"vault:v1:!"}}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		if _, err := (VaultKey{Address: server.URL, Name: "x", Token: vaultToken("good")}).Sign(t.Context(), digest[:]); err == nil {
			t.Errorf("%s was taken for a signature", name)
		}
		server.Close()
	}
	for _, v := range []VaultKey{
		{Address: "http://vault.example.com", Name: "x", Token: vaultToken("t")}, {Address: "https://v", Name: "../x", Token: vaultToken("t")}, {Address: "https://v", Name: "x?y", Token: vaultToken("t")},
		{Address: "https://u:p@v", Name: "x", Token: vaultToken("t")}, {Address: "https://v", Name: "x"},
	} {
		if v.Check() == nil {
			t.Errorf("%q %q was taken", v.Address, v.Name)
		}
	}
	lost := VaultKey{Address: "https://v", Name: "x", Token: func() (secret.Secret, error) { return secret.Secret{}, errors.New("no file") }}
	if _, err := lost.Sign(t.Context(), digest[:]); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("got %v", err)
	}
}
