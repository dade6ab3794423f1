package revoke

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// A scan finds the private_key of a key file, as it stands in JSON; a person
// may hand in the file.
func TestAGoogleKeyIsReadFromTheFileOrFromWhatARuleFinds(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024) // a key for nothing
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	file, err := json.Marshal(map[string]string{"client_email": "robot@p.iam.gserviceaccount.com", "private_key_id": "abc", "private_key": text})
	if err != nil {
		t.Fatal(err)
	}
	beside := map[string]secret.Secret{"email": secret.New("robot@p.iam.gserviceaccount.com"), "key_id": secret.New("abc")}
	p := catalogue(t).Provider("gcp-key")
	for _, c := range []struct {
		name, value string
		given       map[string]secret.Secret
		want        string
	}{
		{"the file", string(file), nil, ""},
		{"the key as it stands in the file", strings.ReplaceAll(text, "\n", `\n`), beside, ""},
		{"the key", text, beside, ""},
		{"the key alone", text, nil, "email and key_id are needed"},
		{"half a file", string(file[:len(file)/2]), nil, "does not parse"},
		{"another text", "canary-value", beside, "neither a service account's key file"},
	} {
		v, err := p.vars(Input{Secret: secret.New(c.value), Given: c.given})
		switch {
		case c.want == "" && (err != nil || v["client_email"].Reveal() != "robot@p.iam.gserviceaccount.com" || v["private_key_id"].Reveal() != "abc" || v["assertion"].IsZero()):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
