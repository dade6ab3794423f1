package kms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAServiceOfAmazonsKind has local-kms sign with a key that it was given, which is told
// from one for encryption and from one that is not there.
// https://github.com/nsmithuk/local-kms
func TestAServiceOfAmazonsKind(t *testing.T) {
	binary := os.Getenv("LEAKGATE_LOCAL_KMS")
	if binary == "" {
		t.Skip("LEAKGATE_LOCAL_KMS names no service: test/e2e/run kms builds one")
	}
	signing, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	address := serveKeys(t, binary, signing)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_KMS": "http://" + address, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "none of AWS",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	digest := sha256.Sum256([]byte("text"))
	for id, want := range map[string]string{"a": "", "b": "SIGN_VERIFY", "c": "no such key"} {
		key, err := Open(t.Context(), strings.Replace(arn, "key/1", "key/"+id, 1))
		if err != nil {
			t.Fatal(err)
		}
		out, err := key.Sign(t.Context(), digest[:])
		switch {
		case want == "" && err == nil:
			err = rsa.VerifyPKCS1v15(&signing.PublicKey, crypto.SHA256, digest[:], out)
		case err != nil && want != "" && strings.Contains(err.Error(), want):
			err = nil
		case err == nil:
			err = fmt.Errorf("it signed")
		}
		if err != nil {
			t.Errorf("key %s, want %q: %v", id, want, err)
		}
	}
}

// serveKeys runs the service with a key that signs, a, and one that encrypts, b.
func serveKeys(t *testing.T, binary string, signing *rsa.PrivateKey) (address string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(signing)
	if err != nil {
		t.Fatal(err)
	}
	seed := "Keys:\n  Asymmetric:\n    Rsa:\n"
	for id, usage := range map[string]string{"a": "SIGN_VERIFY", "b": "ENCRYPT_DECRYPT"} {
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: der}))
		seed += fmt.Sprintf("      - Metadata:\n          KeyId: %s2345678-90ab-cdef-1234-567890abcdef\n          KeyUsage: %s\n        PrivateKeyPem: |\n          %s\n",
			id, usage, strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n          "))
	}
	file := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "PORT="+port, "KMS_SEED_PATH="+file, "KMS_DATA_PATH="+t.TempDir(), "KMS_REGION=eu-west-1", "KMS_ACCOUNT_ID=111122223333")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return "127.0.0.1:" + port
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
