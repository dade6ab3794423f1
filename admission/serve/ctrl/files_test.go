package ctrl

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair writes a certificate with a serial number and its key; without a
// key the files do not fit.
func writePair(t *testing.T, folder string, serial int64, withKey bool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if withKey {
		files["tls.key"] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesAreFollowedAndAPairThatDoesNotFitIsNot(t *testing.T) {
	folder := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	present := func(context.Context) (bool, error) { return true, nil }
	if _, err := OpenFiles(ctx, folder, time.Second, present); err == nil {
		t.Error("a folder without certificates is served from")
	}
	writePair(t, folder, 1, true)
	f, err := OpenFiles(ctx, folder, 20*time.Millisecond, present)
	if err != nil {
		t.Fatal(err)
	}
	serves := func(serial int64) bool {
		pair, err := f.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64() == serial
	}
	if !serves(1) {
		t.Error("another certificate is served")
	}
	writePair(t, folder, 2, false) // half of a rotation
	time.Sleep(200 * time.Millisecond)
	if !serves(1) {
		t.Error("a certificate without its key is served")
	}
	writePair(t, folder, 3, true)
	for range 200 {
		if serves(3) {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if !serves(3) {
		t.Error("the new certificate is not served")
	}
	if err := f.Sync(ctx); err != nil || !f.Status().Trusted || !f.Status().Present || f.Status().Expires.IsZero() {
		t.Errorf("%v, %+v", err, f.Status())
	}
	f.present = func(context.Context) (bool, error) { return false, errors.New("connection refused") }
	if err := f.Sync(ctx); err == nil {
		t.Error("an outage is not told")
	}
}
