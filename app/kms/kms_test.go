package kms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

const (
	arn     = "arn:aws:kms:eu-west-1:111122223333:key/12345678-90ab-cdef-1234-567890abcdef"
	version = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3"
)

func TestNamesOfKeys(t *testing.T) {
	for _, name := range []string{
		"", "key/1", "arn:aws:kms:eu-west-1:111122223333:key/../x", "arn:aws:s3:::bucket", "arn:aws:kms:evil.example/:111122223333:key/1",
		"projects/p/locations/l/keyRings/r/cryptoKeys/k", version + "/../4", version + "?x", " " + arn,
	} {
		if _, err := Open(t.Context(), name); err == nil || !strings.Contains(err.Error(), "a key is named by") {
			t.Errorf("%q is taken for the name of a key: %v", name, err)
		}
	}
}

// service answers what it is told, and keeps what it was asked.
type service struct {
	*httptest.Server
	key    *rsa.PrivateKey
	asked  *http.Request
	body   []byte
	answer func(digest []byte) (status int, answer any)
}

func newService(t *testing.T) *service {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{key: key}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = r
		s.body, _ = io.ReadAll(r.Body)
		var asked struct {
			Message []byte
			Digest  struct{ SHA256 []byte }
		}
		_ = json.Unmarshal(s.body, &asked)
		status, answer := s.answer(append(asked.Message, asked.Digest.SHA256...))
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) signature(digest []byte) []byte {
	out, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest)
	if err != nil {
		return nil
	}
	return out
}

// amazonKey opens a key of AWS at the service, by the variables that AWS' tools read.
func (s *service) amazonKey(t *testing.T) *Key {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_KMS": s.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "none of AWS", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	key, err := Open(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *service) googleKey() *Key {
	return &Key{newGoogle(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "none of Google"}), s.URL+"/v1/", version)}
}

func signs(t *testing.T, s *service, key *Key) {
	t.Helper()
	digest := sha256.Sum256([]byte("text"))
	out, err := key.Sign(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, digest[:], out); err != nil {
		t.Error(err)
	}
}

func TestAmazonSigns(t *testing.T) {
	s := newService(t)
	s.answer = func(digest []byte) (int, any) {
		return http.StatusOK, map[string]any{"KeyId": arn, "Signature": s.signature(digest), "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
	}
	signs(t, s, s.amazonKey(t))
	if s.asked.Header.Get("X-Amz-Target") != "TrentService.Sign" || !strings.Contains(s.asked.Header.Get("Authorization"), "/eu-west-1/kms/aws4_request") {
		t.Errorf("asked %v", s.asked.Header)
	}
	for _, want := range []string{`"MessageType":"DIGEST"`, `"SigningAlgorithm":"RSASSA_PKCS1_V1_5_SHA_256"`, arn} {
		if !bytes.Contains(s.body, []byte(want)) {
			t.Errorf("%s is not in %s", want, s.body)
		}
	}
}

func TestGoogleSigns(t *testing.T) {
	s := newService(t)
	s.answer = func(digest []byte) (int, any) {
		return http.StatusOK, map[string]any{"name": version, "signature": s.signature(digest), "verifiedDigestSha256": true}
	}
	signs(t, s, s.googleKey())
	if s.asked.URL.Path != "/v1/"+version+":asymmetricSign" || s.asked.Header.Get("Authorization") != "Bearer none of Google" {
		t.Errorf("asked %s %v", s.asked.URL, s.asked.Header)
	}
}

func TestServicesThatDoNotSign(t *testing.T) {
	s := newService(t)
	amazon, google := s.amazonKey(t), s.googleKey()
	digest := sha256.Sum256([]byte("text"))
	for name, c := range map[string]struct {
		key    *Key
		status int
		answer any
		want   string
	}{
		"refused by Amazon":        {amazon, 400, map[string]string{"__type": "AccessDeniedException", "message": "x-canary"}, "kms:Sign"},
		"unknown to Amazon":        {amazon, 400, map[string]string{"__type": "NotFoundException", "message": "x-canary"}, "no such key"},
		"disabled at Amazon":       {amazon, 400, map[string]string{"__type": "DisabledException", "message": "x-canary"}, "disabled"},
		"of another use at Amazon": {amazon, 400, map[string]string{"__type": "InvalidKeyUsageException", "message": "x-canary"}, "SIGN_VERIFY"},
		"anything else at Amazon":  {amazon, 400, map[string]string{"__type": "LimitExceededException", "message": "x-canary"}, "LimitExceededException"},
		"no signature of Amazon":   {amazon, 200, map[string]string{}, "2048"},
		"refused by Google":        {google, 403, map[string]string{"error": "x-canary"}, "useToSign"},
		"unknown to Google":        {google, 404, map[string]string{"error": "x-canary"}, "no such version"},
		"of another use at Google": {google, 400, map[string]string{"error": "x-canary"}, "RSA_SIGN_PKCS1"},
		"redirected by Google":     {google, 302, map[string]string{}, "302"},
		"another key of Google":    {google, 200, map[string]any{"name": "projects/other", "signature": make([]byte, 256)}, "another key"},
		"a small key at Google":    {google, 200, map[string]any{"name": version, "signature": make([]byte, 128)}, "2048"},
		"no object of Google":      {google, 200, "text", "not JSON"},
	} {
		s.answer = func([]byte) (int, any) { return c.status, c.answer }
		_, err := c.key.Sign(t.Context(), digest[:])
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServiceThatDoesNotAnswer(t *testing.T) {
	s := newService(t)
	held := make(chan struct{})
	s.answer = func([]byte) (int, any) { <-held; return 500, nil }
	defer close(held)
	for _, key := range []*Key{s.amazonKey(t), s.googleKey()} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := key.Sign(ctx, make([]byte, 32)); err == nil {
			t.Error("a signature came from nowhere")
		}
	}
}
