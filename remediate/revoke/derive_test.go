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

// Each part of AWS is asked at its own hosts, with signatures for its own region.
func TestThePartsOfAWSHaveTheirOwnHosts(t *testing.T) {
	p := catalogue(t).Provider("aws-key")
	for partition, want := range map[string]string{
		"": "sts.amazonaws.com us-east-1", "aws-cn": "sts.cn-north-1.amazonaws.com.cn cn-north-1", "aws-us-gov": "sts.us-gov-west-1.amazonaws.com us-gov-west-1",
	} {
		given := map[string]secret.Secret{"secret_key": secret.New("s"), "partition": secret.New(partition)}
		v, err := p.vars(Input{Secret: secret.New("AKIA" + strings.Repeat("A", 16)), Given: given})
		if err != nil {
			t.Fatal(err)
		}
		req, err := p.prepare(t.Context(), p.Check.Request, v)
		if err != nil {
			t.Fatal(err)
		}
		_, region, _ := strings.Cut(want, " ")
		if req.URL.Host+" "+region != want || !strings.Contains(req.Header.Get("Authorization"), "/"+region+"/sts/") {
			t.Errorf("%q is asked at %s: %s", partition, req.URL.Host, want)
		}
	}
	if _, err := p.vars(Input{Secret: secret.New("AKIA" + strings.Repeat("A", 16)), Given: map[string]secret.Secret{"partition": secret.New("aws-iso")}}); err == nil {
		t.Error("a partition that is not known is taken")
	}
}
